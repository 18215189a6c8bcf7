"""Clips of moving people: what moves how, the truth, what is written."""

from dataclasses import replace

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

pytest.importorskip('numba', reason='needs requirements/synthetic.txt')

from rtmw_ext.core.geometry import project  # noqa: E402
from rtmw_ext.core.skeleton import KEYPOINT_NAMES, PARTS  # noqa: E402
from rtmw_ext.output import read  # noqa: E402
from rtmw_ext.synthetic import body as body_module  # noqa: E402
from rtmw_ext.synthetic import clips  # noqa: E402
from rtmw_ext.synthetic.export import ExportError, export  # noqa: E402
from rtmw_ext.synthetic.motions import Actor, bump, smooth  # noqa: E402
from rtmw_ext.synthetic.poses import PoseSampler  # noqa: E402
from rtmw_ext.synthetic.scene import shared_body  # noqa: E402
from support.examples import examples  # noqa: E402

FEET = slice(PARTS['feet'].start, PARTS['feet'].stop)


@pytest.fixture(scope='module')
def body():
    if not body_module.body_path().is_file():
        pytest.importorskip(
            'anny',
            reason='no body file, and no Anny to make it: requirements/synthetic.txt',
        )
    return shared_body()


@pytest.fixture(scope='module')
def acts(body):
    """One who does everything: times, course, points (T, 133, 3) with z up."""
    rng = np.random.default_rng(3)
    actor = Actor(rng, PoseSampler(body), body, np.array([-1.5, 0]), 90.0, 0.0)
    course = actor.course
    marks = {}
    for name, do in dict(
        stand=lambda: course.stand(1.0),
        walk=lambda: course.walk((0.6, 0.3), 1.2),
        turn=lambda: course.turn(0),
        sit=lambda: course.sit(1.0),
        squat=course.squat,
    ).items():
        start = course.end
        do()
        marks[name] = (start, course.end)
    course.stand(0.5)
    actor.hold(rng, 0, 0.5)
    actor.wave(rng, 1.0, 2.0)
    actor.hold(rng, 4.0, 1.0)
    times = np.arange(0, course.end, 1 / 30)
    points = np.stack([body.keypoints(*actor.at(time)[:2]) for time in times])
    return actor, marks, times, points


@pytest.fixture(scope='module')
def clip(body):
    """Two people and a thing, one second."""
    return clips.make_clip(7, 1, body, 1.0, (160, 120))


@pytest.fixture(scope='module')
def truth(clip):
    return clips.find_truth(clip)


@given(st.floats(-2, 3))
@examples(50)
def test_moves_start_and_end_at_rest(share):
    assert 0 <= smooth(share) <= 1 and 0 <= bump(share) <= 1
    assert smooth(share) + smooth(1 - share) == pytest.approx(1)
    step = 1e-4
    for move in (smooth, bump):
        for end in (0, 1):
            speed = (move(end + step) - move(end - step)) / step
            assert abs(speed) < 1e-6


def test_feet_that_stand_do_not_slide(acts):
    _, marks, times, points = acts
    feet = points[:, FEET]
    assert feet[..., 2].min() > 0
    for name in ('sit', 'squat', 'stand'):
        start, end = marks[name]
        during = feet[(times > start + 0.2) & (times < end - 0.1)]
        # Heels give way a little where the shin turns.
        assert np.ptp(during, axis=0).max() < 0.012, name
    start, end = marks['walk']
    low = feet[(times > start) & (times < end)]
    speed = np.linalg.norm(np.diff(low, axis=0), axis=-1) * 30
    # At any time of a walk one foot stands.
    still = np.minimum(speed[:, :3].max(1), speed[:, 3:].max(1))
    assert np.median(still) < 0.02
    assert speed[:, [0, 3]].min(1).max() < 0.2


