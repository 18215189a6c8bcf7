"""Joint angles and speeds by built poses."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from rtmw_ext.core.skeleton import KEYPOINT_NAMES, side_pairs
from rtmw_ext.motion.angles import (
    FLAT,
    IN_IMAGE,
    MOST_EXTENSION,
    angular_velocity,
    joint_angles,
    speeds,
)
from rtmw_ext.motion.rotations import NAMES
from support.examples import examples
from support.motion import moving_animation, points_of, track_of
from support.paths import ROOT

#: Axes of the ISB (forward, up, right) at rest, where people face +z.
ISB = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]).T
TIMES = np.arange(3) / 30
SEEDS = st.integers(0, 10**6)
ANGLE = st.floats(-170, 170)


def isb(flexion=0.0, adduction=0.0, rotation=0.0, side='right'):
    """A joint of Grood and Suntay, by the right side's signs."""
    sign = 1 if side == 'right' else -1
    angles = (flexion, sign * adduction, sign * rotation)
    turn = Rotation.from_euler('ZXY', angles, degrees=True).as_matrix()
    return Rotation.from_matrix(ISB @ turn @ ISB.T)


def about(axis, degrees):
    return Rotation.from_rotvec(np.array(axis, float) * degrees, degrees=True)


def hanging(side):
    """From the T pose to an arm that hangs."""
    return about((0, 0, -1 if side == 'left' else 1), 90)


def check_same(found, expected, name):
    """Angles are the same, once around or not, and missing in the same frames."""
    around = np.cos(np.radians(found - expected))
    np.testing.assert_allclose(around, expected * 0 + 1, atol=1e-6, err_msg=name)


def posed(times=TIMES, root=(0.0, 1, 0), **rotations):
    """Points of somebody who stands in a T, but for these rotations of joints."""
    animation = moving_animation(0, times)
    animation.rotations[:] = (0, 0, 0, 1)
    animation.root[:] = root
    for name, rotation in rotations.items():
        animation.rotations[:, NAMES.index(name)] = rotation.as_quat()
    return points_of(animation)


def angles_of(points, times=TIMES, world=True):
    return joint_angles(track_of(1, points, np.arange(len(points)), times, world))


def first(angles):
    """Of the first frame."""
    return {name: values[0] for name, values in angles.items()}


def test_somebody_who_stands_with_hanging_arms():
    points = posed(LeftUpperArm=hanging('left'), RightUpperArm=hanging('right'))
    found = first(angles_of(points))
    turns = ('left_shoulder_rotation', 'right_shoulder_rotation')
    # Straight arms do not tell it.
    assert [np.isnan(found.pop(name)) for name in turns] == [True, True]
    np.testing.assert_allclose([*found.values()], 0, atol=1e-4)


@examples(25)
@given(
    flexion=st.floats(-40, 130),
    adduction=st.floats(-60, 30),
    rotation=st.floats(-50, 50),
    knee=st.floats(-8, 150),
    ankle=st.floats(-40, 40),
    side=st.sampled_from(['left', 'right']),
)
def test_legs(flexion, adduction, rotation, knee, ankle, side):
    name = side.capitalize()
    joints = {
        f'{name}UpperLeg': isb(flexion, adduction, rotation, side),
        f'{name}LowerLeg': about((1, 0, 0), knee),
        f'{name}Foot': about((1, 0, 0), -ankle),
    }
    found = first(angles_of(posed(**joints)))
    expected = dict(
        hip_flexion=flexion,
        hip_adduction=adduction,
        hip_rotation=rotation,
        knee_flexion=knee,
        ankle_dorsiflexion=ankle,
    )
    for part, value in expected.items():
        assert found[f'{side}_{part}'] == pytest.approx(value, abs=0.01), part
        other = 'left' if side == 'right' else 'right'
        assert found[f'{other}_{part}'] == pytest.approx(0, abs=0.01), part


