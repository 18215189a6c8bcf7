"""Overlap, boxes of points, ids and smoothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.runtime import OneEuro, Tracker
from rtmw_ext.runtime.identity import iou
from rtmw_ext.runtime.tracking import HOLD, points_box
from support.examples import examples
from support.people import people_at


def test_points_box():
    points = np.float32([[(0, 0), (4, 6), (99, 99)], [(1, 1), (2, 2), (3, 3)]])
    boxes, good = points_box(points, np.float32([[1, 1, 0.1], [1, 0, 0]]))
    assert boxes[0].tolist() == [0, 0, 4, 6] and good.tolist() == [True, False]


def test_tracker_keeps_ids_and_margins():
    tracker = Tracker()
    points = np.float32([[(10, 10), (20, 30)], [(100, 100), (140, 180)]])
    boxes = np.float32([[8, 8, 22, 34], [90, 100, 150, 190]])
    tracker.detect(boxes, np.ones(2, np.float32))
    first = tracker.update(people_at(points, boxes=boxes))
    assert first.ids.tolist() == [0, 1]
    assert np.allclose(tracker.boxes, boxes)
    moved = points + 5
    tracker.update(people_at(moved, boxes=tracker.boxes))
    assert np.allclose(tracker.boxes, boxes + 5)
    # The detector lists them in another order, with somebody new.
    order = np.float32([[(300, 300), (320, 330)], *(points[::-1] + 6)])
    new = np.float32([[300, 300, 320, 330], *(boxes[::-1] + 6)])
    tracker.detect(new, np.ones(3, np.float32))
    assert tracker.update(people_at(order, boxes=new)).ids.tolist() == [2, 1, 0]
    # A person without seen points is gone between detections.
    seen = np.ones((3, 2), np.float32)
    seen[1] = 0
    left = tracker.update(people_at(order, seen))
    assert left.ids.tolist() == [2, 0] == tracker.ids.tolist()
    # Where it is found again, it is the same.
    tracker.detect(new, np.ones(3, np.float32))
    assert tracker.update(people_at(order, boxes=new)).ids.tolist() == [2, 1, 0]


@given(st.integers(0, 99), st.floats(5, 1000))
@examples(30)
def test_the_box_of_who_stands_still_does_not_move(seed, size):
    """The points of each crop differ a little, and the crop follows the box."""
    rng = np.random.default_rng(seed)
    body = rng.uniform(0, 1, (17, 2)) * (size, 2 * size)
    low, high = body.min(0), body.max(0)
    box = np.concatenate([low, high])[None].astype(np.float32)
    tracker = Tracker()
    tracker.detect(box, np.ones(1, np.float32))
    for _ in range(20):
        noise = rng.uniform(-0.02, 0.02, (1, 17, 2)) * (high - low)
        tracker.update(people_at(body + noise, boxes=tracker.boxes))
        assert (tracker.boxes == box).all()
    # Who drifts a hundredth of the box a frame is not lost.
    for step in range(100):
        shift = (high - low) * (step / 100, 0)
        tracker.update(people_at([body + shift], boxes=tracker.boxes))
        moved = tracker.boxes[0].reshape(2, 2) - box[0].reshape(2, 2) - shift
        assert (np.abs(moved) < 0.1 * (high - low)).all()


BOTH = np.float32([[8, 8, 22, 34], [90, 100, 150, 190]]), np.ones(2, np.float32)
FIRST = BOTH[0][:1], BOTH[1][:1]
NOBODY = BOTH[0][:0], BOTH[1][:0]


def two_people(tracker, scores=(1.0, 1.0)):
    """They stand where they are; returns their ids."""
    points = np.float32([[(10, 10), (20, 30)], [(100, 100), (140, 180)]])
    who = iou(tracker.boxes, BOTH[0]).argmax(1)
    people = people_at(
        points[who], np.float32(scores)[who, None].repeat(2, 1), tracker.boxes
    )
    return tracker.update(people).ids.tolist()


@pytest.mark.parametrize('found', [FIRST, NOBODY])
def test_whom_the_detector_misses_stays_for_a_while(found):
    tracker = Tracker(rate=10)
    tracker.detect(*BOTH)
    assert two_people(tracker) == [0, 1]
    for _ in range(round(HOLD * 10)):
        tracker.detect(*found)
        assert sorted(two_people(tracker)) == [0, 1]
    tracker.detect(*found)
    assert two_people(tracker) == list(range(len(found[0])))
    # Found again, it is the same.
    tracker.detect(*BOTH)
    assert two_people(tracker) == [0, 1]


def test_whom_the_detector_misses_must_have_points():
    tracker = Tracker(rate=10)
    tracker.detect(*BOTH)
    two_people(tracker)
    tracker.detect(*FIRST)
    assert two_people(tracker, (1.0, 0.4)) == [0]
    assert len(tracker.boxes) == 1


def test_who_stays_counts_among_the_most():
    for most, ids in ((1, [0]), (2, [0, 1])):
        tracker = Tracker(rate=10)
        tracker.detect(*BOTH, most)
        two_people(tracker)
        tracker.detect(*FIRST, most)
        assert two_people(tracker) == ids


def test_boxes_that_are_given_are_all():
    tracker = Tracker(rate=10, detected=False)
    tracker.detect(*BOTH)
    assert two_people(tracker) == [0, 1]
    tracker.detect(*FIRST)
    assert two_people(tracker) == [0]


@given(
    st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 3))), max_size=12),
    st.integers(0, 99),
)
@examples(30)
def test_nobody_is_there_twice(looks, seed):
    """Whatever is detected, ids and boxes stay of the same people."""
    rng = np.random.default_rng(seed)
    corners = np.float32([(0, 0), (40, 0), (80, 0), (120, 0)])
    bodies = corners[:, None] + rng.uniform(0, 30, (4, 17, 2)).astype(np.float32)
    rooms = np.concatenate([corners, corners + 30], 1)
    tracker = Tracker(rate=10)
    for looked, who in looks:
        if looked:
            tracker.detect(rooms[sorted(who)], np.ones(len(who), np.float32))
        homes = iou(tracker.boxes, rooms).argmax(1)
        assert len(set(homes)) == len(homes)
        people = tracker.update(people_at(bodies[homes], boxes=tracker.boxes))
        assert len(people) == len(tracker.boxes) == tracker.kept.sum()
        assert len(set(people.ids.tolist())) == len(people)
        if looked:
            assert who <= set(homes)


def test_tracker_drops_who_is_there_twice():
    """A detector's second box of a person; and a box that slides onto another one."""
    body = np.random.default_rng(0).uniform(0, 100, (17, 2)).astype(np.float32)
    pair = np.stack([body, body + 1])
    tracker = Tracker()
    boxes = people_at(pair).boxes
    tracker.detect(boxes, np.ones(2, np.float32))
    assert tracker.update(people_at(pair)).ids.tolist() == [0]
    assert tracker.boxes.shape == (1, 4) and tracker.box_scores.shape == (1,)
    # Those that are given are kept.
    given = Tracker(detected=False)
    given.detect(boxes, np.ones(2, np.float32))
    assert sorted(given.update(people_at(pair)).ids.tolist()) == [0, 1]
    apart = np.stack([body, body + 300])
    tracker = Tracker()
    tracker.detect(people_at(apart).boxes, np.ones(2, np.float32))
    tracker.update(people_at(apart))
    both = np.stack([body + 300, body + 300])
    assert tracker.update(people_at(both)).ids.tolist() == [1]


@given(st.floats(0.5, 30), st.floats(0, 50))
@examples(20)
def test_one_euro(cutoff, beta):
    smooth = OneEuro(30, cutoff, beta)
    rng = np.random.default_rng(0)
    still = np.float32([[(0, 0), (100, 200)]])
    noisy, calm = [], []
    for _ in range(60):
        now = people_at(still + rng.normal(0, 1, still.shape))
        now.ids = np.array([7])
        noisy.append(now.keypoints.copy())
        calm.append(smooth(now).keypoints)
    assert (np.std(calm[20:], 0) <= np.std(noisy[20:], 0) * 1.01).all()
    # A person seen first is where it was found.
    fresh = people_at(still + 50)
    fresh.ids = np.array([8])
    assert np.array_equal(smooth(fresh).keypoints, still + 50)
    with pytest.raises(ValueError, match='rate=0'):
        OneEuro(0)


def test_one_euro_needs_ids():
    with pytest.raises(ValueError, match='people with ids'):
        OneEuro(30)(people_at([[(0, 0), (1, 1)]]))
