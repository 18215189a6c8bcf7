"""Outliers, gaps and noise of tracks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from motion.paths import CAMERA, distance, moving_person, to_motion
from rtmw_ext.core.errors import UsageError
from rtmw_ext.core.geometry import project
from rtmw_ext.motion import Origin
from rtmw_ext.motion.filters import (
    ORDER,
    choose_cutoff,
    fill_between,
    find_outliers,
    low_pass,
    short_gaps,
    smooth,
)
from support.examples import examples


def wave(times, frequency, phase=0.0):
    return np.sin(2 * np.pi * frequency * times + phase)[:, None, None]


@pytest.mark.parametrize('frequency', [1.0, 3.0, 5.0, 8.0])
def test_low_pass_is_butterworths_forwards_and_backwards(frequency):
    times = np.arange(1200) / 60
    values = wave(times, frequency, 0.3)
    ours = low_pass(values, times, 5.0)[300:-300, 0, 0]
    twin = signal.filtfilt(*signal.butter(ORDER, 5.0, fs=60), values[:, 0, 0])[300:-300]
    gain = 1 / (1 + (frequency / 5) ** (2 * ORDER))
    np.testing.assert_allclose(ours, gain * values[300:-300, 0, 0], atol=0.03)
    np.testing.assert_allclose(ours, twin, atol=0.05)
    if frequency == 5:  # The cut-off is exact.
        assert np.ptp(ours) == pytest.approx(np.ptp(values) / 2, rel=2e-3)


@given(seed=st.integers(0, 1000))
@examples(20)
def test_low_pass_goes_by_the_true_times(seed):
    """Uneven times change nothing of a slow wave, and take as much of a fast one."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.5, 1.5, 600) / 60)
    inner = slice(100, -100)
    slow, fast = wave(times, 0.5), wave(times, 20)
    np.testing.assert_allclose(
        low_pass(slow, times, 5.0)[inner], slow[inner], atol=0.01
    )
    assert np.std(low_pass(fast, times, 5.0)[inner]) < 0.2 * np.std(fast[inner])


@given(
    coefficients=st.lists(st.floats(-2, 2), min_size=ORDER, max_size=ORDER),
    cutoff=st.sampled_from([0.5, 3.0, np.inf]),
)
@examples(20)
def test_low_pass_keeps_slow_curves(coefficients, cutoff):
    """Polynomials below its order, with gaps: no delay, no offset."""
    times = np.linspace(0, 3, 91) + 0.2 * np.sin(np.linspace(0, 3, 91))
    values = np.polyval(coefficients, times)[:, None, None]
    holed = values.copy()
    holed[20:35] = np.nan
    np.testing.assert_allclose(low_pass(holed, times, cutoff), values, atol=1e-3)


def test_weights_say_what_counts():
    times = np.arange(200) / 30
    truth = wave(times, 0.5)
    values = truth + np.where(np.arange(200) % 2, 0.5, 0)[:, None, None]
    weights = np.where(np.arange(200) % 2, 1e-3, 1)[:, None]
    even = np.abs(low_pass(values, times, 3.0) - truth).mean()
    weighed = np.abs(low_pass(values, times, 3.0, weights) - truth).mean()
    assert weighed < 0.1 * even


def test_a_cutoff_follows_the_noise():
    times, points = moving_person()
    rng = np.random.default_rng(0)
    cutoffs = [
        choose_cutoff(points + rng.normal(0, noise, points.shape), times, 1e-3)
        for noise in (0.0, 0.003, 0.02)
    ]
    assert cutoffs[0] == np.inf and 1 < cutoffs[2] < cutoffs[1] < 8