@examples(25)
@given(
    flexion=st.floats(-60, 170),
    adduction=st.floats(-75, 40),
    rotation=st.floats(-80, 80),
    elbow=st.floats(25, 150),
    wrist=st.floats(-60, 60),
    deviation=st.floats(-25, 25),
    side=st.sampled_from(['left', 'right']),
)
def test_arms(flexion, adduction, rotation, elbow, wrist, deviation, side):
    name, sign = side.capitalize(), 1 if side == 'left' else -1
    hand = about((0, 0, -sign), wrist) * about((0, -sign, 0), deviation)
    joints = {
        f'{name}UpperArm': isb(flexion, adduction, rotation, side) * hanging(side),
        f'{name}LowerArm': about((0, -sign, 0), elbow),
        f'{name}Hand': hand,
    }
    found = first(angles_of(posed(**joints)))
    down = isb(flexion, adduction, rotation, side).apply((0, -1, 0))
    expected = dict(
        shoulder_flexion=flexion,
        shoulder_adduction=adduction,
        shoulder_rotation=rotation,
        shoulder_elevation=np.degrees(np.arccos(np.clip(-down[1], -1, 1))),
        elbow_flexion=elbow,
        wrist_flexion=wrist,
        wrist_deviation=deviation,
    )
    for part, value in expected.items():
        assert found[f'{side}_{part}'] == pytest.approx(value, abs=0.02), part


@pytest.mark.parametrize('knee', [0, 60])
def test_without_feet_a_straight_knee_tells_no_rotation(knee):
    joints = dict(LeftUpperLeg=isb(20, -5, 15, 'left'))
    points = posed(LeftLowerLeg=about((1, 0, 0), knee), **joints)
    found = first(angles_of(points[:, :17]))
    assert found['left_hip_flexion'] == pytest.approx(20, abs=0.01)
    assert found['left_hip_adduction'] == pytest.approx(-5, abs=0.01)
    assert found['left_knee_flexion'] == pytest.approx(knee, abs=0.05)
    rotation = found['left_hip_rotation']
    assert rotation == pytest.approx(15, abs=0.01) if knee else np.isnan(rotation)
    assert np.isnan(found['left_ankle_dorsiflexion'])


def test_arms_overhead_and_sideways():
    """Angles go on beyond 180 degrees; sideways there is no flexion."""
    for angle in (175, 190):
        joint = about((-1, 0, 0), angle) * hanging('left')
        found = first(angles_of(posed(LeftUpperArm=joint)))
        assert found['left_shoulder_flexion'] == pytest.approx(angle, abs=0.01)
    found = first(angles_of(posed()))
    assert found['left_shoulder_elevation'] == pytest.approx(90, abs=0.01)
    assert found['left_shoulder_adduction'] == pytest.approx(-90, abs=0.1)
    assert np.isnan(found['left_shoulder_flexion'])


@examples(25)
@given(
    flexion=st.floats(-60, 60),
    lean=st.floats(-40, 40),
    turn=st.floats(-80, 80),
    heading=ANGLE,
    twist=st.floats(-40, 40),
)
def test_neck_and_trunk(flexion, lean, turn, heading, twist):
    joints = dict(
        Hips=about((0, 1, 0), heading),
        Chest=about((0, 1, 0), twist),
        Head=isb(-flexion, lean, turn),
    )
    found = first(angles_of(posed(**joints)))
    expected = dict(
        neck_flexion=flexion,
        neck_lean=lean,
        neck_rotation=turn,
        trunk_rotation=twist,
        pelvis_rotation=heading,
        trunk_tilt=0,
        trunk_lean=0,
        pelvis_list=0,
    )
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=0.01), name


