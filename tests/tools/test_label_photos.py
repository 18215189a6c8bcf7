"""Self-labelling keeps what predictions of moved and mirrored boxes agree on."""

import numpy as np
import pytest

from rtmw_ext.core.people import People
from rtmw_ext.core.skeleton import FIELDS, PARTS
from support.tools import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('dataset/label_photos')


def test_who_is_found_alike_in_the_mirror_agrees(tool):
    """A network that follows the picture agrees with itself in all four."""
    image = np.zeros((60, 101, 3), np.uint8)
    image[:, :30] = 200
    rng = np.random.default_rng(1)
    truth = rng.uniform(10, 50, (133, 2))

    def pose(image, boxes):
        mirrored = image[0, 0, 0] == 0
        points = truth
        if mirrored:
            points = (truth * (-1, 1) + (100, 0))[tool.FLIP_INDICES]
        count = len(boxes)
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        return People(
            np.tile(points, (count, 1, 1)),
            np.ones((count, 133), np.float32),
            boxes,
            np.ones(count),
        )

    boxes = np.array([[5.0, 5, 55, 55]])
    points, scores = tool.predict_augmented(pose, image, boxes, rng)
    assert points.shape == (4, 1, 133, 2) and scores.shape == (4, 1, 133)
    assert np.allclose(points, truth)
    mean, keep = tool.find_consensus(points, scores, boxes, 0.5)
    assert keep.all() and np.allclose(mean[0], truth)


def test_what_differs_or_is_unsure_is_dropped(tool):
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, (1, 1, 133, 2))
    points = np.repeat(truth, 4, 0)
    scores = np.ones((4, 1, 133))
    boxes = np.array([[0.0, 0, 100, 100]])
    points[0, 0, 5] += 20  # An elbow's predictions are apart.
    scores[:, 0, 6] = 0.2
    points[0, 0, 91:112] += 40  # A hand is somewhere else as a whole.
    points[0, 0, 30] += 60  # One point of a face.
    _, keep = tool.find_consensus(points, scores, boxes, 0.5)
    dropped = {5, 6, 30, *PARTS['left_hand']}
    assert set(np.flatnonzero(~keep[0])) == dropped
    (row,) = tool.make_annotations(points[1], keep, boxes, 7)
    visible = np.concatenate([row[field][2::3] for field in FIELDS])
    assert set(np.flatnonzero(visible == 0)) == dropped
    assert (visible[17:23] == 1).all() and row['image_id'] == 7
    assert row['keypoints'][:2] == points[1, 0, 0].round(1).tolist()
    keep[:, 3:17] = False
    assert tool.make_annotations(points[1], keep, boxes, 7) == []
