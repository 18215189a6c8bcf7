"""People of frames as tracks, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.geometry import CameraError, project
from rtmw_ext.core.people import People
from rtmw_ext.core.skeleton import HIPS, KEYPOINT_NAMES
from rtmw_ext.motion import Motion, MotionError, Origin
from rtmw_ext.output import FORMATS, Frame
from rtmw_ext.output.records import Run, Source

SIZE = (640, 480)
K = [[800.0, 0, 319.5], [0, 800, 239.5], [0, 0, 1]]


def make_people(ids, keypoints=133, is_3d=True, seed=0):
    """People in front of the camera, with the arrays that the runtime gives."""
    rng = np.random.default_rng(seed)
    count = len(ids)
    space = (rng.uniform(-1, 1, (count, keypoints, 3)) + (0, 0, 5)).astype(np.float32)
    roots = space[:, list(HIPS)].mean(1, keepdims=True)
    pixels = project(space, dict(K=K)).astype(np.float32)
    return People(
        pixels,
        rng.uniform(0.1, 1, (count, keypoints)).astype(np.float32),
        np.concatenate([pixels.min(1), pixels.max(1)], 1).reshape(count, 4),
        rng.uniform(0.1, 1, count).astype(np.float32),
        space - roots if is_3d else None,
        space if is_3d else None,
        np.array(ids, int),
        origin=rng.integers(0, 3, (count, keypoints), np.uint8),
    )


def make_frames(ids_of_frames, is_3d=True, first=0):
    return [
        Frame('clip', number, number / 25, make_people(ids, is_3d=is_3d, seed=number))
        for number, ids in enumerate(ids_of_frames, first)
    ]


def same(one, other, atol=0.0):
    for name, value in vars(one).items():
        twin = getattr(other, name)
        assert (value is None) == (twin is None), name
        if value is not None:
            np.testing.assert_allclose(value, twin, atol=atol, err_msg=name)


@given(
    ids=st.lists(st.sets(st.integers(0, 3)).map(sorted), min_size=1, max_size=6),
    is_3d=st.booleans(),
    first=st.integers(0, 9),
)
def test_tracks_hold_all_that_people_have(ids, is_3d, first):
    frames = make_frames(ids, is_3d, first)
    motion = Motion.from_people(frames, size=SIZE, camera=K)
    assert [track.id for track in motion.tracks] == sorted(set().union(*ids))
    for track in motion.tracks:
        assert track.there[0] and track.there[-1]
        assert (np.diff(track.frames) == 1).all() and (np.diff(track.times) > 0).all()
    back = list(motion.to_people())
    assert [frame.frame for frame in back] == [frame.frame for frame in frames]
    if any(ids):
        for frame, twin in zip(frames, back):
            # The hips' mean is rounded.
            same(frame.people, twin.people, 1e-6)
            assert (frame.source, frame.time) == (twin.source, pytest.approx(twin.time))


def test_the_world_goes_to_people_and_back():
    motion = Motion.from_people(make_frames([[4], [], [4, 5]]), size=SIZE)
    for track in motion.tracks:
        track.world = track.keypoints_3d_cam + np.float32(1)
    frames = list(motion.to_people())
    assert [frame.people.world.shape for frame in frames] == [
        (count, 133, 3) for count in (1, 0, 2)
    ]
    again = Motion.from_people(frames, size=SIZE)
    for track, twin in zip(motion.tracks, again.tracks, strict=True):
        np.testing.assert_array_equal(track.world, twin.world)
    # What is smoothed is no longer there.
    assert again.smooth().tracks[0].world is None
    motion.tracks[1].world = None
    assert [frame.people.world for frame in motion.to_people()] == [None] * 3


def test_gaps_are_missing():
    motion = Motion.from_people(make_frames([[4], [], [4]]), size=SIZE)
    track = motion.tracks[0]
    assert track.frames.tolist() == [0, 1, 2] and track.there.tolist() == [1, 0, 1]
    assert (track.origin[1] == Origin.MISSING).all()
    assert (track.origin[::2] != Origin.MISSING).all()
    for values in (track.keypoints, track.boxes, track.keypoints_3d_cam):
        assert np.isnan(values[1]).all() and np.isfinite(values[::2]).all()
    assert not track.scores[1].any() and not track.box_scores[1]
    assert [len(frame.people) for frame in motion.to_people()] == [1, 0, 1]


def test_points_without_a_score_are_missing():
    frames = make_frames([[0], [0]])
    frames[1].people.scores[0, 9] = 0
    frames[1].people.keypoints[0, 10] = np.nan
    frames[0].people.keypoints_3d_cam[0, 11, 2] = np.nan
    track = Motion.from_people(frames, size=SIZE).tracks[0]
    assert np.argwhere(track.origin == Origin.MISSING).tolist() == [
        [0, 11],
        [1, 9],
        [1, 10],
    ]
    assert np.isnan(track.keypoints[1, 9]).all()
    assert np.isnan(track.keypoints_3d_cam[1, 10]).all()
    assert (track.scores > 0).sum() == 2 * 133 - 3
    # The other hip is the root then.
    np.testing.assert_allclose(track.keypoints_3d[0, 12], 0, atol=1e-6)


def test_times_that_are_missing_lie_between_the_others():
    frames = make_frames([[0], [0], [0], [0]])
    for frame, number, time in zip(frames, (3, 4, 7, 8), (None, 1.0, 1.3, None)):
        frame.frame, frame.time = number, time
    motion = Motion.from_people(frames)
    np.testing.assert_allclose(motion.times, [0.9, 1.0, 1.1, 1.2, 1.3, 1.4])
    assert motion.rate == pytest.approx(10)
    assert motion.frames.tolist() == [3, 4, 5, 6, 7, 8]


def test_uneven_times_are_kept():
    frames = make_frames([[0]] * 5)
    times = [0.0, 0.03, 0.11, 0.14, 0.2]
    for frame, time in zip(frames, times):
        frame.time = time
    motion = Motion.from_people(frames, rate=30)
    assert motion.times.tolist() == motion.tracks[0].times.tolist() == times
    assert motion.rate == 30


def test_without_times_the_rate_counts():
    frames = make_frames([[0]] * 3)
    for frame in frames:
        frame.time = None
    assert Motion.from_people(frames, rate=50).times.tolist() == [0, 0.02, 0.04]
    assert Motion.from_people(frames).rate == 30


def test_depth_from_the_hips_alone_is_placed_before_the_camera():
    frames = make_frames([[0]])
    frames[0].people.keypoints_3d_cam = None
    track = Motion.from_people(frames, size=SIZE, camera=K).tracks[0]
    np.testing.assert_allclose(
        project(track.keypoints_3d_cam, dict(K=K)), track.keypoints, atol=1e-2
    )
    assert Motion.from_people(frames).tracks[0].keypoints_3d_cam is None


def test_one_person_needs_no_id():
    frames = make_frames([[0], [0]])
    for frame in frames:
        frame.people.ids = None
    assert len(Motion.from_people(frames).tracks) == 1


@pytest.mark.parametrize('name', FORMATS)
def test_results_of_every_format(name, tmp_path):
    frames = make_frames([[1, 3], [], [1], [3, 1]])
    results = FORMATS[name](tmp_path)
    results.run = Run(camera=dict(K=np.array(K)))
    source = Source('clip', 'clip.mp4', 'video', SIZE, 25.0, 4)
    results.begin(source)
    for frame in frames:
        results.add('clip', frame.frame, frame.people, frame.time)
    results.end()
    results.close()
    paths = [path for path in tmp_path.iterdir() if '.meta.' not in path.name]
    motion = Motion.from_results(paths[0] if len(paths) == 1 else tmp_path)
    assert [track.id for track in motion.tracks] == [1, 3]
    assert motion.names == KEYPOINT_NAMES
    assert motion.size == SIZE and motion.rate == 25 and motion.source == 'clip'
    assert motion.is_3d == (name in ('json', 'jsonl', 'csv', 'npz'))
    np.testing.assert_allclose(motion.times, np.arange(4) / 25)
    if motion.is_3d:
        np.testing.assert_allclose(motion.camera['K'], K)
        for frame, twin in zip(frames, motion.to_people()):
            order = np.argsort(frame.people.ids)
            people = frame.people[order]
            if name == 'csv':  # It leaves out boxes.
                people.boxes = twin.people.boxes
                people.box_scores = twin.people.box_scores
            same(people, twin.people, 1e-3)


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda frames: frames.clear(), 'no frame'),
        (lambda frames: frames[1].__setattr__('frame', None), 'is an image'),
        (lambda frames: frames[1].__setattr__('frame', 0), 'frame 0 stands twice'),
        (lambda frames: frames[1].__setattr__('time', 0.0), 'not after frame 0'),
        (lambda frames: frames[1].__setattr__('frame', 10**9), 'check their numbers'),
        (lambda frames: frames[1].people.__setattr__('ids', None), 'have no ids'),
        (lambda frames: frames[1].people.ids.fill(7), 'id 7 stands twice in frame 1'),
        (
            lambda frames: frames[1].__setattr__('people', make_people([1], 17)),
            '17 and 133 points',
        ),
        (
            lambda frames: frames[1].__setattr__(
                'people', make_people([9], 133, False)
            ),
            'others in 2D',
        ),
    ],
)
def test_frames_that_do_not_go_together(change, message):
    frames = make_frames([[1, 2], [1, 2]])
    change(frames)
    with pytest.raises(MotionError, match=message):
        Motion.from_people(frames)


def test_rates_and_cameras_are_checked():
    with pytest.raises(MotionError, match='rate=-1'):
        Motion.from_people(make_frames([[0]]), rate=-1)
    with pytest.raises(CameraError, match='1280 x 100'):
        camera = dict(K=K, size=(1280, 100))
        Motion.from_people(make_frames([[0]]), size=SIZE, camera=camera)


def test_a_file_of_several_videos_needs_a_name(tmp_path):
    results = FORMATS['csv'](tmp_path)
    for name in ('one', 'two'):
        results.add(name, 0, make_people([0]), 0.0)
    results.add('photo', None, make_people([0]))
    results.close()
    path = tmp_path / 'keypoints.csv'
    assert Motion.from_results(path, 'two').source == 'two'
    with pytest.raises(MotionError, match=r'2 videos \(one, two\)'):
        Motion.from_results(path)
    with pytest.raises(MotionError, match="no video 'three', but one, two"):
        Motion.from_results(path, 'three')


def test_images_are_no_motion(tmp_path):
    results = FORMATS['json'](tmp_path)
    results.add('photo', None, make_people([0]))
    results.close()
    with pytest.raises(MotionError, match='no frames of a video'):
        Motion.from_results(tmp_path / 'photo.json')
