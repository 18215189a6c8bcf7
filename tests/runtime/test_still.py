"""Who stands still in a video keeps its points; who moves a hand does not."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.commands.bench_rtmlib import moving
from rtmw_ext.core.images import read_image
from rtmw_ext.core.people import Origin
from rtmw_ext.output.video_writer import VideoWriter
from rtmw_ext.runtime import WholeBody
from rtmw_ext.runtime.still import StillPeople
from rtmw_ext.runtime.video import Video
from support.examples import examples
from support.paths import PEOPLE
from support.people import people_at

#: People of the picture, and a hand of each, in pixels.
BOXES = np.float32([[3, 61, 216, 459], [520, 109, 611, 236], [214, 141, 358, 353]])
HANDS = [(194, 206, 216, 233), (525, 127, 535, 138), (311, 251, 328, 268)]
SCORES = np.float32([0.9, 0.8, 0.7])
PICTURE = read_image(PEOPLE)


class Pose:
    """Points that say in which call they were computed."""

    def __init__(self):
        self.asked = []

    def __call__(self, image, boxes, box_scores, camera=None):
        self.asked.append(boxes.tolist())
        points = np.stack([boxes[:, :2], boxes[:, 2:]], 1) + len(self.asked)
        return people_at(points, boxes=boxes)

    @property
    def counts(self):
        return [len(boxes) for boxes in self.asked]


def noisy(image, seed, deviation=2.0):
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, deviation, image.shape)
    return (image + noise).clip(0, 255).round().astype(np.uint8)


def shifted(image, place, pixels):
    """A picture of which a place shows what is some pixels to the left of it."""
    left, top, right, bottom = place
    moved = image.copy()
    moved[top:bottom, left:right] = image[top:bottom, left - pixels : right - pixels]
    return moved


def test_noise_is_no_movement():
    pose = Pose()
    still = StillPeople(pose)
    first = still(noisy(PICTURE, 0), BOXES, SCORES)
    assert (first.origin == Origin.MEASURED).all()
    # What the caller does with them changes nothing.
    points = first.keypoints.copy()
    first.keypoints[:] = 0
    for seed in range(1, 6):
        # Boxes of a detector are never quite the same.
        boxes = BOXES + np.float32(seed / 2)
        people = still(noisy(PICTURE, seed), boxes, SCORES)
        assert np.array_equal(people.keypoints, points)
        assert np.array_equal(people.boxes, boxes)
        assert people.origin.shape == people.scores.shape
        assert (people.origin == Origin.KEPT).all()
    assert pose.counts == [3, 0, 0, 0, 0, 0]


@given(st.integers(0, 2), st.sampled_from([-4, -2, -1, 1, 2, 4]), st.integers(0, 99))
@examples(20)
def test_a_hand_that_moves_is_seen(person, pixels, seed):
    """By a pixel; the others keep their points."""
    pose = Pose()
    still = StillPeople(pose)
    still(noisy(PICTURE, seed), BOXES, SCORES)
    frame = noisy(shifted(PICTURE, HANDS[person], pixels), seed + 1)
    people = still(frame, BOXES, SCORES)
    moved = people.origin[:, 0] == Origin.MEASURED
    assert moved[person] and len(pose.asked[1]) == moved.sum()
    # Two hands may be in each other's crops, no third one.
    assert not moved.all()
    assert np.allclose(people.keypoints[:, 0] - BOXES[:, :2], 1 + moved[:, None])


def test_slow_movements_add_up():
    pose = Pose()
    still = StillPeople(pose)
    for pixels, share in (divmod(step / 4, 1) for step in range(13)):
        # A quarter of a pixel a frame.
        pair = [shifted(PICTURE, HANDS[0], int(pixels) + more) for more in (0, 1)]
        frame = cv2.addWeighted(pair[0], 1 - share, pair[1], share, 0)
        still(frame, BOXES[:1], SCORES[:1])
    # At once it would be none; over three pixels it is seen more than once.
    assert pose.counts[:2] == [1, 0] and sum(pose.counts) >= 3


def test_people_are_known_by_their_place():
    pose = Pose()
    still = StillPeople(pose)
    still(PICTURE, BOXES[:2], SCORES[:2])
    # In another order, with somebody new between them.
    order = [1, 2, 0]
    people = still(PICTURE, BOXES[order], SCORES[order])
    assert pose.asked[1] == BOXES[2:].tolist()
    assert people.box_scores.tolist() == SCORES[order].tolist()
    assert np.allclose(people.keypoints[:, 0], BOXES[order, :2] + [[1], [2], [1]])
    assert people.origin[:, 0].tolist() == [Origin.KEPT, Origin.MEASURED, Origin.KEPT]
    # A box of another size shows the network something else.
    larger = BOXES[:1] + np.float32([-20, -40, 20, 40])
    still(PICTURE, larger, SCORES[:1])
    assert pose.asked[2] == larger.tolist()
    # Who was away is computed again; nobody is nobody.
    nobody = still(PICTURE, BOXES[:0], SCORES[:0])
    assert len(nobody) == 0 and nobody.origin.shape == (0, 2)
    still(PICTURE, larger, SCORES[:1])
    assert pose.counts == [2, 1, 1, 0, 1]


def test_a_box_beyond_the_image():
    pose = Pose()
    still = StillPeople(pose)
    boxes = np.float32([[600, 400, 900, 700], [-300, -300, 0, 0], [639, 0, 641, 1]])
    for _ in range(2):
        assert len(still(PICTURE, boxes, SCORES)) == 3
    assert pose.counts == [3, 0]


def test_a_video_of_who_stands_still(loud_t_file, tmp_path):
    """Coded as H.264, in which still people are not quite still."""
    pytest.importorskip('av')
    with VideoWriter(tmp_path / 'still.mp4', 10) as writer:
        for seed in range(5):
            writer.write(noisy(PICTURE, seed))
    estimator = WholeBody(
        loud_t_file, lambda image: (BOXES.copy(), np.ones(3, np.float32))
    )
    frames = [*Video(tmp_path / 'still.mp4')]
    found = [
        people for _, people in estimator.video(iter(frames), every=1, skip_still=True)
    ]
    first = estimator(frames[0])
    assert (found[0].origin == Origin.MEASURED).all()
    for people in found:
        assert np.allclose(people.keypoints, first.keypoints)
        assert people.ids.tolist() == [0, 1, 2]
    for people in found[1:]:
        assert (people.origin == Origin.KEPT).all()


def test_a_video_of_who_moves(loud_t_file, photo):
    estimator = WholeBody(loud_t_file)
    frames = [*moving(photo, 4)]
    always, skipping = (
        [people for _, people in estimator.video(iter(frames), 1, skip_still=skip)]
        for skip in (False, True)
    )
    for people, same in zip(always, skipping):
        assert people.origin is None
        assert (same.origin == Origin.MEASURED).all()
        assert np.array_equal(people.keypoints, same.keypoints)