def test_acts_do_what_they_say(acts):
    actor, marks, times, points = acts
    hips = points[:, [11, 12]].mean(1)

    def at(time):
        return np.abs(times - time).argmin()

    start, end = marks['walk']
    assert hips[at(start), 0] == pytest.approx(-1.5, abs=0.1)
    assert hips[at(end), :2] == pytest.approx((0.6, 0.3), abs=0.12)
    # They face where they walk: the nose is ahead of the hips.
    middle = at((start + end) / 2)
    assert (points[middle, 0] - points[middle, 3:5].mean(0))[0] > 0.04
    end = at(marks['turn'][1])
    assert (points[end, 0] - points[end, 3:5].mean(0))[1] < -0.04
    leg = actor.legs[0].length
    for name, drop in (('sit', 0.47), ('squat', 0.36)):
        start, end = marks[name]
        low = hips[at((start + end) / 2), 2]
        assert hips[at(start), 2] - low == pytest.approx(drop * leg, abs=0.05)
        assert hips[at(end), 2] == pytest.approx(hips[at(start), 2], abs=0.02)
    # One hand waves: its wrist goes to and fro.
    wave = (times > 1.8) & (times < 2.8)
    swings = [
        np.abs(
            np.diff(np.sign(np.diff(points[wave, wrist] - hips[wave], axis=0)), axis=0)
        )
        .sum(0)
        .max()
        for wrist in (9, 10)
    ]
    assert max(swings) >= 4
    # No jumps: a foot swings at 8 m/s at most.
    assert np.linalg.norm(np.diff(points, axis=0), axis=-1).max() * 30 < 8


def test_limbs_keep_their_lengths(truth):
    """By the heads of bones: nothing is stretched to reach a foot."""
    names = list(truth.bones)
    for upper, lower in (
        ('upperleg01.L', 'lowerleg01.L'),
        ('lowerleg01.R', 'foot.R'),
        ('upperarm01.L', 'lowerarm01.L'),
    ):
        length = np.linalg.norm(
            truth.joints[:, :, names.index(upper)]
            - truth.joints[:, :, names.index(lower)],
            axis=-1,
        )
        assert np.ptp(length, axis=0).max() < 1e-5


def test_rotations_give_the_joints(truth):
    """Forward kinematics over the written skeleton."""
    for person in range(truth.shown.shape[1]):
        for frame in (0, len(truth.times) - 1):
            local = Rotation.from_quat(truth.rotations[frame, person]).as_matrix()
            world, joints = np.empty_like(local), np.empty((len(local), 3))
            for bone, parent in enumerate(truth.parents):
                if parent < 0:
                    world[bone] = local[bone]
                    joints[bone] = truth.joints[frame, person, bone]
                    continue
                world[bone] = world[parent] @ local[bone]
                joints[bone] = (
                    joints[parent] + world[parent] @ truth.offsets[person, bone]
                )
            # The face's bones move a little with its expression.
            body = [n for n, name in enumerate(truth.bones) if 'eye' not in name]
            error = np.abs(joints - truth.joints[frame, person])[body]
            assert error.max() < 0.002


def test_cameras_agree(truth):
    for frame in (0, 12):
        space = truth.world[frame] @ truth.extrinsics[frame, :, :3].T
        space += truth.extrinsics[frame, :, 3]
        np.testing.assert_allclose(space, truth.keypoints_3d_cam[frame], atol=1e-5)
        flat = project(space, dict(K=truth.camera))
        np.testing.assert_allclose(flat, truth.keypoints[frame], atol=1e-2)
        rotation = truth.extrinsics[frame, :, :3]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
        # People are upright in the image: y of the image is down, of the world up.
        assert (
            truth.keypoints[frame, :, 0, 1] < truth.keypoints[frame, :, 15, 1]
        ).all()
        assert (truth.world[frame, :, 0, 1] > 1).all() or (
            truth.world[..., 1] < 2.5
        ).all()


def test_who_is_in_front_hides(body):
    """A wall hides who stands behind it; who is before it is seen."""
    clip = clips.make_clip(7, 0, body, 0.1, (160, 120))
    clip.times = clip.times[:1]
    before = clips.find_truth(clip)
    assert before.shown[0, 0] == 1 and (before.visible[0, 0] == 2).sum() > 60
    near = np.append(before.world[0, 0, :, 2].max() + 0.5, 0)
    clip.things = [clips.Box(np.array([0, 0, near[0]]), np.array([9, 9, 0.1]))]
    hidden = clips.find_truth(clip)
    assert hidden.shown[0, 0] == 0 and (hidden.visible[0, 0] == 1).sum() > 60
    assert len(hidden.people(0)) == 0
    far = before.world[0, 0, :, 2].min() - 0.5
    clip.things = [clips.Box(np.array([0, 0, far]), np.array([9, 9, 0.1]))]
    assert clips.find_truth(clip).shown[0, 0] == 1


