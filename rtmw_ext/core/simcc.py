"""SimCC logits -> coordinates, for all persons at once.

Shapes: N persons, K keypoints, W bins of an axis, A axes (x, y and in 3D z).

z is in metres from the person's root. Its axis reaches from ``-z_range``, at
position 0, to ``z_range``, at the position that equals its length. Positions
and length are both in bins or both in pixels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Of the released checkpoints: half the depth of the z axis, in metres.
Z_RANGE = 2.1744869
#: And the temperature of the softmax over bins.
BETA = 10.0

#: A number, numpy array or torch tensor; the result has the same type.
Values = Any


def z_to_axis(z: Values, length: float, z_range: float) -> Values:
    """Metres -> positions on the z axis."""
    return (z / z_range + 1) * (length / 2)


def axis_to_z(positions: Values, length: float, z_range: float) -> Values:
    """Positions on the z axis -> metres."""
    return (positions / (length / 2) - 1) * z_range


def z_step(length: float, z_range: float) -> float:
    """Metres between two neighbouring positions on the z axis."""
    return 2 * z_range / length


def decode_axis(
    logits: np.ndarray, subbin: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Position and height of the highest bin.

    Args:
        logits: (N, K, W), W > 0.
        subbin: Refine by the parabola through the highest bin and its two
            neighbours (at most half a bin).

    Returns:
        (N, K) float32 bins in [0, W - 1], and (N, K) heights.
    """
    highest = logits.argmax(-1)
    heights = np.take_along_axis(logits, highest[..., None], -1)[..., 0]
    bins = highest.astype(np.float32)
    if subbin and logits.shape[-1] > 2:
        inner = highest.clip(1, logits.shape[-1] - 2)[..., None]
        left, middle, right = (
            np.take_along_axis(logits, inner + shift, -1)[..., 0]
            for shift in (-1, 0, 1)
        )
        curve = left - 2 * middle + right
        offset = np.where(
            curve < 0, 0.5 * (left - right) / np.where(curve < 0, curve, 1), 0
        )
        # At the ends the highest bin has one neighbour only.
        bins += np.where(highest == inner[..., 0], offset.clip(-0.5, 0.5), 0)
    return bins, heights


def expected_bins(logits: np.ndarray, beta: float) -> np.ndarray:
    """The mean bin under the softmax of ``beta`` times the logits, (N, K, W) ->
    (N, K) float32."""
    weights = np.exp((logits - logits.max(-1, keepdims=True)) * beta)
    sums = weights @ np.arange(logits.shape[-1], dtype=weights.dtype)
    return (sums / weights.sum(-1)).astype(np.float32)


def variance(logits: np.ndarray, beta: float) -> np.ndarray:
    """The variance about the highest bin under the softmax of ``beta`` times the
    logits, (N, K, W) -> (N, K) in bins squared, at least that of one bin."""
    weights = np.exp((logits - logits.max(-1, keepdims=True)) * beta)
    offsets = np.arange(logits.shape[-1]) - logits.argmax(-1)[..., None]
    return (weights * offsets**2).sum(-1) / weights.sum(-1) + 1 / 12


def decode(
    simcc: Sequence[np.ndarray],
    subbin: bool = False,
    expected_beta: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Args:
        simcc: Logits (N, K, W) of each axis.
        subbin: As in :func:`decode_axis`.
        expected_beta: Temperature: bins are those of :func:`expected_bins`.
            None takes the highest bins.

    Returns:
        (N, K, A) float32 bins, and (N, K) scores, the lower of the heights of
        x and y (as in mmpose). Points whose score is not positive are at -1.
    """
    axes = [decode_axis(logits, subbin) for logits in simcc]
    bins = np.stack(
        [
            bins if expected_beta is None else expected_bins(logits, expected_beta)
            for (bins, _), logits in zip(axes, simcc)
        ],
        -1,
    )
    scores = np.minimum(axes[0][1], axes[1][1])
    # NaN is not found either.
    bins[~(scores > 0)] = -1
    return bins, scores


def bins_to_points(
    bins: np.ndarray,
    scores: np.ndarray,
    split_ratio: float,
    z_bins: int = 0,
    z_range: float = Z_RANGE,
) -> np.ndarray:
    """
    Args:
        bins: (N, K, A).
        scores: (N, K).
        split_ratio: Bins a pixel.
        z_bins: W of the z axis, if there is one.
        z_range: Half the depth of the z axis, in metres.

    Returns:
        (N, K, A), x and y in pixels of the crop and z in metres from the root,
        0 for points whose score is not positive.
    """
    points = bins / split_ratio
    if bins.shape[-1] == 3:
        z = axis_to_z(bins[..., 2], z_bins, z_range)
        points[..., 2] = np.where(scores > 0, z, 0)
    return points


def point_variances(
    simcc: Sequence[np.ndarray], beta: float, split_ratio: float, z_range: float
) -> np.ndarray:
    """:func:`variance` in the units of :func:`bins_to_points`: (N, K, A), x and y
    in pixels squared and z in metres squared."""
    units = [1 / split_ratio] * 2
    units += [z_step(axis.shape[-1], z_range) for axis in simcc[2:]]
    return np.stack(
        [variance(axis, beta) * unit**2 for axis, unit in zip(simcc, units)], -1
    )
