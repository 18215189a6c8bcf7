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


def is_calibration(value: object) -> bool:
    """Whether a value is curves by keys of ``CURVES``."""
    return (
        isinstance(value, Mapping)
        and set(value) <= set(CURVES)
        and all(map(is_curve, value.values()))
    )


def join_curves(
    first: Mapping[str, Curve] | None, again: Mapping[str, Curve] | None, unit: float
) -> dict[str, Curve]:
    """The curves of two networks whose predictions are merged, as of
    :mod:`rtmw_ext.core.second_look`.

    Args:
        first: Of the first look. Without any, scores have no curves.
        again: Of the second look, of what both predict together.
        unit: Factor from raw scores of the second network to those of the first.

    Returns:
        For raw scores in the first network's unit.
    """
    curves = dict(first or {})
    if curves:
        for part, (raw, shares) in (again or {}).items():
            curves[part] = tuple(unit * score for score in raw), shares
    return curves


def apply_curve(scores: np.ndarray, curve: Curve) -> np.ndarray:
    """The share that is right at raw scores of any shape; 0 where they are <= 0 or
    NaN."""
    raw, shares = curve
    if raw[0] > 0:
        # From 0 up: less sure than any point that the curve was fitted to.
        raw, shares = (0.0, *raw), (0.0, *shares)
    return np.where(scores > 0, np.interp(scores, raw, shares), 0)


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
        for part in map(PARTS.__getitem__, parts):
            result[:, part] = apply_curve(scores[:, part], curves[name])
    return np.where(scores > 0, result, 0).astype(np.float32)