def test_a_box_is_closed_and_faces_outwards():
    box = clips.Box(np.array([1.0, 0, 2]), np.array([0.4, 0.6, 0.8]), 30)
    vertices, faces, rest = box.mesh()
    corners = vertices[faces].astype(float)
    # Divergence theorem: the volume within.
    volume = np.einsum('fi,fi->', corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    assert volume / 6 == pytest.approx(0.4 * 0.6 * 0.8, rel=1e-5)
    assert vertices[:, 1].min() == pytest.approx(0)
    assert np.ptp(rest, axis=0) == pytest.approx(box.sides)


def test_ten_clips_have_everything(body):
    made = [clips.make_clip(1, number, body, 0.5, (96, 72)) for number in range(10)]
    assert {len(clip.actors) for clip in made} == {1, 2, 3, 4, 5}
    assert sum(bool(clip.cuts) for clip in made) == 1
    assert {bool(clip.things) for clip in made} >= {True}
    moving = [
        np.abs(clip.extrinsics(0.0) - clip.extrinsics(0.2)).max() > 1e-4
        for clip in made
    ]
    assert set(moving) == {True, False}
    irregular = clips.make_clip(1, 3, body, 4.0)
    assert np.ptp(np.diff(irregular.times)) > 0.01


def test_a_cut_changes_the_camera_at_once(body):
    clip = clips.make_clip(1, 7, body, 1.0, (96, 72))
    (cut,) = clip.cuts
    jump = np.abs(clip.extrinsics(cut - 1e-3) - clip.extrinsics(cut + 1e-3)).max()
    assert jump > 0.05


def test_clips_are_written_and_read(tmp_path, truth):
    """As results by any reader of them, and as the truth; the same from the same
    seed by any number of workers."""
    lines = []
    make = dict(kind='clips', size=(160, 120), seconds=1.0, progress=lines.append)
    make['truth_only'] = True
    export(tmp_path, 2, 7, workers=1, **make)
    again = clips.Truth.read(tmp_path / 'clip-001' / 'truth.npz')
    for name, value in vars(truth).items():
        np.testing.assert_array_equal(getattr(again, name), value, err_msg=name)
    results = read(tmp_path / 'clip-001' / 'keypoints.npz')
    assert len(results) == len(truth.times) == 25
    assert results.run['points'] == list(KEYPOINT_NAMES)
    (source,) = results.sources.values()
    assert source['rate'] == truth.rate and source['width'] == 160
    assert source['camera']['K'] == truth.camera.tolist()
    for frame in results:
        who = truth.shown[frame.frame] >= clips.SHOWN
        assert frame.people.ids.tolist() == np.flatnonzero(who).tolist()
        assert frame.time == pytest.approx(truth.times[frame.frame])
        np.testing.assert_array_equal(
            frame.people.keypoints, truth.keypoints[frame.frame, who]
        )
    export(tmp_path, 2, 7, workers=1, **make)
    assert lines[-1] == '2 of 2 are there already'
    with pytest.raises(ExportError, match='another recipe'):
        export(tmp_path, 2, 8, workers=1, **make)
    for wrong in (dict(people=(0, 2)), dict(seconds=0.0)):
        with pytest.raises(ExportError, match='people='):
            export(tmp_path, 2, 7, **{**make, **wrong})


def test_films_show_the_truth(body, tmp_path, truth):
    """Who is seen is drawn there, and only there; a film is the same again."""
    from rtmw_ext.synthetic.film import Film
    from rtmw_ext.synthetic.scene import SceneMaker

    maker = SceneMaker(body=body)
    clip = clips.make_clip(7, 1, body, 1.0, (160, 120))
    clip.times = clip.times[:2]
    film = Film(clip, maker)
    film.noise = 0.0
    first = film.frame(0.0)
    assert first.shape == (120, 160, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, film.frame(0.0))
    # Without the people and their shadows.
    film.clip = replace(clip, actors=[])
    empty = film.frame(0.0)
    changed = np.abs(first.astype(int) - empty).max(2) > 8
    seen = truth.visible[0] == 2
    x, y = truth.keypoints[0][seen].round().astype(int).clip(0, (159, 119)).T
    assert changed[y, x].mean() > 0.9
    folder = tmp_path / 'clip-001'
    clips.write_clip(clip, folder, Film(clip, maker))
    with av.open(str(folder.with_suffix('.mp4'))) as video:
        times = [float(frame.time) for frame in video.decode(video=0)]
    assert times == pytest.approx(clip.times, abs=1e-3)
