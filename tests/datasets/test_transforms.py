"""The photometric transforms of the released recipe."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.datasets import CoarseDropout, RandomBlur, RandomMedianBlur


@given(st.integers(0, 10**6), st.integers(32, 96), st.integers(32, 96))
def test_dropout_is_one_rectangle_of_the_asked_size(seed, height, width):
    np.random.seed(seed)
    image = np.full((height, width, 3), 200, np.uint8)
    out = CoarseDropout(1.0, (0.2, 0.4)).transform(dict(img=image))['img']
    black = (out == 0).all(2)
    rows, columns = np.nonzero(black)
    h, w = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert black.sum() == h * w
    assert int(0.2 * height) <= h <= 0.4 * height
    assert int(0.2 * width) <= w <= 0.4 * width
    assert (image == 200).all(), 'the input was changed'


@pytest.mark.parametrize('kind', [RandomBlur, RandomMedianBlur])
def test_blur_happens_as_often_as_asked(kind):
    np.random.seed(0)
    image = np.random.randint(0, 255, (32, 32, 3), np.uint8)
    transform = kind(prob=0.1)
    changed = [
        not np.array_equal(transform.transform(dict(img=image))['img'], image)
        for _ in range(2000)
    ]
    assert 0.07 < np.mean(changed) < 0.13


def test_blur_kernels_are_drawn_evenly():
    np.random.seed(0)
    transform = RandomBlur(prob=1.0)
    image = np.zeros((32, 32, 3), np.uint8)
    image[16, 16] = 255
    widths = [
        np.ptp(np.nonzero(transform.transform(dict(img=image))['img'][..., 0])[1]) + 1
        for _ in range(600)
    ]
    values, counts = np.unique(widths, return_counts=True)
    assert values.tolist() == [3, 5, 7] and counts.min() > 150