def test_short_gaps_lie_between_known_points():
    known = np.array([[0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0]], bool).T
    times = np.arange(11) / 10
    assert np.flatnonzero(short_gaps(known, times, 0.15)).tolist() == [2, 3]
    assert np.flatnonzero(short_gaps(known, times, 0.35)).tolist() == [
        2,
        3,
        *range(5, 9),
    ]
    assert not short_gaps(known, times, 0.0).any()
    assert not short_gaps(np.zeros((4, 2), bool), times[:4]).any()


def test_lines_between_known_points():
    times = np.array([0.0, 1.0, 4.0, 5.0])
    values = np.array([0, np.nan, 8, np.nan])[:, None, None]
    assert fill_between(values, times)[:, 0, 0].tolist() == [0, 2, 8, 8]
    assert not fill_between(values * np.nan, times).any()


def test_outliers_are_found_and_fast_motion_is_none():
    times, points = moving_person(1)
    rng = np.random.default_rng(1)
    assert not find_outliers(points, times, 0.008).any()
    noisy = points + rng.normal(0, 0.01, points.shape)
    far = rng.random(noisy.shape[:2]) < 0.05
    noisy[far] += 0.25
    found = find_outliers(noisy, times, 0.008)
    assert (found & far).sum() > 0.97 * far.sum()
    assert (found & ~far).sum() < 0.01 * found.size


@pytest.mark.parametrize('seed', [0, 1])
def test_truth_stays(seed):
    times, points = moving_person(seed)
    track = to_motion(times, points).tracks[0]
    same = smooth(track)
    assert (same.origin == Origin.MEASURED).all()
    assert np.abs(same.keypoints - track.keypoints).max() < 0.5
    assert np.abs(same.keypoints_3d_cam - track.keypoints_3d_cam).max() < 0.0015


@pytest.mark.parametrize('rate', [24.0, 60.0])
def test_fast_exact_motion_stays(rate):
    """An arm that waves at 3 Hz, and a knee that stretches within a frame."""
    times, points = moving_person(2, count=120, rate=rate)
    wave = 0.1 * np.sin(2 * np.pi * 3 * times) * ((times > 1) & (times < 3))
    points[:, [9, *range(91, 112)], 1] += wave[:, None]
    points[:, 13, 2] += 0.25 * np.abs(times - 2)
    points[60:, 14, 0] += 0.05
    track = to_motion(times, points).tracks[0]
    same = smooth(track)
    assert (same.origin == Origin.MEASURED).all()
    assert np.abs(same.keypoints - track.keypoints).max() < 0.1
    assert np.abs(same.keypoints_3d_cam - track.keypoints_3d_cam).max() < 0.0003


def test_feet_before_a_camera_that_shakes_stay():
    """All of a part moves fast, and exactly."""
    times, points = moving_person(5, count=300)
    shake = 0.012 * np.sin(2 * np.pi * np.outer(times, (4.2, 3.1)) + (0, 1))
    points[:, 17:23, :2] += shake[:, None]
    track = to_motion(times, points).tracks[0]
    away = smooth(track).keypoints_3d_cam - track.keypoints_3d_cam
    assert np.abs(away).max() < 0.0003


def test_outliers_beside_each_other_are_found():
    times, points = moving_person(3)
    rng = np.random.default_rng(3)
    noisy = points + rng.normal(0, 0.005, points.shape)
    far = np.zeros(noisy.shape[:2], bool)
    for first, count in ((30, 1), (32, 1), (60, 3), (100, 2)):
        far[first : first + count, ::3] = True
    noisy[far] += 0.3
    found = find_outliers(noisy, times, 0.008)
    assert (found & far).sum() > 0.97 * far.sum()
    assert (found & ~far).sum() < 0.01 * found.size


