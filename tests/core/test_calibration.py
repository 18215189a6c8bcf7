"""Raw scores become scores in [0, 1]."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.calibration import (
    apply_curve,
    calibrate,
    is_calibration,
    is_curve,
    join_curves,
)
from rtmw_ext.core.skeleton import PARTS


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 20))
def test_sure_points_have_higher_scores(seed, unit):
    """In [0, 1], and never lower where the raw score is higher, far beyond the knots
    of the curve."""
    rng = np.random.default_rng(seed)
    knots = rng.integers(1, 17)
    curve = (
        tuple(np.unique(rng.normal(0.4, 0.3, knots) * unit)),
        tuple(np.sort(rng.random(knots))),
    )
    assert is_curve(curve)
    raw = np.sort(rng.normal(0.5, 2, 133) * unit)
    sure = apply_curve(raw, curve)
    assert sure.min() >= 0 and sure.max() <= 1 and (np.diff(sure) > -1e-9).all()
    assert (sure[raw <= 0] == 0).all()
    whole = calibrate(np.tile(raw[:, None], 133), {'face': curve}, 1 / unit)
    assert whole.min() >= 0 and whole.max() <= 1 and (np.diff(whole, axis=0) >= 0).all()
    assert np.allclose(whole[:, list(PARTS['face'])], sure[:, None])


def test_curves_of_two_looks():
    first = {'body': ((1.0, 2.0), (0.1, 0.2)), 'face': ((1.0,), (0.3,))}
    again = {'face': ((0.1, 0.2), (0.4, 0.5))}
    joined = join_curves(first, again, 10.0)
    assert joined == {'body': first['body'], 'face': ((1.0, 2.0), (0.4, 0.5))}
    assert join_curves(first, None, 10.0) == first
    # One scale for all points, not curves for some of them.
    assert join_curves(None, again, 10.0) == join_curves({}, again, 10.0) == {}


def test_what_is_no_calibration():
    curve = [[0.1, 0.2], [0.5, 0.6]]
    assert is_calibration({}) and is_calibration({'face': curve})
    for value in (None, 5, [], {'nose': curve}, {'face': curve[::-1][:1]}, {1: curve}):
        assert not is_calibration(value)


def test_other_parts_have_one_scale():
    raw = np.linspace(0.01, 1, 50)[:, None] * np.ones(133)
    curve = ((0.2, 0.6), (0.1, 0.7))
    sure = calibrate(raw, {'body': curve}, 3.0)
    # Feet have the body's curve.
    expected = np.interp(raw[:, 0], (0, 0.2, 0.6), (0, 0.1, 0.7))
    for part in ('body', 'feet'):
        assert np.allclose(sure[:, list(PARTS[part])], expected[:, None])
    for part in ('face', 'left_hand', 'right_hand'):
        scaled = np.minimum(raw[:, list(PARTS[part])] * 3, 1)
        assert np.allclose(sure[:, list(PARTS[part])], scaled)


def test_what_was_not_found_has_no_score():
    scores = np.full((1, 133), 0.5)
    scores[0, :4] = (0, -0.2, 1e-9, np.nan)
    curve = ((0.1, 0.6), (0.4, 0.9))
    sure = calibrate(scores, {'body': curve})
    assert sure[0, :4] == pytest.approx([0, 0, 0, 0], abs=1e-6)
    assert sure[0, 5] == pytest.approx(0.8)


@pytest.mark.parametrize(
    'value',
    [
        None,
        5,
        [[0.1], [0.2], [0.3]],
        [[0.1, 0.2], [0.5]],
        [[0.2, 0.1], [0.5, 0.6]],
        [[0.1, 0.2], [0.6, 0.5]],
        [[0.1], [1.5]],
        [[float('nan')], [0.5]],
        [[], []],
        [['a'], ['b']],
        [[10**400], [0.5]],
    ],
)
def test_what_is_no_curve(value):
    assert not is_curve(value)
