"""SimCC logits -> coordinates, for all persons at once.

Shapes: N persons, K keypoints, W bins of an axis.
"""

import numpy as np


def decode_axis(logits, subbin=False):
    """Place and height of the highest bin.

    Args:
        logits (ndarray): (N, K, W), W > 0.
        subbin (bool): Refine by the parabola through the highest bin and its
            two neighbours (at most half a bin).

    Returns:
        tuple[ndarray, ndarray]: (N, K) float32 bins in [0, W - 1] and (N, K)
        heights.
    """
    places = logits.argmax(-1)
    heights = np.take_along_axis(logits, places[..., None], -1)[..., 0]
    bins = places.astype(np.float32)
    if subbin and logits.shape[-1] > 2:
        inner = places.clip(1, logits.shape[-1] - 2)[..., None]
        left, middle, right = (
            np.take_along_axis(logits, inner + shift, -1)[..., 0]
            for shift in (-1, 0, 1)
        )
        curve = left - 2 * middle + right
        offset = np.where(
            curve < 0, 0.5 * (left - right) / np.where(curve < 0, curve, 1), 0
        )
        # At the ends the highest bin has one neighbour only.
        bins += np.where(places == inner[..., 0], offset.clip(-0.5, 0.5), 0)
    return bins, heights


def expected_bins(logits, beta):
    """The mean place by the softmax of ``beta`` times the logits, (N, K, W) ->
    (N, K) float32."""
    heights = np.exp((logits - logits.max(-1, keepdims=True)) * beta)
    places = heights @ np.arange(logits.shape[-1], dtype=heights.dtype)
    return (places / heights.sum(-1)).astype(np.float32)


def decode(simcc, subbin=False, expected_beta=None):
    """
    Args:
        simcc (sequence[ndarray]): (N, K, W) of x and y, with a third of z.
        subbin (bool): As in :func:`decode_axis`.
        expected_beta (float, optional): Bins are those of
            :func:`expected_bins`, not the highest.

    Returns:
        tuple[ndarray, ndarray]: (N, K, 2 or 3) float32 bins and (N, K)
        scores, the lower of the heights of x and y (as in mmpose). Points
        whose score is not positive are at -1.
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
    bins[scores <= 0] = -1
    return bins, scores
