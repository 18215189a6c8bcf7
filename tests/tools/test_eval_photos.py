"""Our networks on photos, and MediaPipe's points as COCO-WholeBody's."""

import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from rtmw_ext.core.skeleton import PARTS
from rtmw_ext.evaluation.photos import PhotoSet
from support.paths import RTMW_T
from support.tools import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('bench/eval_photos')


@pytest.fixture(scope='module')
def holistic():
    return load_tool('bench/mediapipe_holistic')


def marks(count):
    """Landmark i of ``count`` is at x = i / 1000, y = 0.5."""
    return SimpleNamespace(
        landmark=[
            SimpleNamespace(x=number / 1000, y=0.5, visibility=0.7)
            for number in range(count)
        ]
    )


def test_network_of_a_checkpoint(tool, rtmw_t, tmp_path):
    model, _ = rtmw_t
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'best.pth')
    pose = tool.load_pose(f'{RTMW_T}={tmp_path}/best.pth', tmp_path)
    assert pose.input_size == (192, 256) and pose.num_keypoints == 133


def test_mediapipes_points(holistic):
    nobody = SimpleNamespace(
        pose_landmarks=None,
        face_landmarks=None,
        left_hand_landmarks=None,
        right_hand_landmarks=None,
    )
    points, scores = holistic.to_wholebody(nobody, 1000)
    assert points.shape == (133, 2) and not scores.any()
    found = SimpleNamespace(
        pose_landmarks=marks(33),
        face_landmarks=marks(468),
        left_hand_landmarks=marks(21),
        right_hand_landmarks=None,
    )
    points, scores = holistic.to_wholebody(found, 1000)
    x = (points[:, 0] + 0.5).round()
    # Nose, left wrist, right ankle; left heel, right big toe.
    assert x[[0, 9, 16, 19, 20]].tolist() == [0, 15, 28, 29, 32]
    # The mesh's outer eye corners: the person's right one first, as of the 68.
    assert x[[59, 68]].tolist() == [33, 263]
    assert x[91:112].tolist() == list(range(21))
    assert (scores[:17] == 0.7).all() and (scores[23:112] == 1).all()
    # It has no small toes; a hand that was not found has no points.
    assert not scores[[18, 21]].any() and not scores[112:].any()
    assert np.allclose(points[scores > 0, 1], 499.5)


def test_mediapipes_crops(holistic):
    photo = np.zeros((100, 80, 3), np.uint8)
    photo[50, 40] = 255
    crop, corner = holistic.crop_box(photo, (20, 20, 60, 80))
    assert crop.shape == (75, 75, 3)
    y, x = np.argwhere(crop[..., 0] > 60).mean(0)
    assert abs(x + corner[0] - 40) <= 0.5 and abs(y + corner[1] - 50) <= 0.5


def test_mediapipe_reads_what_the_other_python_writes(tool, tmp_path, monkeypatch):
    script = tmp_path / 'fake.py'
    script.write_text(
        'import json, sys, numpy as np\n'
        'rows = json.load(open(sys.argv[1]))\n'
        'points = np.array([[row[1:3]] * 133 for row in rows])\n'
        'np.savez(sys.argv[2], points=points, scores=points[..., 0], seconds=[.5])\n'
    )
    monkeypatch.setattr(tool, 'MEDIAPIPE', script)
    mediapipe = tool.MediaPipePredictor(sys.executable)
    points, scores = mediapipe(['a.jpg'], np.array([[3.0, 4, 5, 6]]))
    assert points.tolist() == [[[3, 4]] * 133] and mediapipe.seconds == [0.5]


def test_figures_of_a_set(tool, tmp_path):
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 90, (2, 133, 2))
    known = np.zeros((2, 133), bool)
    known[:, list(PARTS['body'])] = known[:, list(PARTS['left_hand'])] = True
    photo = tmp_path / 'a.png'
    cv2.imwrite(str(photo), np.zeros((90, 90, 3), np.uint8))
    truth = PhotoSet([photo] * 2, np.array([[0.0, 0, 90, 100]] * 2), points, known)
    found = tool.photo_figures(truth, points + (0, 9.0), 'ccp')
    assert found['ccp body < 0.1'] == 1
    assert 0.08 < found['ccp hand error'] < 0.2
    assert set(found) == {'ccp body < 0.1', 'ccp hand error', 'ccp hand < 0.1'}

    def predict(paths, boxes):
        return points + (0, 11.0), np.full((2, 133), 0.5)

    outcomes = {}
    figures = tool.evaluate_sets(predict, {'ccp': truth}, outcomes)
    assert figures['ccp body < 0.1'] == 0
    scores, right = outcomes['body'][0]
    assert len(scores) == 34 and not right.any()
    # Of others, only what they found has a distance.
    figures = tool.evaluate_sets(
        lambda *_: (points, np.where(np.arange(133) < 17, 0.5, 0) * np.ones((2, 1))),
        {'ccp': truth},
    )
    assert figures['ccp hands found'] == 0 and np.isnan(figures['ccp hand error'])


def test_targets(tool):
    """A figure that is to be great, one that is to be small, one that is missing."""
    columns = {
        'one look': {'lspet body < 0.1': 0.7, 'ms a person': 9.0},
        'second look': {'ccp face error': 0.081},
        'MediaPipe Holistic': {'ms a person': 40.0},
    }
    rows = list(tool.target_rows(columns))
    assert '| 1 | lspet body < 0.1, one look | 0.700 | >= 0.7 | yes |' in rows
    assert '| 3 | ccp face error, second look | 0.081 | <= 0.08 | no |' in rows
    assert sum('not measured' in row for row in rows) == len(tool.TARGETS) - 2
    assert rows[-1] == '| 10 | ms a person, one look | 9.0 | < 40.0 | yes |'


def test_detections_of_the_sample(tool, shared):
    """Whoever finds all annotated people meets the detector's bars."""
    truth = {}
    for name in ('samples/coco', 'real/lspet'):
        folder = shared / name
        if not folder.is_dir():
            pytest.skip(f'{folder} is absent')
        file = 'test_coco_wholebody.json' if 'coco' in name else 'val.json'
        images = folder if 'coco' in name else folder / 'images'
        people = tool.measure.read_photo_set(folder / file, images)
        for path, box in zip(people.paths, people.boxes):
            truth.setdefault(path, []).append(box)

    def detector(path):
        boxes = np.array(truth[path])
        return boxes, np.ones(len(boxes))

    found, missing = tool.detection_figures(detector, shared, None)
    assert found['four photos: people of 14'] == found['four photos: boxes'] == 14
    assert found['four photos: AP50'] > 0.99 and found['lspet recall'] == 1
    assert len(missing) == 1 and 'empty' in missing[0]