@examples(25)
@given(tilt=st.floats(-120, 120), lean=st.floats(-50, 50), heading=ANGLE)
def test_trunk_against_the_world(tilt, lean, heading):
    turns = about((0, 1, 0), heading) * about((1, 0, 0), tilt) * about((0, 0, 1), lean)
    found = first(angles_of(posed(Hips=turns)))
    up, right = turns.apply((0, 1, 0)), turns.apply((-1, 0, 0))
    assert found['pelvis_list'] == pytest.approx(
        -np.degrees(np.arcsin(right[1])), abs=0.01
    )
    level = np.array((right[0], 0, right[2]))
    level /= np.linalg.norm(level)
    assert found['trunk_lean'] == pytest.approx(
        np.degrees(np.arcsin(up @ level)), abs=0.01
    )
    if not lean:
        assert found['trunk_tilt'] == pytest.approx(tilt, abs=0.01)


def test_signs_against_the_world():
    """Forward, and to the person's right, whatever the heading."""
    for heading in (0, 70, 200):
        turn = about((0, 1, 0), heading)
        found = first(angles_of(posed(Hips=turn * about((1, 0, 0), 25))))
        assert found['trunk_tilt'] == pytest.approx(25, abs=0.01)
        found = first(angles_of(posed(Hips=turn * about((0, 0, 1), 10))))
        assert found['trunk_lean'] == pytest.approx(10, abs=0.01)
        assert found['pelvis_list'] == pytest.approx(10, abs=0.01)


def mirrored(points):
    twin = points * (-1, 1, 1)
    for left, right in side_pairs(KEYPOINT_NAMES):
        twin[:, [left, right]] = twin[:, [right, left]]
    return twin


def twin_of(name):
    sides = {'left': 'right', 'right': 'left'}
    return re.sub('^(left|right)', lambda found: sides[found[0]], name)


#: What turns to the other side in a mirror.
SIDED = ('trunk_lean', 'trunk_rotation', 'pelvis_list', 'pelvis_rotation', 'neck_lean')
SIDED = (*SIDED, 'neck_rotation')


@examples(20)
@given(seed=SEEDS)
def test_a_mirror_exchanges_left_and_right(seed):
    points = points_of(moving_animation(seed, TIMES))
    found, twins = angles_of(points), angles_of(mirrored(points))
    assert found.keys() == twins.keys()
    for name, values in found.items():
        sign = -1 if name in SIDED else 1
        check_same(sign * twins[twin_of(name)], values, name)


@examples(20)
@given(seed=SEEDS, turn=st.tuples(ANGLE, ANGLE, ANGLE), scale=st.floats(0.5, 2))
def test_moves_and_size_change_no_joint(seed, turn, scale):
    points = points_of(moving_animation(seed, TIMES))
    found = angles_of(points)
    rotation = Rotation.from_euler('YXZ', turn, degrees=True).as_matrix()
    moved = angles_of(scale * points @ rotation.T + (1, 2, 3))
    level = Rotation.from_euler('Y', turn[0], degrees=True).as_matrix()
    walked = angles_of(scale * points @ level.T + (1, 0, 3))
    for name, values in found.items():
        of_joint = not name.startswith(('trunk', 'pelvis')) or name == 'trunk_rotation'
        for other, same in ((moved, of_joint), (walked, name != 'pelvis_rotation')):
            if same:
                check_same(other[name], values, name)
    headed = walked['pelvis_rotation'] - turn[0]
    check_same(headed, found['pelvis_rotation'], 'pelvis_rotation')


def test_missing_points_make_missing_angles():
    points = points_of(moving_animation(0, TIMES))
    points[1, KEYPOINT_NAMES.index('left_knee')] = np.nan
    for name, values in angles_of(points).items():
        gone = name.startswith(('left_hip', 'left_knee', 'left_ankle'))
        assert np.isnan(values).tolist() == [False, gone, False], name
    assert joint_angles(track_of(1, points[:, :5], range(3), TIMES)) == {}


# -- the image plane ----------------------------------------------------------------


