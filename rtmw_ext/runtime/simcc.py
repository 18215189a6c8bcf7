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
            for shift in (-1, 0, 1))
        curve = left - 2 * middle + right
        offset = np.where(curve < 0, 0.5 * (left - right) /
                          np.where(curve < 0, curve, 1), 0)
        # At the ends the highest bin has one neighbour only.
        bins += np.where(places == inner[..., 0], offset.clip(-.5, .5), 0)
    return bins, heights


def decode(simcc, subbin=False):
    """
    Args:
        simcc (sequence[ndarray]): (N, K, W) of x and y, with a third of z.
        subbin (bool): As in :func:`decode_axis`.

    Returns:
        tuple[ndarray, ndarray]: (N, K, 2 or 3) float32 bins and (N, K)
        scores, the lower of the heights of x and y (as in mmpose). Points
        whose score is not positive are at -1.
    """
    axes = [decode_axis(logits, subbin) for logits in simcc]
    bins = np.stack([bins for bins, _ in axes], -1)
    scores = np.minimum(axes[0][1], axes[1][1])
    bins[scores <= 0] = -1
    return bins, scores
