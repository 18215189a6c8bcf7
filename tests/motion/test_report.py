"""Quality of tracks in numbers."""

import json

import numpy as np
import pytest

from motion.paths import moving_person, to_motion
from rtmw_ext.core.skeleton import PARTS
from rtmw_ext.motion.report import UNITS, measure, write_report


def test_a_line_without_jitter():
    times = np.arange(30) / 30
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 133, 3)) + (0, 0, 5)
    points[:, 91] = points[:, 9]  # A hand begins where the wrist is.
    (row,) = measure(to_motion(times, points + times[:, None, None] * (0.5, 0, 0)))
    assert row.id == 1 and row.start == 0 and row.end == pytest.approx(29 / 30)
    assert row.shares == dict(measured=1, filled=0, changed=0, missing=0, kept=0)
    assert row.score == 1 and row.jitter < 0.01 and row.jitter_3d < 0.02
    assert row.bone_spread < 1e-5
    assert row.foot_slide is None  # The feet move at 0.5 m/s.


def test_numbers_say_what_is_wrong():
    times = np.arange(60) / 30
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 133, 3)) + (0, 0, 5)
    points = np.repeat(points, 60, axis=0)
    # Away from the camera along the rays of feet: the picture shows nothing.
    feet = list(PARTS['feet'])
    away = points[:, feet] / np.linalg.norm(points[:, feet], axis=-1, keepdims=True)
    points[:, feet] += 0.1 * times[:, None, None] * away
    # The elbow, up and down by 1 cm: the third difference is 4 times that.
    points[::2, 7, 1] += 0.01
    scores = np.ones((60, 133))
    scores[20:26] = 0
    (row,) = measure(to_motion(times, points, scores=scores))
    assert row.foot_slide == pytest.approx(100, rel=0.02)
    assert row.jitter_3d == pytest.approx(40 / 23, rel=0.02)
    assert row.shares['missing'] == pytest.approx(0.1) and row.bone_spread > 0.001


def test_2d_has_no_metres():
    motion = to_motion(*moving_person(count=3))
    motion.tracks[0].keypoints_3d_cam = None
    (row,) = measure(motion)
    assert row.jitter_3d is row.bone_spread is row.foot_slide is row.jitter is None


def test_the_report_is_a_file(tmp_path):
    motion = to_motion(*moving_person(count=6), scores=np.full((6, 133), 0.5))
    motion.tracks[0].world = None
    path = tmp_path / 'clip.report.json'
    rows = write_report(motion, path)
    content = json.loads(path.read_text())
    assert content['source'] == 'clip'
    (row,) = content['people']
    assert row == {'id': 1, **{name: getattr(rows[0], name) for name in UNITS}}
    assert row['score'] == pytest.approx(0.5) and row['shares']['measured'] == 1
    assert row['jitter'] > 0 and row['foot_slide'] is None
    write_report(motion.with_tracks([]), path)
    assert json.loads(path.read_text())['people'] == []
