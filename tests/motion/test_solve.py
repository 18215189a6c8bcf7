"""3D that holds still: bones, depth, the ground, standing feet."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion.paths import CAMERA, moving_person, to_motion
from rtmw_ext.core.geometry import project
from rtmw_ext.core.skeleton import HALPE26_NAMES, HIPS, KEYPOINT_NAMES, side_pairs
from rtmw_ext.motion import MotionError, Origin
from rtmw_ext.motion.solve import (
    ANKLES,
    PELVIS,
    _ground_normal,
    _least_steps,
    _reach,
    bones_of,
    find_world,
    hold_body,
    parents_of,
    solve,
)

FEET = slice(17, 23)


def lengths(points, count=133):
    """(T, bones) metres, but for those within feet, which stand."""
    bones = [link for link in bones_of(count) if link[1] not in ANKLES]
    starts = [
        points[:, HIPS].mean(1)
        if parent == PELVIS
        else points[:, [5, 6]].mean(1)
        if parent < 0
        else points[:, parent]
        for _, parent in bones
    ]
    ends = points[:, [point for point, _ in bones]]
    return np.linalg.norm(ends - np.stack(starts, 1), axis=-1)


def rooted(points):
    return points - points[:, HIPS].mean(1, keepdims=True)


def jitter(points):
    return np.linalg.norm(np.diff(points[:, :23], 3, axis=0), axis=-1).mean()


@pytest.fixture(scope='module')
def truth():
    """A person who moves before a camera that stands: times, points in the world and
    from the camera, whether feet stand, the camera, and what is up for it."""
    from rtmw_ext.synthetic.clips import TO_WORLD, in_camera, make_clip
    from rtmw_ext.synthetic.scene import shared_body

    body = shared_body()
    clip = make_clip(2026, 0, body, 3.0)
    actor = clip.actors[0]
    world = np.stack(
        [body.keypoints(*actor.at(time)[:2]) @ TO_WORLD.T for time in clip.times]
    )
    extrinsics = clip.extrinsics(0.0)
    feet = world[:, FEET]
    speed = np.linalg.norm(np.gradient(feet, clip.times, axis=0), axis=-1)
    return SimpleNamespace(
        times=clip.times,
        size=clip.size,
        camera=clip.camera,
        world=world,
        points=in_camera(world, extrinsics),
        stands=(speed < 0.02) & (feet[..., 1] < 0.1),
        up=extrinsics[:, 1],
    )


def motion_of(truth, noise=0.0):
    """The person as results, with noise of 2D, 3D and depth alike those of
    networks."""
    rng = np.random.default_rng(0)
    depths = 1 + rng.normal(0, noise, (len(truth.times), 1, 1))
    points = (truth.points + rng.normal(0, noise, truth.points.shape)) * depths
    pixels = project(truth.points, dict(K=truth.camera))
    pixels += rng.normal(0, 100 * noise, pixels.shape)
    return to_motion(
        truth.times, points, pixels, camera=dict(K=truth.camera), size=truth.size
    )


@pytest.mark.torch
def test_truth_is_kept_and_stands_in_the_world(truth):
    motion = motion_of(truth)
    solved = solve(motion)
    track = solved.tracks[0]
    points, feet = truth.points, truth.stands
    away = rooted(track.keypoints_3d_cam) - rooted(points)
    assert np.nanmean(np.linalg.norm(away, axis=-1)) < 0.015
    np.testing.assert_allclose(np.ptp(lengths(track.world), axis=0), 0, atol=1e-4)
    assert np.degrees(np.arccos(solved.world_camera[1, :3] @ truth.up)) < 2
    sole = track.world[:, FEET, 1] - truth.world[:, FEET, 1]
    assert np.abs(np.median(sole[feet])) < 0.06
    slide = np.linalg.norm(
        np.gradient(track.world[:, FEET], truth.times, axis=0), axis=-1
    )
    assert np.nanmean(slide[feet]) < 0.010
    # The world is the camera's, turned and moved.
    rotation, shift = solved.world_camera[:3, :3], solved.world_camera[:3, 3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(
        track.keypoints_3d_cam @ rotation.T + shift, track.world, atol=1e-4
    )
    np.testing.assert_allclose(track.world[0, HIPS, ::2].mean(0), 0, atol=0.1)


@pytest.mark.torch
def test_noise_becomes_one_body_that_holds_still(truth):
    motion = motion_of(truth, 0.02)
    smooth = motion.smooth()
    track, before = smooth.solve().tracks[0], motion.tracks[0]
    points = truth.points
    raw = before.keypoints_3d_cam

    def error(one):
        return np.nanmean(np.linalg.norm(rooted(one) - rooted(points), axis=-1))

    assert error(track.keypoints_3d_cam) < 0.7 * error(raw)
    assert jitter(track.keypoints_3d_cam) < 0.1 * jitter(raw)
    spread = lengths(track.keypoints_3d_cam)
    assert (spread.std(0) / spread.mean(0)).max() < 0.001
    depth = (track.keypoints_3d_cam - points)[:, HIPS, 2].mean(1)
    assert np.std(depth) < 0.03
    # It still projects to the 2D.
    flat = project(track.keypoints_3d_cam, dict(K=truth.camera))
    off = np.linalg.norm(flat - smooth.tracks[0].keypoints, axis=-1)
    assert np.median(off) < 2


def test_the_depth_of_a_body_follows_feet_that_stand():
    """A body whose size in the image changes, as noise of networks has it."""
    times, points = moving_person(1, count=120)
    feet = [15, 16, *range(17, 23)]
    points[:, feet] = points[0, feet]
    pixels = project(points, CAMERA)
    place = pixels[:, feet].mean(1, keepdims=True)
    size = 1 + 0.05 * np.sin(2 * np.pi * 0.7 * times)[:, None, None]
    pixels = place + size * (pixels - place)
    (track,) = to_motion(times, points, pixels).tracks

    def slide(track):
        depths = hold_body(track, CAMERA)[:, FEET, 2].mean(1)
        return np.abs(np.gradient(depths, times)).mean()

    loose = replace(track, scores=track.scores.copy())
    loose.scores[:, FEET] = 0.2  # Too low to tell that they stand.
    assert slide(track) < 0.1 * slide(loose)


@given(seed=st.integers(0, 9), far=st.floats(-5, 5))
def test_shifts_take_the_steps_of_standing_feet(seed, far):
    rng = np.random.default_rng(seed)
    drift = rng.normal(0, 0.01, 60).cumsum()
    depths = drift[:, None] + rng.uniform(4, 5, 6)
    stands = np.ones((60, 6), bool)
    stands[20:30] = False
    stands[:, :2] = False
    depths[:, :2] += rng.normal(0, 1, (60, 2))
    shift = _least_steps(depths, stands)
    left = np.abs(np.diff(drift + shift))
    assert left[stands[1:, 2]].mean() < 0.2 * np.abs(np.diff(drift)).mean()
    np.testing.assert_allclose(_least_steps(depths + far, stands), shift, atol=1e-9)
    assert (_least_steps(depths, np.zeros_like(stands)) == 0).all()
    assert (_least_steps(depths[:1], stands[:1]) == 0).all()


@pytest.mark.parametrize('names', [KEYPOINT_NAMES, HALPE26_NAMES, KEYPOINT_NAMES[:17]])
def test_bones_of_every_skeleton(names):
    count = len(names)
    assert sorted(parents_of(count)) == list(range(count))
    placed = set()
    for point, parent in parents_of(count).items():
        assert parent < 0 or parent in placed
        placed.add(point)
    motion = to_motion(*moving_person(count=40))
    track = motion.tracks[0]
    track.scores[:, 9] = track.scores[:, 10] = 0.2
    cut = replace(
        track,
        keypoints=track.keypoints[:, :count],
        scores=track.scores[:, :count],
        origin=track.origin[:, :count],
        keypoints_3d_cam=track.keypoints_3d_cam[:, :count],
    )
    solved = solve(replace(motion, tracks=[cut], names=names)).tracks[0]
    assert np.ptp(lengths(solved.world, count), axis=0).max() < 1e-4
    assert np.isfinite(solved.world).all()


def test_both_sides_are_equally_long():
    track = to_motion(*moving_person(count=40)).solve().tracks[0]
    start = parents_of(133)
    for pair in side_pairs(KEYPOINT_NAMES)[3:5]:  # Elbows and wrists.
        bones = [track.world[0, point] - track.world[0, start[point]] for point in pair]
        left, right = np.linalg.norm(bones, axis=1)
        assert left == pytest.approx(right, abs=1e-4)


def test_what_is_missing_stays_missing():
    times, points = moving_person(count=40)
    scores = np.ones((40, 133))
    scores[10:20] = 0
    scores[:, 30] = 0
    motion = to_motion(times, points, scores=scores)
    track = motion.solve().tracks[0]
    assert (track.origin == motion.tracks[0].origin).all()
    missing = track.origin == Origin.MISSING
    assert missing[15].all() and missing[:, 30].all()
    assert (np.isnan(track.world[..., 0]) == missing).all()
    assert (np.isnan(track.keypoints_3d_cam[..., 0]) == missing).all()


numbers = st.floats(-0.6, 0.6)
places = st.tuples(numbers, numbers, numbers)


@given(knee=places, ankle=places, target=places)
def test_legs_reach_and_keep_their_lengths(knee, ankle, target):
    hip = np.zeros((1, 3))
    knee, ankle, target = (np.array([place]) for place in (knee, ankle, target))
    thigh, shin = np.linalg.norm(knee), np.linalg.norm(ankle - knee)
    far = np.linalg.norm(target)
    if min(thigh, shin, far) < 0.05 or abs(np.cross(knee, target)).max() < 1e-3:
        return
    new_knee, new_ankle = _reach(hip, knee, ankle, target)
    assert np.linalg.norm(new_knee) == pytest.approx(thigh, abs=1e-5)
    assert np.linalg.norm(new_ankle - new_knee) == pytest.approx(shin, abs=1e-5)
    if abs(thigh - shin) + 1e-3 < far < 0.999 * (thigh + shin):
        np.testing.assert_allclose(new_ankle, target, atol=1e-6)


tilts = st.floats(-0.15, 0.15)


@given(tilt=st.tuples(tilts, tilts), seed=st.integers(0, 9))
def test_the_ground_is_where_feet_stand(tilt, seed):
    rng = np.random.default_rng(seed)
    normal = np.array([tilt[0], -1, tilt[1]])
    normal /= np.linalg.norm(normal)
    stands = rng.uniform(-2, 2, (40, 3))
    stands -= np.outer(stands @ normal, normal)
    stands[0] -= 0.4 * normal  # A stair.
    found = _ground_normal(stands + (0, 1, 6), np.array([0.0, -1, 0]))
    assert np.degrees(np.arccos(np.clip(found @ normal, -1, 1))) < 2.5


def test_feet_in_one_place_leave_gravity_to_the_body():
    up = np.array([0.1, -1, 0.2]) / np.linalg.norm([0.1, -1, 0.2])
    stands = np.random.default_rng(0).normal(0, 0.02, (8, 3))
    assert _ground_normal(stands, up) @ up > np.cos(np.radians(3))


def test_a_camera_that_looks_down_has_a_world():
    track = to_motion(*moving_person(count=10)).tracks[0]
    # Lying before the camera: up is towards it.
    points = track.keypoints_3d_cam[..., [0, 2, 1]].astype(float)
    found = find_world([track], [points], CAMERA)
    assert np.linalg.det(found[:3, :3]) == pytest.approx(1)


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(camera=None), 'camera is not known'),
        (dict(names=tuple(map(str, range(133)))), 'do not begin with those of COCO'),
        (dict(tracks=[]), 'in 2D'),
    ],
)
def test_motion_that_cannot_be_solved(change, message):
    motion = to_motion(*moving_person(count=10))
    with pytest.raises(MotionError, match=message):
        solve(replace(motion, **change))
