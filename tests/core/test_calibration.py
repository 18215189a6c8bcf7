"""Calibrated scores are the share of points that are right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.calibration import calibrate, fit_curve, is_curve
from rtmw_ext.core.skeleton import PARTS


@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_any_points_give_a_curve(seed, count):
    rng = np.random.default_rng(seed)
    # Some scores are the same.
    scores = rng.integers(1, 30, count) / 30
    curve = fit_curve(scores, rng.random(count) < scores)
    assert is_curve(curve) and len(curve[0]) <= 16


def test_scores_become_shares():
    rng = np.random.default_rng(0)
    raw = rng.gamma(2, 0.1, (300, 133))
    right = rng.random(raw.shape) < np.clip(raw * 2, 0, 1) ** 2
    body = list(PARTS['body'])
    curves = {'body': fit_curve(raw[:, body].ravel(), right[:, body].ravel())}
    sure = calibrate(raw, curves, 3.0)
    bins = np.clip((sure[:, body] * 10).astype(int), 0, 9)
    gaps = [
        (bins == number).mean()
        * abs((sure[:, body] - right[:, body])[bins == number].mean())
        for number in np.unique(bins)
    ]
    assert sum(gaps) < 0.03
    # Feet have the body's curve; the rest its scale.
    order = np.argsort(raw[:, 20])
    assert (np.diff(sure[order, 20]) >= 0).all()
    face = list(PARTS['face'])
    assert np.allclose(sure[:, face], np.minimum(raw[:, face] * 3, 1), atol=1e-6)


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
