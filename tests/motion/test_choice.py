"""Ids for results without them, and the choice of people."""

import numpy as np
import pytest

from rtmw_ext.core.people import People
from rtmw_ext.motion import Motion, MotionError
from rtmw_ext.motion.identity import choose, identify
from rtmw_ext.output import Frame
from support.people import people_at

BODY = np.random.default_rng(0).uniform(-40, 40, (17, 2)).astype(np.float32)
#: Near the middle and small; at the side and large.
PLACES = np.float32([(160, 120), (60, 120)])


def clip(count=20, gone=range(0)):
    """Frames of two people who walk; the second one is not found in ``gone``."""
    frames = []
    for number in range(count):
        points = np.stack([BODY * 0.5, BODY]) + PLACES[:, None] + number
        order = [1, 0] if number % 2 else [0, 1]
        people = people_at(points[order])
        if number in gone:
            people = people[[order.index(0)]]
        frames.append(Frame('clip', number, number / 30, people))
    return frames


def test_people_get_the_ids_that_they_keep():
    frames = identify(clip(gone=range(5, 12)))
    for frame in frames:
        for row, number in enumerate(frame.people.ids):
            middle = frame.people.keypoints[row].mean(0) - frame.frame
            assert np.abs(middle - PLACES[number]).max() < 20
    motion = Motion.from_people(frames, size=(320, 240))
    assert [track.id for track in motion.tracks] == [0, 1]
    assert motion.tracks[1].there.sum() == 13


def test_motion_gives_ids_to_people_without():
    frames = clip(gone=range(5, 12))
    motion = Motion.from_people(frames, size=(320, 240))
    assert [track.there.sum() for track in motion.tracks] == [20, 13]
    for frame in frames[3:6]:
        frame.time = None
    again = Motion.from_people(frames, size=(320, 240))
    for track, twin in zip(motion.tracks, again.tracks, strict=True):
        np.testing.assert_array_equal(track.keypoints, twin.keypoints)


def test_identify_needs_frames_in_order():
    frames = clip(3)
    with pytest.raises(MotionError, match='not after'):
        identify([frames[1], frames[0]])
    with pytest.raises(MotionError, match='is an image'):
        identify([Frame('photo', None, None, frames[0].people)])
    # Without times the rate counts; who is there twice is dropped.
    people = People.concatenate([frames[0].people, frames[0].people])
    (frame,) = identify([Frame('clip', 0, None, people)])
    assert frame.people.ids.tolist() == [0, 1]
    assert len(people) == 4 and people.ids is None


def test_choice_of_people():
    motion = Motion.from_people(identify(clip()), size=(320, 240))

    def chosen(*args, **kwargs):
        return [track.id for track in choose(motion, *args, **kwargs).tracks]

    assert chosen() == [0, 1] == chosen(5)
    assert chosen(1) == [1]
    assert chosen(1, 'central') == [0]
    assert chosen(ids=[0]) == [0]
    assert chosen(box=(20, 80, 100, 160)) == [1]
    assert chosen(box=(150, 110, 190, 150), frame=10) == [0]
    assert len(motion.tracks) == 2
    for wrong, message in (
        (dict(ids=[7]), 'no person 7: there are 0, 1'),
        (dict(count=0), 'count=0'),
        (dict(count=1, order='oldest'), 'largest, central'),
        (dict(box=(300, 0, 310, 5)), 'nobody is in box'),
        (dict(box=(20, 80, 100, 160), frame=99), 'nobody is in box'),
        (dict(box=(20, 80, 10, 160)), 'x1 < x2'),
    ):
        with pytest.raises(MotionError, match=message):
            choose(motion, **wrong)
    motion.size = None
    with pytest.raises(MotionError, match='size'):
        choose(motion, 1, 'central')
