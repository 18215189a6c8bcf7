"""Left and right swapped over time: networks exchange the sides of a person, or of
its arms or legs, for some frames. They are found by the jumps at both ends.

Shapes: T frames, K keypoints, P pairs of a left and a right point, C coordinates.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.people import Origin
from ..core.skeleton import side_pairs
from .filters import shared_motion
from .track import Track

#: What may be swapped, by words in the names of the left points; '' is all. Wholes
#: come before their parts, which mend what of a whole was not swapped.
GROUPS: tuple[tuple[str, ...], ...] = (
    ('',),
    ('elbow', 'wrist', 'hand', 'thumb', 'finger'),
    ('knee', 'ankle', 'toe', 'heel'),
    ('shoulder',),
    ('hip',),
    ('hand', 'thumb', 'finger'),
)
#: Costs, in logarithms of likelihoods: of a change from right to swapped or back, and
#: of each frame that is swapped, as networks are right in most.
CHANGE, SWAPPED = 6.0, 1.0
#: A step counts this much at most, so that an outlier decides nothing.
MOST = 8.0
#: Pairs that count as independent witnesses at most.
WITNESSES = 4
#: Standard deviations of a step over the median step.
SPREAD = 1.5


def undo_swaps(track: Track, names: Sequence[str]) -> Track:
    """A track with left and right where they belong.

    Args:
        track: That of a person; it stays as it is.
        names: Of its points.

    Returns:
        With origin CHANGED for the points that were swapped back.
    """
    swapped = find_swaps(track, names)
    order = np.arange(len(names))
    for left, right in side_pairs(names):
        order[[left, right]] = right, left

    def mend(values: np.ndarray | None) -> np.ndarray | None:
        if values is None:
            return None
        where = swapped.reshape(*swapped.shape, *[1] * (values.ndim - 2))
        return np.where(where, values[:, order], values)

    origin = mend(track.origin)
    assert origin is not None
    origin[swapped & (origin != Origin.MISSING)] = Origin.CHANGED
    arrays: dict[str, Any] = {
        name: mend(getattr(track, name))
        for name in ('keypoints', 'scores', 'keypoints_3d_cam', 'world')
    }
    return replace(track, origin=origin, **arrays)


def find_swaps(track: Track, names: Sequence[str]) -> np.ndarray:
    """Where left and right are exchanged.

    For each of ``GROUPS``, of the two sequences of states (right or swapped) through
    all frames the likeliest is found (Viterbi): points move little from frame to
    frame, sides change seldom, and most frames are right. 2D and 3D count alike.

    Args:
        track: That of a person.
        names: Of its points.

    Returns:
        (T, K) bool; both points of a pair alike.
    """
    pairs = side_pairs(names)
    swapped = np.zeros(track.origin.shape, bool)
    if not pairs or len(track) < 3:
        return swapped
    arrays = [track.keypoints.astype(float)]
    if track.keypoints_3d_cam is not None:
        # Steps of the depth of the whole body would hide those of its sides.
        space = track.keypoints_3d_cam.astype(float)
        arrays.append(space - shared_motion(space, track.times))
    for words in GROUPS:
        group = np.array(
            [pair for pair in pairs if any(word in names[pair[0]] for word in words)]
        )
        if not len(group):
            continue
        witnesses = min(len(group), WITNESSES)
        evidence = witnesses * sum(_evidence(values, group) for values in arrays)
        frames = np.flatnonzero(_states(np.asarray(evidence)))
        if not len(frames):
            continue
        left, right = group.T
        for values in arrays:
            _exchange(values, frames, left, right)
        rows = np.ix_(frames, group.ravel())
        swapped[rows] = ~swapped[rows]
    return swapped


def _exchange(
    values: np.ndarray, frames: np.ndarray, left: np.ndarray, right: np.ndarray
) -> None:
    lefts = values[np.ix_(frames, left)]
    values[np.ix_(frames, left)] = values[np.ix_(frames, right)]
    values[np.ix_(frames, right)] = lefts


def _evidence(values: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(T, ) mean over the pairs of the logarithm of how much likelier it is that each
    frame has the sides of the one before than that they change.

    Args:
        values: (T, K, C), NaN where points are missing.
        pairs: (P, 2).
    """
    known = np.isfinite(values).all(-1)
    last = np.maximum.accumulate(
        np.where(known, np.arange(len(values))[:, None], 0), axis=0
    )
    latest = np.take_along_axis(values, last[..., None], axis=0)
    left, right = pairs.T

    def steps(to: np.ndarray, start: np.ndarray) -> np.ndarray:
        return np.linalg.norm(values[1:, to] - latest[:-1, start], axis=-1)

    own = np.stack([steps(left, left), steps(right, right)])
    crossed = np.stack([steps(left, right), steps(right, left)])
    seen = np.isfinite(own).any((0, 1))
    usual = np.zeros(len(pairs))
    usual[seen] = SPREAD * np.nanmedian(own[..., seen], axis=(0, 1))
    usual = np.maximum(usual, np.finfo(np.float32).eps)

    def cost(lengths: np.ndarray) -> np.ndarray:
        return np.minimum((lengths / usual) ** 2 / 2, MOST)

    ratio = np.nan_to_num(cost(crossed) - cost(own)).mean((0, 2))
    return np.concatenate([[0.0], ratio])


def _states(evidence: np.ndarray) -> np.ndarray:
    """(T, ) bool: the likeliest swapped frames."""
    least: Callable[[tuple[float, int], tuple[float, int]], tuple[float, int]] = min
    keep, change = np.maximum(-evidence, 0).tolist(), np.maximum(evidence, 0).tolist()
    right, swapped = 0.0, CHANGE
    back = []
    for same, other in zip(keep[1:], change[1:]):
        other += CHANGE
        to_right = least((right + same, 0), (swapped + other, 1))
        to_swapped = least((swapped + same, 1), (right + other, 0))
        right, swapped = to_right[0], to_swapped[0] + SWAPPED
        back.append((to_right[1], to_swapped[1]))
    states = [int(swapped < right)]
    for before in reversed(back):
        states.append(before[states[-1]])
    return np.array(states[::-1], bool)
