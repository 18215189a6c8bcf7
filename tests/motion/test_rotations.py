"""Joint rotations by the points of a person."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from rtmw_ext.core.skeleton import BODY_NAMES, KEYPOINT_NAMES
from rtmw_ext.motion import MotionError
from rtmw_ext.motion.rotations import (
    FINGER,
    KNEE,
    NAMES,
    PARENTS,
    Animation,
    fit_rotations,
    joints_of,
)
from support.examples import examples
from support.motion import moving_animation, points_of

TIMES = np.arange(20) / 25


def fit(points, times=TIMES, names=KEYPOINT_NAMES):
    return fit_rotations(points, names, times)


def degrees_between(one, other, name):
    """(T, ) of the rotations of a joint."""
    place = NAMES.index(name)
    first, second = (
        Rotation.from_quat(animation.rotations[:, place]) for animation in (one, other)
    )
    return np.degrees((first.inv() * second).magnitude())


def test_joints_form_a_tree():
    assert len(set(NAMES)) == len(NAMES) == 64
    assert PARENTS[0] == -1 and (PARENTS[1:] < np.arange(1, len(NAMES))).all()
    assert (PARENTS[1:] >= 0).all()


@examples(10)
@given(seed=st.integers(0, 10**6))
def test_rotations_are_those_of_the_person(seed):
    truth = moving_animation(seed, TIMES)
    found = fit(points_of(truth))
    assert found.known.all()
    np.testing.assert_allclose(found.offsets, truth.offsets, atol=1e-6)
    np.testing.assert_allclose(found.positions(), truth.positions(), atol=1e-6)
    # No point says how a spine and a neck share their twist.
    sure = [name not in ('Spine', 'Neck') for name in NAMES]
    np.testing.assert_allclose(
        found.world_rotations()[:, sure], truth.world_rotations()[:, sure], atol=1e-6
    )
    np.testing.assert_allclose(np.linalg.norm(found.rotations, axis=2), 1)
    # Quaternions do not jump to their negatives.
    assert ((found.rotations[1:] * found.rotations[:-1]).sum(2) > 0).all()


def test_a_hand_twists_the_forearm():
    truth = moving_animation(0, TIMES)
    palm = NAMES.index('LeftHand')
    twist = Rotation.from_rotvec([[70, 0, 0]], degrees=True)
    hand = twist * Rotation.from_quat(truth.rotations[:, palm])
    truth.rotations[:, palm] = hand.as_quat()
    found = fit(points_of(truth))
    np.testing.assert_allclose(found.positions(), truth.positions(), atol=1e-6)
    vectors = Rotation.from_quat(found.rotations[:, palm]).as_rotvec()
    np.testing.assert_allclose(vectors[:, 0], 0, atol=1e-6)


def test_errors_do_not_add_up():
    """Each bone points from where the skeleton has its joint, so that errors of
    lengths do not add up."""
    truth = moving_animation(1, TIMES)
    truth.rotations[:, NAMES.index('Spine')] = Rotation.from_euler(
        'x', np.linspace(0, 25, len(TIMES))[:, None], degrees=True
    ).as_quat()
    errors = np.linalg.norm(
        fit(points_of(truth)).positions() - truth.positions(), axis=2
    )
    assert np.median(errors[:, NAMES.index('LeftHand')]) < 0.01
    assert np.median(errors[:, NAMES.index('LeftFoot')]) < 0.01


@pytest.mark.parametrize('scale', [0.5, 1.2])
def test_bodies_of_any_size(scale):
    truth = moving_animation(2, TIMES)
    found = fit(points_of(truth) * scale)
    np.testing.assert_allclose(found.offsets, truth.offsets * scale, atol=1e-6)


def test_missing_points_lie_between_the_others():
    truth = moving_animation(3, TIMES)
    points = points_of(truth)
    gap = slice(8, 12)
    points[gap, KEYPOINT_NAMES.index('left_elbow')] = np.nan
    points[gap, 112:] = np.nan
    found = fit(points)
    for name in ('LeftUpperArm', 'LeftLowerArm', 'RightHand', 'RightIndexProximal'):
        known = found.known[:, NAMES.index(name)]
        assert not known[gap].any() and known.sum() == len(TIMES) - 4, name
    assert np.isfinite(found.rotations).all()
    others = np.r_[0:8, 12:20]
    np.testing.assert_allclose(
        found.positions()[others], truth.positions()[others], atol=1e-6
    )
    assert degrees_between(truth, found, 'RightHand')[gap].max() < 5
    errors = np.linalg.norm(found.positions() - truth.positions(), axis=2)
    assert errors[gap].max() < 0.05


def test_nothing_moves_where_the_person_is_gone():
    truth = moving_animation(4, TIMES)
    points = points_of(truth)
    points[:5] = points[-5:] = np.nan
    found = fit(points)
    assert not found.known[:5].any() and not found.known[-5:].any()
    places = found.positions()
    np.testing.assert_allclose(places[:5], places[[5] * 5], atol=1e-9)
    np.testing.assert_allclose(places[-5:], places[[-6] * 5], atol=1e-9)


def test_a_body_without_hands_and_feet():
    truth = moving_animation(5, TIMES)
    found = fit(points_of(truth)[:, :17], names=BODY_NAMES)
    assert np.isfinite(found.positions()).all()
    for name in ('Hips', 'LeftLowerArm', 'RightUpperLeg', 'Head'):
        assert found.known[:, NAMES.index(name)].all()
        places = np.linalg.norm(found.positions() - truth.positions(), axis=2)
        assert places[:, NAMES.index(name)].max() < 1e-6
    for name in ('LeftHand', 'RightFoot', 'LeftIndexDistal'):
        place = NAMES.index(name)
        assert not found.known[:, place].any()
        assert (found.rotations[:, place] == (0, 0, 0, 1)).all()
    # Their lengths are in proportion.
    np.testing.assert_allclose(found.offsets, truth.offsets, atol=0.02)


def test_knees_and_fingers_do_not_bend_backwards():
    truth = moving_animation(6, TIMES)
    for name, vector in (
        ('LeftLowerLeg', (-30, 0, 0)),
        ('RightIndexDistal', (0, 0, -60)),
    ):
        truth.rotations[:, NAMES.index(name)] = Rotation.from_rotvec(
            vector, degrees=True
        ).as_quat()
    found = fit(points_of(truth))
    knee, finger = (
        Rotation.from_quat(found.rotations[:, NAMES.index(name)]).as_rotvec(True)
        for name in ('LeftLowerLeg', 'RightIndexDistal')
    )
    np.testing.assert_allclose(knee, np.tile((KNEE[0], 0, 0), (20, 1)), atol=1e-6)
    np.testing.assert_allclose(finger, np.tile((0, 0, FINGER[0]), (20, 1)), atol=1e-6)
    assert degrees_between(truth, found, 'LeftUpperLeg').max() < 35


def test_noise():
    truth = moving_animation(7, np.arange(60) / 25)
    points = points_of(truth)
    noise = np.random.default_rng(0).normal(0, 0.005, points.shape)
    found = fit(points + noise, truth.times)
    errors = np.linalg.norm(
        found.positions() - joints_of(points, KEYPOINT_NAMES), axis=2
    )
    assert np.nanmedian(errors) < 0.01


def test_other_times():
    start, end = Rotation.identity(), Rotation.from_rotvec([0, 80, 0], degrees=True)
    rotations = np.tile((0.0, 0, 0, 1), (2, len(NAMES), 1))
    rotations[1, 0] = end.as_quat()
    known = np.ones((2, len(NAMES)), bool)
    animation = Animation(
        np.array([1.0, 3.0]),
        np.zeros((len(NAMES), 3)),
        np.array([[0.0, 1, 0], [4, 1, 0]]),
        rotations,
        known,
    )
    there = animation.at(np.array([0.0, 1.5, 3.0, 9.0]))
    angles = (start.inv() * Rotation.from_quat(there.rotations[:, 0])).magnitude()
    np.testing.assert_allclose(np.degrees(angles), [0, 20, 80, 80], atol=1e-6)
    np.testing.assert_allclose(there.root[:, 0], [0, 1, 4, 4])


def test_hips_that_are_missing_follow_the_shoulders():
    truth = moving_animation(8, TIMES)
    points = points_of(truth)
    points[:6, 11:17] = np.nan
    found = fit(points)
    assert not found.known[:6, 0].any() and found.known[6:, 0].all()
    errors = np.linalg.norm(found.positions() - truth.positions(), axis=2)
    assert np.isfinite(errors).all()
    for name in ('Neck', 'Head', 'LeftHand', 'RightIndexEnd'):
        assert errors[:, NAMES.index(name)].max() < 0.02, name


def test_hips_that_were_never_there_are_below_the_shoulders():
    truth = moving_animation(9, TIMES)
    points = points_of(truth)
    points[:, 11:23] = np.nan
    found = fit(points)
    places = dict(zip(NAMES, found.positions().swapaxes(0, 1)))
    trunk = places['Neck'] - places['Hips']
    np.testing.assert_allclose(trunk, np.tile((0, 0.5, 0), (20, 1)), atol=0.02)
    errors = np.linalg.norm(found.positions() - truth.positions(), axis=2)
    assert errors[:, NAMES.index('RightIndexEnd')].max() < 1e-3
    assert not found.known[:, NAMES.index('LeftUpperLeg')].any()


def test_shoulders_are_needed():
    points = points_of(moving_animation(8, TIMES))
    points[:10, 6] = points[10:, 5] = np.nan
    with pytest.raises(MotionError, match='needs both shoulders'):
        fit(points)
