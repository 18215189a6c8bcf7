"""SimCC decoding and the z axis.

Shapes: N persons, K keypoints, W bins.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.simcc import (
    axis_to_z,
    bins_to_points,
    decode,
    decode_axis,
    expected_bins,
    point_variances,
    variance,
    z_step,
    z_to_axis,
)

LOGITS = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).normal(size=(2, 5, 9)).astype(np.float32)
)


@pytest.mark.torch
@given(LOGITS, LOGITS)
def test_decode_as_mmpose(x, y):
    from mmpose.codecs.utils import get_simcc_maximum

    bins, scores = decode([x, y])
    expected, heights = get_simcc_maximum(x.copy(), y.copy())
    assert np.array_equal(bins, expected)
    assert np.array_equal(scores, heights)


@given(st.floats(1, 7), st.floats(1, 3))
def test_subbin_finds_the_top_of_a_gaussian(centre, sigma):
    bins = np.arange(9)
    logits = -((bins - centre) ** 2) / (2 * sigma**2)
    found, _ = decode_axis(logits[None, None].astype(np.float64), True)
    assert abs(found.item() - centre) < 1e-4
    whole, _ = decode_axis(logits[None, None])
    assert abs(whole.item() - centre) <= 0.5 + 1e-6


def test_subbin_at_the_ends_and_on_a_plateau():
    logits = np.array([[[3.0, 1, 0], [0, 1, 3], [2, 2, 2]]])
    assert decode_axis(logits, True)[0].tolist() == [[0, 2, 0]]


def test_expected_bins_by_hand():
    logits = np.log(np.array([[[1.0, 1, 2, 0.5], [1, 0.5, 0.5, 1]]]))
    assert np.allclose(expected_bins(logits, 1.0), [[6.5 / 4.5, 1.5]])
    # A hotter softmax goes to the highest bin.
    assert np.allclose(expected_bins(logits, 50.0)[0, 0], 2)
    bins, _ = decode([logits + 1, logits + 1], expected_beta=1.0)
    assert np.allclose(bins[0, 0], 6.5 / 4.5)


@given(st.floats(1, 20), st.floats(60, 140), st.sampled_from([1.0, 10.0]))
def test_variance_of_a_gaussian(sigma, center, beta):
    bins = np.arange(200)
    logits = -((bins - center) ** 2) / (2 * sigma**2) / beta
    found = variance(logits[None, None], beta).item()
    assert abs(found - sigma**2 - 1 / 12) < 0.3 + 0.02 * sigma**2


def test_variance_of_one_bin():
    logits = np.zeros((1, 1, 9))
    logits[0, 0, 4] = 1000
    assert variance(logits, 1.0).item() == pytest.approx(1 / 12)


Z_RANGES, LENGTHS = st.floats(0.1, 5), st.floats(16, 600)


@given(st.floats(-5, 5), LENGTHS, Z_RANGES)
def test_z_round_trip(z, length, z_range):
    position = z_to_axis(z, length, z_range)
    assert axis_to_z(position, length, z_range) == pytest.approx(z, abs=1e-9)
    further = axis_to_z(position + 1, length, z_range)
    assert further - z == pytest.approx(z_step(length, z_range), abs=1e-9)


@given(LENGTHS, Z_RANGES)
def test_the_z_axis_reaches_from_end_to_end(length, z_range):
    ends = z_to_axis(np.array([-z_range, 0, z_range]), length, z_range)
    assert ends == pytest.approx([0, length / 2, length], abs=1e-9)
    # In bins as in pixels.
    assert axis_to_z(2 * ends, 2 * length, z_range) == pytest.approx(
        [-z_range, 0, z_range], abs=1e-9
    )


@pytest.mark.torch
def test_z_of_tensors():
    import torch

    z = torch.linspace(-2, 2, 9)
    positions = z_to_axis(z, 288, 2.0)
    assert isinstance(positions, torch.Tensor)
    assert np.allclose(positions, z_to_axis(z.numpy(), 288, 2.0))
    assert np.allclose(axis_to_z(positions, 288, 2.0), z)


def test_bins_to_points_by_hand():
    bins = np.float32([[[20, 30, 0], [4, 6, 32], [-1, -1, -1]]])
    points = bins_to_points(bins, np.float32([[1, 0.5, 0]]), 2.0, 64, 2.0)
    assert points.tolist() == [[[10, 15, -2], [2, 3, 0], [-0.5, -0.5, 0]]]
    flat = bins_to_points(bins[..., :2], np.float32([[1, 0.5, 0]]), 2.0)
    assert flat.tolist() == points[..., :2].tolist()


def test_variances_are_in_the_units_of_points():
    rng = np.random.default_rng(0)
    simcc = [rng.normal(size=(2, 5, bins)) for bins in (48, 64, 32)]
    found = point_variances(simcc, 3.0, 2.0, 1.5)
    assert found.shape == (2, 5, 3)
    for axis, unit in enumerate((0.5, 0.5, 2 * 1.5 / 32)):
        assert np.allclose(found[..., axis], variance(simcc[axis], 3.0) * unit**2)
    assert np.array_equal(point_variances(simcc[:2], 3.0, 2.0, 1.5), found[..., :2])
