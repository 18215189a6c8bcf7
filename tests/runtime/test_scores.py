"""Scores are in [0, 1], whatever unit a network's own are in."""

import math

import numpy as np
import onnx
import pytest

from rtmw_ext.core.metadata import METADATA_KEY, NetworkMetadata
from rtmw_ext.core.people import MIN_SCORE
from rtmw_ext.core.skeleton import NUM_KEYPOINTS
from rtmw_ext.runtime import PoseError, PoseModel, WholeBody
from rtmw_ext.runtime.pose import SURE_SCORES, measure_scale
from rtmw_ext.zoo import resolve_network
from support.networks import bright

BOXES = np.float32([[10, 10, 120, 150], [50, 40, 200, 160]])
SIZE = (160, 220, 3)


def frames():
    """Black, grey, noise and white."""
    rng = np.random.default_rng(0)
    return [
        np.zeros(SIZE, np.uint8),
        np.full(SIZE, 127, np.uint8),
        rng.integers(0, 256, SIZE, dtype=np.uint8),
        np.full(SIZE, 255, np.uint8),
    ]


@pytest.fixture(params=[17, NUM_KEYPOINTS])
def networks(request, tmp_path):
    """The same network in both units of published files."""
    return [bright(tmp_path / f'{sure}.onnx', sure, request.param) for sure in (1, 10)]


def test_files_without_metadata_have_one_scale(networks):
    one, ten = map(PoseModel, networks)
    assert (one.score_scale, ten.score_scale) == (1, 0.1)
    for image in frames():
        first, second = one(image, BOXES), ten(image, BOXES)
        assert np.allclose(first.scores, second.scores, atol=1e-6)
        assert 0 <= first.scores.min() and first.scores.max() <= 1
        assert np.allclose(first.raw_scores * 10, second.raw_scores, atol=1e-5)
        assert np.allclose(first.raw_scores, first.scores)


@pytest.mark.parametrize('first', range(4))
def test_the_scale_is_the_same_whatever_comes_first(networks, first):
    pose = PoseModel(networks[1])
    pose(frames()[first], BOXES)
    assert pose.score_scale == 0.1
    scores = [pose(image, BOXES).scores for image in frames()]
    again = [PoseModel(networks[1])(image, BOXES).scores for image in frames()]
    assert np.array_equal(scores, again)


def test_what_the_file_or_the_user_says_is_not_measured(networks, tmp_path):
    model = onnx.load(networks[0])
    metadata = NetworkMetadata(score_scale=0.25)
    onnx.helper.set_model_props(model, {METADATA_KEY: metadata.to_json()})
    onnx.save(model, tmp_path / 'said.onnx')
    white = frames()[-1]
    raw = PoseModel(networks[0])(white, BOXES).scores
    for pose in (
        PoseModel(tmp_path / 'said.onnx'),
        PoseModel(networks[1], score_scale=0.025),
        PoseModel(tmp_path / 'said.onnx', score_scale=0.25),
    ):
        assert np.allclose(pose(white, BOXES).scores, raw / 4, atol=1e-6)
    for bad in (0, -1, math.nan, math.inf):
        with pytest.raises(PoseError, match=f'score_scale={bad}'):
            PoseModel(networks[0], score_scale=bad)


def test_scores_end_at_one_and_zero(tmp_path):
    loud = PoseModel(bright(tmp_path / 'loud.onnx', 40))
    assert loud(frames()[-1], BOXES).scores.max() == 1
    low = PoseModel(bright(tmp_path / 'low.onnx', -3))(frames()[-1], BOXES)
    assert (low.scores == 0).all() and (low.raw_scores < 0).all()
    lost = PoseModel(bright(tmp_path / 'lost.onnx', math.nan))(frames()[-1], BOXES)
    assert (lost.scores == 0).all() and np.isfinite(lost.keypoints).all()


@pytest.mark.parametrize('name', ['rtmw-t', 'rtmw3d-t'])
def test_the_measurement_finds_what_shipped_files_say(name):
    pose = PoseModel(resolve_network(name))
    assert measure_scale(pose) == pose.network.metadata.score_scale
    assert 1 / measure_scale(pose) in SURE_SCORES


def test_a_second_look_in_another_unit(tmp_path):
    """Both are merged on one scale."""
    one, ten = (
        bright(tmp_path / f'{sure}.onnx', sure, NUM_KEYPOINTS) for sure in (1, 10)
    )
    image = frames()[2]
    expected = PoseModel(one, second_look=one)(image, BOXES)
    for first, second in ((one, ten), (ten, one), (ten, ten)):
        found = PoseModel(first, second_look=second)(image, BOXES)
        assert np.allclose(found.scores, expected.scores, atol=1e-5)
        # The same temperature as well, so the same points.
        assert np.allclose(found.keypoints, expected.keypoints, atol=0.05)


def test_curves_of_other_points(tmp_path):
    path = bright(tmp_path / 'few.onnx', 1, 17)
    model = onnx.load(path)
    metadata = NetworkMetadata(calibration={'body': ((0.1, 1.0), (0.2, 0.9))})
    onnx.helper.set_model_props(model, {METADATA_KEY: metadata.to_json()})
    onnx.save(model, path)
    with pytest.raises(PoseError, match='few.onnx has curves .* 133 points'):
        PoseModel(path)


def test_people_who_leave_are_gone(people_image):
    """Between detections, in pictures in which nobody is."""
    found = WholeBody(resolve_network('rtmw-t'))
    boxes = np.float32([[0, 60, 214, 455], [217, 140, 360, 354]])
    found.detector = lambda image: (boxes, np.ones(2, np.float32))
    for empty in (0, 90, 255):
        clip = [people_image, people_image, *[np.full_like(people_image, empty)] * 4]
        counts = [len(people) for _, people in found.video(clip, every=20)]
        assert counts == [2, 2, 0, 0, 0, 0]
    clip = [people_image] * 5
    counts = [len(people) for _, people in found.video(clip, every=20)]
    assert counts == [2] * 5


def test_hidden_points_do_not_move_a_still_person(people_image):
    """The lower body is hidden; the box is that of what is seen."""
    pose = PoseModel(resolve_network('rtmw-t'))
    image = people_image.copy()
    image[220:] = 127
    box = np.float32([[0, 60, 214, 220]])
    found = WholeBody(pose, lambda _: (box, np.ones(1, np.float32)))
    clip = [people for _, people in found.video([image] * 6, every=6)]
    sure = clip[0].scores[0] > 0.5
    moved = np.linalg.norm(clip[-1].keypoints[0] - clip[0].keypoints[0], axis=1)[sure]
    # Tracked by raw scores, which count every point, it is over 15.
    assert sure.sum() > 80 and moved.mean() < 10
    assert (clip[-1].scores[0, sure] > MIN_SCORE).mean() > 0.9
