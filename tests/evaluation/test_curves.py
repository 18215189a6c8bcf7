"""Curves are fitted so that scores are the share of points that are right."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.calibration import apply_curve, is_curve
from rtmw_ext.evaluation.photos import fit_curve, reliability


@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_any_points_give_a_curve(seed, count):
    rng = np.random.default_rng(seed)
    # Some scores are the same.
    scores = rng.integers(1, 30, count) / 30
    curve = fit_curve(scores, rng.random(count) < scores)
    assert is_curve(curve) and len(curve[0]) <= 16
    assert apply_curve(np.linspace(-1, 50, 99), curve).max() <= 1


def test_scores_become_shares():
    rng = np.random.default_rng(0)
    raw = rng.gamma(2, 0.1, 5000)
    right = rng.random(raw.shape) < np.clip(raw * 2, 0, 1) ** 2
    curve = fit_curve(raw[::2], right[::2])
    error, _ = reliability(apply_curve(raw[1::2], curve), right[1::2])
    assert error < 0.03


def test_scores_that_say_nothing():
    """Every point gets the share of all, not less where its score is lower."""
    rng = np.random.default_rng(0)
    raw = rng.uniform(4, 12, 5000)
    right = rng.random(raw.shape) < 0.8 - raw / 50
    curve = fit_curve(raw[::2], right[::2])
    assert len(curve[0]) == 16 and np.ptp(curve[1]) < 0.1
    error, _ = reliability(apply_curve(raw[1::2], curve), right[1::2])
    assert error < 0.03