def test_noise_that_all_points_share_hides_no_outlier():
    """The depth of a body jumps from frame to frame, its pose does not."""
    times, truth = moving_person(4)
    rng = np.random.default_rng(4)
    points = truth + rng.normal(0, 0.005, truth.shape)
    points[..., 2] += rng.normal(0, 0.15, (len(times), 1))
    points[50, 9] += 0.3
    done = smooth(to_motion(times, points, project(truth, CAMERA)).tracks[0])
    assert done.origin[50, 9] == Origin.CHANGED
    away = done.keypoints_3d_cam - truth
    pose = away - away.mean(1, keepdims=True)
    assert np.linalg.norm(pose, axis=-1).mean() < 0.006
    assert np.abs(away[..., 2]).mean() < 0.06


def test_points_that_are_never_known_are_no_obstacle():
    times = np.arange(300) / 30
    values = np.full((300, 2, 2), np.nan)
    values[::50, 0] = 1.0
    assert np.allclose(low_pass(values, times, 0.2)[:, 0], 1.0, atol=1e-3)


@pytest.mark.parametrize('seed', [0, 1])
def test_noise_outliers_and_gaps(seed):
    """The noise of docs/motion.md; half of its error at least is gone."""
    rng = np.random.default_rng(seed)
    times, truth = moving_person(seed)
    pixels = project(truth, dict(K=to_motion(times, truth).camera['K']))
    points = truth + rng.normal(0, 0.02, truth.shape)
    flat = pixels + rng.normal(0, 8, pixels.shape)
    far = rng.random(flat.shape[:2]) < 0.05
    flat[far] += rng.choice([-80, 80], (far.sum(), 2))
    points[far] += rng.choice([-0.3, 0.3], (far.sum(), 3))
    lost = rng.random(flat.shape[:2]) < 0.1
    lost[40:50] = True  # The whole person.
    lost[60:90, 9] = True  # Too long to be filled.
    flat[lost] = np.nan
    track = to_motion(times, points, flat, np.where(lost, 0, 1)).tracks[0]
    done = smooth(track)
    assert distance(done.keypoints, pixels) < 0.45 * distance(flat, pixels)
    points[lost] = np.nan
    assert distance(done.keypoints_3d_cam, truth) < 0.45 * distance(points, truth)
    # Every value that was not measured can be told.
    assert (done.origin[60:90, 9] == Origin.MISSING).all()
    inner = np.arange(len(lost))[5:-5]
    was_lost = lost[inner]
    was_lost[55:85, 9] = False
    assert (done.origin[inner][was_lost] == Origin.FILLED).all()
    kept = ~lost & ~far
    changed = (done.origin == Origin.CHANGED) & kept
    assert changed.sum() < 0.02 * kept.sum()
    assert (done.origin[far & ~lost] == Origin.CHANGED).mean() > 0.95
    assert np.isnan(done.keypoints[done.origin == Origin.MISSING]).all()
    assert np.isfinite(done.keypoints[done.origin != Origin.MISSING]).all()
    assert np.isfinite(done.boxes).all() and done.there.all()
    assert ((done.scores > 0) == (done.origin != Origin.MISSING)).all()


def test_a_given_cutoff_counts():
    times, points = moving_person()
    rng = np.random.default_rng(0)
    track = to_motion(times, points + rng.normal(0, 0.01, points.shape)).tracks[0]

    def jitter(track):
        return np.abs(np.diff(track.keypoints_3d_cam, 3, axis=0)).mean()

    assert jitter(smooth(track, 2.0)) < 0.3 * jitter(smooth(track, 8.0))


@pytest.mark.parametrize('count', [1, 2, 4])
def test_short_tracks_stay(count):
    times, points = moving_person(count=count)
    track = to_motion(times, points).tracks[0]
    np.testing.assert_allclose(smooth(track).keypoints, track.keypoints, atol=0.1)


@pytest.mark.parametrize(
    'flags', [dict(cutoff=-1.0), dict(max_gap=-1.0), dict(threshold=0.0)]
)
def test_numbers_out_of_range(flags):
    times, points = moving_person(count=20)
    with pytest.raises(UsageError, match=f'{next(iter(flags))}='):
        smooth(to_motion(times, points).tracks[0], **flags)
