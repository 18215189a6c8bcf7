"""Raw scores of a network -> scores in [0, 1].

Raw scores grow with how sure a network is, each in its own unit: a sure point has
about 1 with RTMPose and RTMW3D, about 10 with RTMW. A factor brings them to one
scale. Where a network has curves, they say more: the share of points that are
right, within a tenth of the person's box (body, feet) or a twentieth of the part
(face, hands).
"""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from .skeleton import PARTS

#: Raw scores, ascending, and the share that is right at each, not descending.
Curve: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
#: The curve of each of the parts.
CURVES = {
    'body': ('body', 'feet'),
    'face': ('face',),
    'hand': ('left_hand', 'right_hand'),
}


def fit_curve(scores: np.ndarray, correct: np.ndarray, knots: int = 16) -> Curve:
    """The curve of some points: isotonic regression, thinned out.

    Source: Zadrozny and Elkan, Transforming classifier scores into accurate
    multiclass probability estimates (KDD 2002).

    Args:
        scores: (M, ) raw scores, M > 0.
        correct: (M, ) bool, whether each point was right.
        knots: Of the curve at most.

    Returns:
        The mean score and the share that is right of up to ``knots`` groups of
        points of about the same size, pooled until no share falls.
    """
    order = np.argsort(scores, kind='stable')
    groups = [
        (float(scores[rows].mean()), float(correct[rows].mean()), len(rows))
        for rows in np.array_split(order, knots)
        if len(rows)
    ]
    pooled: list[tuple[float, float, int]] = []
    for group in groups:
        pooled.append(group)
        # Equal scores are one knot as well: a curve has one share for a score.
        while len(pooled) > 1 and (
            pooled[-2][1] >= pooled[-1][1] or pooled[-2][0] >= pooled[-1][0]
        ):
            second, first = pooled.pop(), pooled.pop()
            count = first[2] + second[2]
            share = second[2] / count
            pooled.append(
                (
                    first[0] + share * (second[0] - first[0]),
                    first[1] + share * (second[1] - first[1]),
                    count,
                )
            )
    raw, shares, _ = zip(*pooled)
    return tuple(raw), tuple(shares)


def is_curve(value: object) -> bool:
    """Whether a value is a :data:`Curve`, with lists or tuples."""
    try:
        raw, shares = (np.asarray(axis, float) for axis in value)  # type: ignore
    except (OverflowError, TypeError, ValueError):
        return False
    return (
        raw.ndim == shares.ndim == 1
        and len(raw) == len(shares) > 0
        and bool(np.isfinite(raw).all() and (np.diff(raw) > 0).all())
        and bool(((shares >= 0) & (shares <= 1)).all() and (np.diff(shares) >= 0).all())
    )


def calibrate(
    scores: np.ndarray, curves: Mapping[str, Curve], scale: float = 1.0
) -> np.ndarray:
    """Raw scores -> scores in [0, 1].

    Args:
        scores: (N, K); <= 0 or NaN for points that were not found.
        curves: By key of ``CURVES``, of the 133 points; {} takes any K.
        scale: Factor of scores without a curve, which are cut to at most 1.

    Returns:
        (N, K) float32 in [0, 1]: 0 for points that were not found.
    """
    result = np.minimum(scores * scale, 1).astype(np.float32)
    for name, parts in CURVES.items():
        if name not in curves:
            continue
        raw, shares = curves[name]
        for part in map(PARTS.__getitem__, parts):
            # From 0 up: less sure than any point that the curve was fitted to.
            result[:, part] = np.interp(
                scores[:, part],
                (0.0, *raw) if raw[0] > 0 else raw,
                (0.0, *shares) if raw[0] > 0 else shares,
            )
    return np.where(scores > 0, result, 0).astype(np.float32)
