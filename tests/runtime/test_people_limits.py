"""Whom the runtime takes of those detected, and where the camera says they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.errors import UsageError
from rtmw_ext.core.geometry import CameraError, project
from rtmw_ext.core.images import read_image
from rtmw_ext.runtime import Detector, DetectorError, PoseModel, WholeBody
from rtmw_ext.runtime.estimator import largest
from rtmw_ext.zoo import resolve_network
from support.examples import examples
from support.paths import PEOPLE

BOX = [(60, 40, 260, 460)]
CAMERA = dict(
    K=[[900, 0, 300], [0, 920, 250], [0, 0, 1]],
    distortion=[-0.05, 0.01, 0.001, -0.001, 0],
)


@pytest.fixture(scope='module')
def picture():
    return read_image(PEOPLE)


def pose3d(**options):
    network = resolve_network('rtmw3d-t')
    return PoseModel(network, threads=1, backend='onnxruntime', **options)


@examples(50)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 9), limit=st.integers(1, 9))
def test_the_largest_boxes_count(seed, count, limit):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 20, (count, 2))
    boxes = np.hstack([corners, corners + rng.integers(1, 20, (count, 2))])
    kept, scores = largest(boxes, np.arange(count), limit)
    assert len(kept) == min(count, limit)
    # In their order, with their scores.
    assert (np.diff(scores) > 0).all() and np.array_equal(boxes[scores], kept)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    left = np.delete(areas, scores)
    assert not len(left) or left.max() <= areas[scores].min()


def test_at_most_so_many_people(picture):
    def three(image):
        boxes = np.float32([[0, 0, 50, 90], [100, 20, 300, 460], [310, 20, 500, 460]])
        return boxes, np.float32([0.9, 0.4, 0.5])

    pose = PoseModel(resolve_network('rtmw-t'), threads=1, backend='onnxruntime')
    people = WholeBody(pose, three, max_people=2)(picture)
    assert people.box_scores.tolist() == pytest.approx([0.4, 0.5])
    frames = WholeBody(pose, three, max_people=1).video([picture] * 2, every=1)
    assert [len(people) for _, people in frames] == [1, 1]
    assert len(WholeBody(pose, three)(picture)) == 3
    with pytest.raises(UsageError, match='max_people=0'):
        WholeBody(pose, three, max_people=0)


def test_least_score_of_a_box(picture):
    file = resolve_network('rtmdet-nano', 'detector')
    options = dict(threads=1, backend='onnxruntime')
    _, scores = Detector(file, score_thr=0.05, **options)(picture)
    middle = float(np.sort(scores)[-2:].mean())
    _, few = Detector(file, score_thr=middle, **options)(picture)
    assert len(scores) > 1 == len(few) and few[0] > middle
    for bad in (0, 1, -1, float('nan')):
        with pytest.raises(DetectorError, match='between 0 and 1'):
            Detector(file, score_thr=bad)


def test_a_taller_person_is_farther(picture):
    small, tall = (pose3d(person_height=height)(picture, BOX) for height in (1.2, 2.0))
    assert small.root_depth.shape == (1,) and tall.root_depth > 1.2 * small.root_depth
    assert np.allclose(small.keypoints, tall.keypoints)
    flat = PoseModel(resolve_network('rtmw-t'), threads=1, backend='onnxruntime')
    assert flat(picture, BOX).root_depth is None


def test_the_camera_of_all_images(picture):
    """Points in space fall on the pixels that they are of, as its lens says."""
    people = pose3d(camera=CAMERA)(picture, BOX)
    seen = people.keypoints_3d_cam[..., 2] > 0.2
    pixels = project(people.keypoints_3d_cam[seen], CAMERA)
    assert seen.sum() > 100
    assert np.abs(pixels - people.keypoints[seen]).max() < 0.1
    again = pose3d()(picture, BOX, camera=CAMERA)
    assert np.array_equal(again.keypoints_3d_cam, people.keypoints_3d_cam)
    other = pose3d(camera=CAMERA)(picture, BOX, camera=CAMERA['K'])
    assert not np.allclose(other.keypoints_3d_cam, people.keypoints_3d_cam)


def test_the_camera_of_larger_images(picture):
    """One that was calibrated with twice the size gives the same."""
    height, width = picture.shape[:2]
    half = np.array(CAMERA['K'], float)
    double = half.copy()
    double[:2, :2] *= 2
    double[:2, 2] = 2 * half[:2, 2] + 0.5
    size = (2 * width, 2 * height)
    found = pose3d(camera=dict(CAMERA, K=double, size=size))(picture, BOX)
    expected = pose3d(camera=CAMERA)(picture, BOX)
    assert np.allclose(found.keypoints_3d_cam, expected.keypoints_3d_cam, atol=1e-4)
    with pytest.raises(CameraError, match='is no scaled one'):
        pose3d(camera=dict(CAMERA, size=(height, width)))(picture, BOX)
