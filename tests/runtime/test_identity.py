"""Ids over time: crossings, people who are not found, cuts, duplicates."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.people import People
from rtmw_ext.runtime.identity import (
    MEMORY,
    Identities,
    best_pairs,
    duplicates,
    iou,
)
from support.examples import examples
from support.people import people_at

BODY = np.float32(
    [(0, -80), (4, -84), (-4, -84), (8, -80), (-8, -80), (18, -60), (-18, -60)]
    + [(24, -30), (-24, -30), (26, 0), (-26, 0), (10, 0), (-10, 0)]
    + [(12, 40), (-12, 40), (12, 80), (-12, 80)]
)


def crowd(places, noise=0.0, seed=0):
    """People who stand at (N, 2) places."""
    rng = np.random.default_rng(seed)
    places = np.asarray(places, np.float32).reshape(-1, 1, 2)
    return people_at(BODY + places + rng.normal(0, noise, (len(places), 17, 2)))


def nobody():
    return People(
        *(np.zeros((0, *shape), np.float32) for shape in ((17, 2), (17,), (4,), ()))
    )


@given(st.floats(-500, 500), st.floats(1, 500))
def test_iou(place, size):
    box = np.array([[place, place, place + size, place + size]])
    assert np.allclose(iou(box, box), 1)
    assert iou(box, box + size)[0, 0] < 1e-6
    half = box.copy()
    half[0, 2] -= size / 2
    assert np.allclose(iou(box, half), 0.5, atol=1e-3)


@examples(50)
@given(seed=st.integers(0, 10**6))
def test_those_who_stay_keep_their_ids(seed):
    """In any order of people, with noise; frames of any rate."""
    rng = np.random.default_rng(seed)
    places = np.arange(4)[:, None] * (150.0, 0) + rng.normal(0, 10, (4, 2))
    speeds = rng.normal(0, 40, (4, 2))
    identities = Identities()
    step = rng.uniform(0.01, 0.1)
    first = identities(crowd(places), 0.0)
    assert sorted(first) == [0, 1, 2, 3]
    for number in range(1, 6):
        order = rng.permutation(4)
        now = places + speeds * step * number
        ids = identities(crowd(now[order], 3, seed + number), step * number)
        assert ids.tolist() == first[order].tolist()


def cross(hidden, gap=0.0):
    """Two people pass each other in 2 s at 30 frames a second; the second one is
    not found for ``hidden`` frames in the middle. Ids of each at the end."""
    identities = Identities()
    for number in range(61):
        way = 5.0 * number
        places = [(way, 0), (300 - way, gap)]
        gone = abs(number - 30) <= hidden / 2
        ids = identities(crowd(places[: 1 if gone else 2], 1, number), number / 30)
    return ids.tolist()


def test_who_passes_behind_somebody_keeps_the_id():
    for hidden in (5, 15, 25):
        assert cross(hidden, 4.0) == [0, 1]


def test_who_is_missed_keeps_the_id():
    """For 15 frames, walking; after ``MEMORY`` it is somebody new."""
    identities = Identities()
    for number in range(40):
        people = crowd([(6 * number, 0)], 1, number)
        if 15 <= number < 30:
            assert identities(nobody(), number / 30).shape == (0,)
        else:
            assert identities(people, number / 30).tolist() == [0]
    assert identities(crowd([(240, 0)]), 1.3 + MEMORY + 0.1).tolist() == [1]


def test_somebody_else_is_new():
    """Far from, or of another size than, who was lost."""
    for people in (
        crowd([(400, 0)]),
        people_at(3 * BODY[None]),
    ):
        identities = Identities()
        for number in range(5):
            identities(crowd([(0, 0)]), number / 30)
        identities(nobody(), 5 / 30)
        assert identities(people, 0.7).tolist() == [1]


def test_after_a_cut_all_are_new():
    identities = Identities()
    for number in range(5):
        identities(crowd([(0, 0), (200, 0)]), number / 30)
    assert identities(crowd([(1000, 0), (1200, 0)]), 5 / 30).tolist() == [2, 3]
    # Nor are they found where those before the cut were.
    later = crowd([(1000, 0), (1200, 0), (0, 0)])
    assert identities(later, 6 / 30).tolist() == [2, 3, 4]


def test_a_person_half_hidden_is_the_same():
    """Its box shrinks; the points that are seen say who it is."""
    identities = Identities()
    identities(crowd([(0, 0), (120, 0)]), 0.0)
    people = crowd([(2, 0), (122, 0)])
    people.scores[1, 11:] = 0
    people.boxes[1, 3] = 5
    assert identities(people, 1 / 30).tolist() == [0, 1]


def test_duplicates():
    people = crowd([(0, 0), (1, 1), (60, 0)])
    people.scores[0] = 0.8
    assert duplicates(people).tolist() == [True, False, False]
    assert duplicates(people, np.array([2, 1, 0])).tolist() == [False, True, False]
    # Half of a person is that person.
    people.scores[0, 9:] = 0
    assert duplicates(people).tolist() == [True, False, False]
    assert duplicates(people[:1]).tolist() == [False]
    assert duplicates(nobody()).shape == (0,)


@examples(50)
@given(seed=st.integers(0, 10**6), rows=st.integers(0, 5), columns=st.integers(0, 5))
def test_pairs(seed, rows, columns):
    fits = np.random.default_rng(seed).uniform(0, 1, (rows, columns))
    pairs = best_pairs(fits, 0.3)
    for axis in zip(*pairs):
        assert len({*axis}) == len(axis)
    assert all(fits[pair] >= 0.3 for pair in pairs)
    left = np.ones(fits.shape, bool)
    for row, column in pairs:
        left[row], left[:, column] = False, False
    assert not (fits[left] >= 0.3).any()
    if fits.size and fits.max() >= 0.3:
        assert fits[pairs[0]] == fits.max()
