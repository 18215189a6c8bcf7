"""Boxes, their crops, and the way back.

Shapes: N boxes, K keypoints.
"""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.crops import (
    PADDING,
    BoxError,
    box_scores,
    check_boxes,
    crop_image,
    crop_matrices,
    points_to_image,
    variances_to_image,
)

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.sampled_from([(192, 256), (128, 128), (288, 384)])


def random_boxes(rng, count=4):
    corners = rng.uniform(-50, 300, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(5, 400, (count, 2))], 1)


@given(SEEDS, SIZES)
def test_round_trip(seed, size):
    """Image -> crop -> image, tilted and mirrored."""
    rng = np.random.default_rng(seed)
    matrices = crop_matrices(
        random_boxes(rng), size, rng.uniform(-4, 4, 4), rng.random(4) < 0.5
    )
    points = rng.uniform(-100, 500, (4, 7, 3))
    rows = np.tile([[[0.0, 0.0, 1.0]]], (4, 1, 1))
    inverse = np.linalg.inv(np.concatenate([matrices, rows], 1))
    cropped = points_to_image(inverse[:, :2], points)
    assert np.allclose(points_to_image(matrices, cropped), points)
    assert np.array_equal(cropped[..., 2], points[..., 2])


@given(SEEDS, SIZES)
def test_the_padded_box_fits(seed, size):
    """The crop has the box in the middle; the padded box touches two sides."""
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng)
    matrices = crop_matrices(boxes, size)
    low = points_to_image(matrices, np.zeros((4, 1, 2)))[:, 0]
    high = points_to_image(matrices, np.tile(np.float64(size), (4, 1, 1)))[:, 0]
    assert np.allclose((low + high) / 2, (boxes[:, :2] + boxes[:, 2:]) / 2)
    room = (high - low) / ((boxes[:, 2:] - boxes[:, :2]) * PADDING)
    assert np.allclose(room.min(1), 1)
    assert np.allclose((high - low)[:, 0] / (high - low)[:, 1], size[0] / size[1])


@given(SEEDS)
def test_variances_follow_the_points(seed):
    rng = np.random.default_rng(seed)
    tilts = rng.uniform(-4, 4, 1)
    (matrix,) = matrices = crop_matrices(random_boxes(rng, 1), (192, 256), tilts)
    cloud = rng.normal(size=(1, 20000, 3)) * (3, 1, 2) + (90, 120, 0)
    found = variances_to_image(matrices, cloud.var(1, keepdims=True))
    assert np.allclose(found, points_to_image(matrices, cloud).var(1), rtol=0.1)
    assert found[0, 0, 2] == pytest.approx(cloud[0, :, 2].var())


def test_crop_of_the_image_itself():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (40, 30, 3), np.uint8)
    # Padded, this is the image.
    half = np.array([30, 40]) / 2 / PADDING
    box = np.array([[15, 20, 15, 20]]) + np.concatenate([-half, half])
    matrices = crop_matrices(box, (30, 40))
    crops = crop_image(image, matrices, (30, 40))
    assert crops.shape == (1, 3, 40, 30) and crops.dtype == np.float32
    assert np.array_equal(crops[0], image[..., ::-1].transpose(2, 0, 1))
    plain = crop_image(image, matrices, (30, 40), rgb=False)
    assert np.array_equal(plain, crops[:, ::-1])
    mirrored = crop_matrices(box, (30, 40), mirrored=np.array([True]))
    flipped = crop_image(image, mirrored, (30, 40), rgb=False)
    assert np.array_equal(flipped[0], cv2.flip(image, 1).transpose(2, 0, 1))
    # Outside it is black.
    assert not crop_image(image, crop_matrices(box + 100, (30, 40)), (30, 40)).any()
    assert crop_image(image, matrices[:0], (30, 40)).shape == (0, 3, 40, 30)


def test_good_boxes():
    boxes = check_boxes([[0, 1, 2, 3], [-5, -5, 1, 1]], (10, 20))
    assert boxes.dtype == np.float32 and boxes.shape == (2, 4)
    assert check_boxes([]).shape == (0, 4)
    # Without a size, boxes may lie anywhere.
    assert len(check_boxes([[50, 50, 60, 60]])) == 1


@pytest.mark.parametrize(
    'box', [(0, 0, 0, 9), (5, 5, 1, 9), (0, 0, np.nan, 9), (0, 0, np.inf, 9)]
)
def test_bad_boxes_are_named(box):
    with pytest.raises(BoxError, match='box 1 is .* must be finite with x1 < x2'):
        check_boxes([(0, 0, 9, 9), box])


@pytest.mark.parametrize(
    'box', [(10, 0, 12, 5), (0, 20, 5, 22), (-5, 0, 0, 5), (0, -5, 5, 0)]
)
def test_boxes_outside_are_named(box):
    with pytest.raises(BoxError, match='box 1, .* outside the image of 10 x 20'):
        check_boxes([(0, 0, 9, 9), box], (10, 20))


def test_boxes_with_scores():
    table = np.float32([[0, 1, 2, 3, 0.5], [5, 5, 9, 9, 0.25]])
    # As many as make whole rows of four numbers, too.
    for boxes in (table, np.tile(table, (2, 1))):
        assert np.array_equal(check_boxes(boxes), boxes[:, :4])
        assert box_scores(boxes).tolist() == boxes[:, 4].tolist()
    assert box_scores(table[:, :4]).tolist() == [1, 1]
    for empty in ([], [[]], np.zeros((0, 4)), np.zeros((0, 5))):
        assert check_boxes(empty).shape == (0, 4) and box_scores(empty).shape == (0,)
    table[1, 4] = np.nan
    with pytest.raises(BoxError, match='scores'):
        box_scores(table)


@pytest.mark.parametrize(
    'boxes',
    [[1, 2, 3, 4], np.ones((2, 2)), np.ones((1, 1, 4)), [[1, 2, 3, 4], [5]], 'ab'],
)
def test_boxes_of_another_shape(boxes):
    with pytest.raises(BoxError, match='not'):
        check_boxes(boxes)
