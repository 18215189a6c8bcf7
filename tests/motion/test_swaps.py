"""Left and right swapped over time."""

import numpy as np
import pytest

from motion.paths import moving_person, to_motion
from rtmw_ext.core.skeleton import KEYPOINT_NAMES, PARTS, SKELETONS, side_pairs
from rtmw_ext.motion import Origin
from rtmw_ext.motion.swaps import find_swaps, undo_swaps

ARMS = [7, 8, 9, 10, *PARTS['left_hand'], *PARTS['right_hand']]
LEGS = [13, 14, 15, 16, *PARTS['feet']]


def swap(arrays, frames, points=range(133)):
    """Exchanges left and right of points in place, and says where."""
    where = np.zeros(arrays[0].shape[:2], bool)
    for left, right in side_pairs(KEYPOINT_NAMES):
        if left in points:
            for values in arrays:
                lefts = values[frames, left].copy()
                values[frames, left] = values[frames, right]
                values[frames, right] = lefts
            where[frames, left] = where[frames, right] = True
    return where


@pytest.mark.parametrize('is_3d', [True, False])
@pytest.mark.parametrize('noise', [0.0, 0.02])
@pytest.mark.parametrize('points', [range(133), ARMS, LEGS])
def test_swaps_are_undone(points, noise, is_3d):
    rng = np.random.default_rng(0)
    times, truth = moving_person(2)
    motion = to_motion(times, truth + rng.normal(0, noise, truth.shape))
    track = motion.tracks[0]
    if not is_3d:
        track.keypoints_3d_cam = None
    clean = track.keypoints.copy()
    arrays = [
        values
        for values in (track.keypoints, track.keypoints_3d_cam)
        if values is not None
    ]
    where = swap(arrays, [20, 50, 51, 52], points)
    where |= swap(arrays, np.arange(80, 110), points)
    done = undo_swaps(track, motion.names)
    np.testing.assert_array_equal(find_swaps(track, motion.names), where)
    np.testing.assert_array_equal(done.keypoints, clean)
    np.testing.assert_array_equal(done.origin == Origin.CHANGED, where)


def test_truth_stays():
    for seed in range(5):
        motion = to_motion(*moving_person(seed))
        assert not find_swaps(motion.tracks[0], motion.names).any()


def test_missing_points_and_outliers_decide_nothing():
    rng = np.random.default_rng(0)
    times, truth = moving_person(3)
    points = truth + rng.normal(0, 0.02, truth.shape)
    far = rng.random(points.shape[:2]) < 0.05
    points[far] += rng.normal(0, 0.3, (far.sum(), 3))
    lost = rng.random(points.shape[:2]) < 0.2
    lost[70:75] = True
    motion = to_motion(times, points, scores=np.where(lost, 0, 1))
    track = motion.tracks[0]
    assert not find_swaps(track, motion.names).any()
    where = swap(
        [track.keypoints, track.keypoints_3d_cam, track.scores, track.origin],
        [40, 41, 42],
    )
    found = find_swaps(track, motion.names)
    assert (found & where & ~lost).sum() >= 0.9 * (where & ~lost).sum()
    done = undo_swaps(track, motion.names)
    assert ((done.origin == Origin.MISSING) == lost).all()


def test_without_sides_nothing_is_swapped():
    motion = to_motion(*moving_person(count=20))
    assert not find_swaps(motion.tracks[0], [str(k) for k in range(133)]).any()


def test_sides_of_skeletons():
    for names in SKELETONS.values():
        pairs = side_pairs(names)
        flat = [point for pair in pairs for point in pair]
        assert len(set(flat)) == len(flat)
        middle = {names[point] for point in range(len(names)) if point not in flat}
        if len(names) == 133:
            # Chin, bridge of the nose, tip, and the lips' middles.
            numbers = [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]
            assert middle == {'nose', *(f'face-{number}' for number in numbers)}
        else:
            assert middle <= {'nose', 'head', 'neck', 'hip'}
