"""Persons and selections of them."""

import numpy as np
import pytest

from rtmw_ext.core.people import People


@pytest.mark.parametrize('is_3d', [False, True])
def test_selection(is_3d):
    rng = np.random.default_rng(0)
    people = People(
        rng.random((3, 5, 2)), rng.random((3, 5)), rng.random((3, 4)), rng.random(3)
    )
    if is_3d:
        people.keypoints_3d = rng.random((3, 5, 3))
    for index in (np.array([2, 0]), np.array([True, False, True]), slice(1)):
        chosen = people[index]
        assert len(chosen) == len(np.arange(3)[index])
        for name, value in vars(people).items():
            if value is None:
                assert getattr(chosen, name) is None
            else:
                assert np.array_equal(getattr(chosen, name), value[index])
    assert len(people) == 3 and len(people[:0]) == 0