@pytest.mark.parametrize('heading', [90, -90])
def test_2d_from_the_side(heading):
    """Without 3D, somebody seen from the side has the angles of 3D, facing right or
    left."""
    joints = dict(
        Hips=about((0, 1, 0), heading) * about((1, 0, 0), 12),
        LeftUpperLeg=isb(35),
        LeftLowerLeg=about((1, 0, 0), 50),
        LeftFoot=about((1, 0, 0), -10),
        RightUpperLeg=isb(-15),
        RightLowerLeg=about((1, 0, 0), -5),
        LeftUpperArm=isb(40) * hanging('left'),
        RightUpperArm=isb(-20) * hanging('right'),
        RightLowerArm=about((0, 1, 0), 70),
        Head=isb(-15),
    )
    points = posed(**joints)
    space = first(angles_of(points))
    track = track_of(1, points, range(3), TIMES, world=False)
    track.keypoints_3d_cam = None
    # Without perspective.
    track.keypoints = (points[..., :2] * (100, -100) + 300).astype(np.float32)
    flat = first(joint_angles(track))
    sided = {name for name in space if twin_of(name) != name}
    parts = {name: re.sub('^(left|right)_', '', name) for name in space}
    assert flat.keys() == {
        f'{name}{FLAT}' for name, part in parts.items() if part in IN_IMAGE
    }
    assert len(sided) > 10
    for name in flat:
        assert flat[name] == pytest.approx(space[name.removesuffix(FLAT)], abs=0.05)
    assert flat['left_hip_flexion_2d'] == pytest.approx(35, abs=0.05)
    assert flat['trunk_tilt_2d'] == pytest.approx(12, abs=0.05)
    assert flat['right_knee_flexion_2d'] == pytest.approx(-5, abs=0.05)


# -- speeds -------------------------------------------------------------------------


def test_speeds_at_true_times():
    times = np.array([0.0, 0.03, 0.07, 0.1, 0.2, 0.21])
    points = posed(times) + times[:, None, None] * (3, 0, 4)
    points[3, KEYPOINT_NAMES.index('left_wrist')] = np.nan
    found = speeds(track_of(1, points, range(6), times))
    assert list(found)[:2] == ['hips', 'nose'] and len(found) == 24
    gone = [False, False, True, True, True, False]
    assert np.isnan(found['left_wrist']).tolist() == gone
    for values in found.values():
        np.testing.assert_allclose(values[np.isfinite(values)], 5, rtol=1e-4)
    alone = track_of(1, posed(TIMES[:1]), range(1), TIMES[:1])
    assert np.isnan(speeds(alone)['hips']).all()
    alone.keypoints_3d_cam = alone.world = None
    assert np.isnan(speeds(alone)['nose']).all()


def test_speeds_in_the_image_plane():
    track = track_of(1, posed(), range(3), TIMES)
    track.keypoints = track.keypoints[:1] + TIMES[:, None, None] * np.float32((30, 40))
    track.keypoints_3d_cam = track.world = None
    np.testing.assert_allclose(speeds(track)['left_ankle'], 50, rtol=1e-3)


def test_angular_velocity():
    times = np.array([0.0, 0.1, 0.25, 0.3, 0.4])
    # Once around, past 180 degrees.
    angles = (170 + 100 * times + 180) % 360 - 180
    np.testing.assert_allclose(angular_velocity(angles, times), 100)
    angles[2] = np.nan
    gone = np.isnan(angular_velocity(angles, times))
    assert gone.tolist() == [False, True, True, True, False]


def test_the_docs_define_every_angle():
    page = (ROOT / 'docs/motion.md').read_text()
    table = page.split('### Joint angles')[1].split('\n#')[0]
    listed = re.findall(r'^\| `(\w+)`', table, re.MULTILINE)
    names = [re.sub('^(left|right)_', '', name) for name in angles_of(posed())]
    assert listed == list(dict.fromkeys(names))
    flat = re.findall(r'^\| `(\w+)` \|.*\| yes \|$', table, re.MULTILINE)
    assert sorted(flat) == sorted(IN_IMAGE)
    assert f'{-MOST_EXTENSION:g}' in table
