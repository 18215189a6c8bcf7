"""What the measurements of motion print, on a person without a video."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from rtmw_ext.core.skeleton import KEYPOINT_NAMES, PARTS
from rtmw_ext.motion import Motion
from rtmw_ext.output import FORMATS
from rtmw_ext.synthetic.clips import Truth
from support.motion import (
    CAMERA,
    FROM_CAMERA,
    SIZE,
    motion_of,
    moving_animation,
    points_of,
    track_of,
)
from support.tools import load_tool

pytestmark = pytest.mark.torch
bench = load_tool('bench/motion')
RATE = 30
TIMES = np.arange(45) / RATE
FEET = slice(PARTS['feet'].start, PARTS['feet'].stop)
LEFT, RIGHT = (
    [
        KEYPOINT_NAMES.index(f'{side}_{name}')
        for name in ('big_toe', 'small_toe', 'heel')
    ]
    for side in ('left', 'right')
)


def make_truth():
    """The truth of a person whose left foot stands while the right one goes 1 m/s, and
    the people of each frame."""
    points = points_of(moving_animation(0, TIMES))
    points[:, LEFT] = points[0, LEFT]
    points[:, RIGHT] = points[0, RIGHT] + TIMES[:, None, None] * (1, 0, 0)
    track = track_of(0, points, range(len(TIMES)), TIMES)
    seen = np.full((len(TIMES), 1, 133), 2, np.uint8)
    contacts = np.zeros((len(TIMES), 1, 6), bool)
    contacts[..., :3] = True
    empty = np.zeros(0)
    truth = Truth(
        TIMES,
        SIZE,
        float(RATE),
        CAMERA['K'],
        np.repeat(FROM_CAMERA[None, :3], len(TIMES), 0),
        empty,
        track.keypoints[:, None],
        track.keypoints_3d_cam[:, None],
        track.world[:, None],
        seen,
        track.boxes[:, None],
        np.ones((len(TIMES), 1)),
        contacts,
        *[empty] * 5,
    )
    return truth, [truth.people(frame) for frame in range(len(TIMES))]


@pytest.fixture(scope='module')
def clip():
    return make_truth()


@pytest.fixture
def folder(clip, tmp_path):
    """A set of the clip, with what networks found: the truth."""
    truth, people = clip
    for name in ('clip-000', 'clip-000/predicted'):
        (tmp_path / name).mkdir()
        results = FORMATS['npz'](tmp_path / name)
        for number, (persons, time) in enumerate(zip(people, TIMES.tolist())):
            results.add('clip-000', number, persons, time)
        results.close()
    truth.write(tmp_path / 'clip-000' / 'truth.npz')
    return tmp_path


def test_solve_measures_from_the_hips(clip):
    truth, people = clip
    (row,) = bench.measure_3d('clip', truth, people)
    assert row['MPJPE before'] == pytest.approx(0, abs=0.01)
    assert row['slide before'] == pytest.approx(0, abs=0.1)
    assert not row['moves']
    rng = np.random.default_rng(0)
    noisy = []
    for persons in people:
        away = rng.normal(0, 1, (1, 133, 3))
        away *= 0.03 / np.linalg.norm(away, axis=-1, keepdims=True)
        away[:, [11, 12]] = 0
        away += rng.normal(0, 0.5, 3)  # All of the body: no error.
        points = (persons.keypoints_3d_cam + away).astype(np.float32)
        noisy.append(replace(persons, keypoints_3d_cam=points))
    (row,) = bench.measure_3d('clip', truth, noisy)
    assert row['MPJPE before'] == pytest.approx(30 * 131 / 133, abs=0.1)
    assert row['slide before'] > 5000
    assert row['jitter after'] < 0.2 * row['jitter before']
    assert row['bones after'] < 0.001 < row['bones before']


def test_solve_tells_walking_feet_that_are_held(clip):
    truth, people = clip
    (row,) = bench.measure_3d('clip', truth, people)
    assert row['walking'] == 3 * len(TIMES) and row['held'] == 0
    still = []
    for persons in people:
        persons = replace(persons, keypoints=persons.keypoints.copy())
        persons.keypoints[:, RIGHT] = people[0].keypoints[:, RIGHT]
        still.append(persons)
    (row,) = bench.measure_3d('clip', truth, still)
    assert row['held'] > 0.9


def test_solve_says_what_all_tracks_say(folder, monkeypatch, tmp_path, capsys):
    for name in ('Detector', 'PoseModel', 'resolve_network'):
        monkeypatch.setattr(bench, name, lambda *_, **__: None)
    path = tmp_path / 'figures.json'
    arguments = ['motion.py', str(folder), '--solve', '--json', str(path)]
    monkeypatch.setattr(sys, 'argv', arguments)
    bench.main()
    figures = json.loads(path.read_text())
    (row,) = figures['rows']
    assert figures['tracks'] == 1 and figures['held'] == 0
    assert figures['slide'] == row['slide after']
    assert figures['jitter'] == row['jitter after'] / row['jitter before']
    assert '1 clips, 1 persons' in capsys.readouterr().out


def test_time_is_that_of_a_long_clip(clip, monkeypatch):
    truth, people = clip
    monkeypatch.setattr(bench, 'PEOPLE', 1)
    monkeypatch.setattr(bench, 'SECONDS', 4)
    frames = bench.long_clip(truth, people)
    assert [frame.frame for frame in frames] == list(range(4 * RATE))
    last = len(people) - 1
    for number, wanted in ((last, last), (last + 3, last - 3), (2 * last + 2, 2)):
        assert frames[number].people is people[wanted]
    found = []
    clock = iter(range(100))
    monkeypatch.setattr(bench.time, 'process_time', lambda: next(clock))
    monkeypatch.setattr(
        bench, 'Video', lambda path: [np.zeros((1, 1, 3))] * len(people)
    )
    path = SimpleNamespace(with_suffix=lambda suffix: None)
    figures = bench.measure_time(
        path, truth, people, lambda *given: found.append(given)
    )
    # Each step takes a tick of this clock; the network was given all frames, and one
    # before to warm up.
    assert len(found) == len(people) + 1
    pose = 4 * RATE / len(people)
    assert figures['pose'] == pytest.approx(pose)
    assert figures['share of smooth and solve'] == pytest.approx(2 / pose)


@pytest.fixture(scope='module')
def files():
    for name in ('bvhio', 'c3d', 'pandas', 'pygltflib', 'pose_format'):
        pytest.importorskip(name, reason=f'{name} (requirements/dev.txt) is absent')
    return load_tool('bench/motion_files')


def test_files_are_read_back(files, folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['motion_files.py', str(folder)])
    files.main()
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == '1 clips, 1 people, mm:'
    figures = {name: float(most) for name, _, _, most in map(str.split, rows)}
    assert list(figures) == list(files.READERS)
    assert max(figures[name] for name in ('trc', 'c3d', 'pose')) < 0.01


def test_joints_of_files_are_where_the_skeleton_is(files):
    """Of a skeleton with constant bones nothing is left but the rounding of files."""
    points = points_of(moving_animation(0, TIMES))
    track = track_of(1, points, range(len(TIMES)), TIMES)
    motion = motion_of(track, times=TIMES)
    for name in ('bvh', 'glb'):
        (errors,) = files.errors_of(motion, name)
        assert errors.size > 1000 and errors.max() < 1, name


def test_a_wrong_place_is_seen(files, folder, monkeypatch):
    motion = files.read_motion(folder / 'clip-000')
    assert isinstance(motion, Motion)
    read = files.READERS['trc']
    monkeypatch.setitem(files.READERS, 'trc', lambda *given: read(*given) + (0, 0.1, 0))
    (errors,) = files.errors_of(motion, 'trc')
    assert errors == pytest.approx(100, abs=0.01)
