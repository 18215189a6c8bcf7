"""Offline filters of tracks: outliers, gaps, and a zero-phase low-pass at true times.

Shapes: T frames, K keypoints, C coordinates of a point (2 or 3).

The low-pass minimises the weighted squared distance to the values plus the squared
``ORDER``-th derivative. For even times and equal weights its gain is
1 / (1 + (f / cutoff) ** (2 * ORDER)), that of a Butterworth filter of this order run
forwards and backwards (``scipy.signal.butter``, ``filtfilt``); unlike that, it takes
uneven times, weights and gaps.

Sources: Woltring: A Fortran package for generalized, cross-validatory spline smoothing
and differentiation, 1986; Eilers: A perfect smoother, 2003; Craven, Wahba: Smoothing
noisy data with spline functions, 1979; Garcia: Robust smoothing of gridded data in one
and higher dimensions with missing values, 2010; Hampel: The influence curve and its
role in robust estimation, 1974.
"""

from dataclasses import replace
from math import factorial

import numpy as np
from scipy.fft import dct
from scipy.linalg import solveh_banded
from scipy.ndimage import label, median_filter

from ..core.errors import UsageError
from ..core.people import Origin
from ..core.skeleton import BODY_NAMES, NUM_KEYPOINTS, PARTS
from .track import Track

#: Of the derivative that the low-pass keeps small.
ORDER = 3
#: Gaps up to this many seconds are filled.
MAX_GAP = 0.5
#: Frames of the window of the median that finds outliers.
WINDOW = 7
#: Frames over which deviations are compared.
BLOCK = 30
#: Robust standard deviations from which a value is an outlier.
OUTLIER = 4.0
#: Deviations that never make an outlier: pixels, metres.
LEAST_2D, LEAST_3D = 2.0, 0.008
#: The median of a normal distribution's absolute values is one standard deviation
#: over this.
MAD = 1.4826
#: Strengths of smoothing that are tried, in frames ** (2 * ORDER).
STRENGTHS = 10.0 ** np.arange(-5, 8.01, 0.2)
#: A weaker one changes nothing.
LEAST_STRENGTH = 1 / 64
#: That of a cut-off above half of the rate: it bends gaps and leaves values.
NO_SMOOTHING = 1e-4
#: Highest cut-off in Hz that is chosen: noise of networks goes on from frame to frame,
#: so that cross-validation alone takes it for motion.
MOST_CUTOFF = 6.0
#: Values that smoothing moves by less, in the median, are exact and stay: pixels and
#: metres, by the coordinates of a point. Networks are less exact.
EXACT = {2: 0.2, 3: 0.0016}
#: Frames from which a cut-off can be chosen.
LEAST_FRAMES = 12
#: From how many such deviations a value beside a gap is one.
ONE_SIDED = 10.0
#: Neighbours of a value in (T, K).
ALONG_TIME = np.array([[0, 1, 0]] * 3)
#: Looks at outliers: values beside one are judged again without it.
ROUNDS = 3
#: Cut-off in Hz of motion that is not shared noise.
SLOW = 1.0
#: Weight of a value that is not known, beside the strength, so that long gaps stay
#: solvable.
NO_WEIGHT = 1e-12


def fill_between(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Values with straight lines in gaps, and the nearest value outside.

    Args:
        values: (T, K, C), NaN where they are not known.
        times: (T, ) seconds.

    Returns:
        (T, K, C) float64; points that are never known are 0.
    """
    filled = np.array(values, float)
    known = np.isfinite(filled).all(-1)
    for point in np.flatnonzero(~known.all(0)):
        use = known[:, point]
        if not use.any():
            filled[:, point] = 0
            continue
        for axis in range(filled.shape[2]):
            column = filled[:, point, axis]
            column[~use] = np.interp(times[~use], times[use], column[use])
    return filled


def short_gaps(
    known: np.ndarray, times: np.ndarray, max_gap: float = MAX_GAP
) -> np.ndarray:
    """(T, K) bool: where points are not known, between two known ones that are at
    most ``max_gap`` seconds and one step apart.

    Args:
        known: (T, K) bool.
        times: (T, ) seconds.
        max_gap: Seconds, >= 0.
    """
    numbers = np.arange(len(known))[:, None]
    before = np.maximum.accumulate(np.where(known, numbers, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, numbers, len(known))[::-1], axis=0)
    after = after[::-1]
    inside = ~known & (before >= 0) & (after < len(known))
    first = times[np.minimum(before + 1, len(known) - 1)]
    last = times[np.maximum(after - 1, 0)]
    return inside & (last - first <= max_gap)


def low_pass(
    values: np.ndarray,
    times: np.ndarray,
    cutoff: float,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """The zero-phase low-pass of the module.

    Args:
        values: (T, K, C), NaN where they are not known.
        times: (T, ) seconds, strictly increasing.
        cutoff: Hz, > 0, at which the gain is a half; ``inf`` changes known values
            hardly and fills gaps.
        weights: (T, K) >= 0, such as scores. None: all equal.

    Returns:
        (T, K, C) float64, also in gaps of any length.

    Raises:
        UsageError: The cut-off is not > 0.
    """
    if not cutoff > 0:
        raise UsageError(f'cutoff={cutoff} must be > 0 Hz')
    known = np.isfinite(values).all(-1)
    filled = fill_between(values, times)
    if len(times) <= ORDER:
        return filled
    step = float(np.median(np.diff(times)))
    edge = 2 * np.sin(np.pi * min(cutoff * step, 0.5))
    strength = NO_SMOOTHING if cutoff * step >= 0.5 else edge ** (-2 * ORDER)
    # Time in steps keeps the numbers near 1.
    clock = times / step
    penalty = strength * _roughness(clock)
    spans = np.gradient(clock)
    weight = known * 1.0 if weights is None else np.where(known, weights, 0)
    weight = np.maximum(weight, NO_WEIGHT * max(strength, 1)) * spans[:, None]
    for point in range(filled.shape[1]):
        bands = penalty.copy()
        bands[-1] += weight[:, point]
        filled[:, point] = solveh_banded(
            bands,
            weight[:, point, None] * filled[:, point],
            overwrite_ab=True,
            check_finite=False,
        )
    return filled


def _roughness(times: np.ndarray) -> np.ndarray:
    """The upper bands (ORDER + 1, T), as ``solveh_banded`` takes them, of the matrix
    whose quadratic form is the integral of the squared derivative."""
    count = len(times) - ORDER
    at = np.stack([times[j : j + count] for j in range(ORDER + 1)])
    # Divided differences, for times of any spacing.
    terms = np.stack(
        [
            factorial(ORDER) / np.prod([at[j] - at[i] for i in others], axis=0)
            for j in range(ORDER + 1)
            for others in [[i for i in range(ORDER + 1) if i != j]]
        ]
    )
    terms *= np.sqrt((at[-1] - at[0]) / ORDER)
    bands = np.zeros((ORDER + 1, len(times)))
    for low in range(ORDER + 1):
        for high in range(low, ORDER + 1):
            bands[ORDER - (high - low), high : high + count] += terms[low] * terms[high]
    return bands


def choose_cutoff(values: np.ndarray, times: np.ndarray, least: float) -> float:
    """The cut-off at which the low-pass predicts best what it does not see
    (generalised cross-validation): high where values are exact or fast, low where
    they are noisy or slow.

    Args:
        values: (T, K, C) of points with motion alike, all finite.
        times: (T, ) seconds; they count as even here.
        least: Deviations that do not matter, in the unit of the values, > 0.

    Returns:
        Hz; ``inf`` where there is nothing to smooth.
    """
    count = len(values)
    if count < LEAST_FRAMES:
        return np.inf
    power = (dct(values, axis=0, norm='ortho') ** 2).sum(2)
    lines = (2 - 2 * np.cos(np.pi * np.arange(count) / count)) ** ORDER
    scores = []
    for strength in STRENGTHS:
        kept = 1 / (1 + strength * lines)
        # Of each point with a noise of its own.
        left = (1 - kept) ** 2 @ power / count + (0.01 * least) ** 2
        scores.append(np.log(left).mean() - 2 * np.log1p(-kept.mean()))
    strength = STRENGTHS[int(np.argmin(scores))]
    if strength <= LEAST_STRENGTH:
        return np.inf
    step = float(np.median(np.diff(times)))
    return float(np.arcsin(strength ** (-0.5 / ORDER) / 2) / np.pi / step)


def _denoise(
    values: np.ndarray, times: np.ndarray, least: float, weights: np.ndarray | None
) -> np.ndarray | None:
    """:func:`low_pass` at a chosen cut-off, at most ``MOST_CUTOFF``; None for values
    that are exact."""
    cutoff = choose_cutoff(fill_between(values, times), times, least)
    smoothed = low_pass(values, times, min(cutoff, MOST_CUTOFF), weights)
    moved = np.linalg.norm(values - smoothed, axis=-1)
    moved = moved[np.isfinite(moved)]
    exact = EXACT[values.shape[2]]
    return smoothed if moved.size and np.median(moved) >= exact else None


def find_outliers(
    values: np.ndarray,
    times: np.ndarray,
    least: float,
    weights: np.ndarray | None = None,
    threshold: float = OUTLIER,
) -> np.ndarray:
    """Values that do not go with those before and behind.

    A Hampel filter (rolling median, robust deviation) names suspects; of these and
    all others those count that are far from the low-pass of the unsuspected ones. A
    run of them that goes on smoothly from the values beside it is fast motion.

    Args:
        values: (T, K, C) of points with motion alike, NaN where they are not known.
        times: (T, ) seconds.
        least: Deviations that never count, in the unit of the values.
        weights: As of :func:`low_pass`.
        threshold: Robust standard deviations, > 0.

    Returns:
        (T, K) bool.
    """
    known = np.isfinite(values).all(-1)
    if len(values) < LEAST_FRAMES:
        return np.zeros(known.shape, bool)
    filled = fill_between(values, times)
    middle = median_filter(filled, size=(WINDOW, 1, 1), mode='nearest')
    away = np.linalg.norm(filled - middle, axis=-1)
    far = known & (away > threshold * MAD * _usual(away) + least)
    for _ in range(ROUNDS):
        clean = np.where((known & ~far)[..., None], values, np.nan)
        cutoff = choose_cutoff(fill_between(clean, times), times, least)
        smooth = low_pass(clean, times, cutoff, weights)
        away = np.linalg.norm(filled - smooth, axis=-1)
        usual = np.nanmedian(np.where(known & ~far, away, np.nan), axis=0)
        most = threshold * MAD * usual + least
        before, far = far, known & (away > most)
        if (before <= far).all():
            break
    return far & _leaps(filled, times, known, far, most, ONE_SIDED * least)


def _leaps(
    values: np.ndarray,
    times: np.ndarray,
    known: np.ndarray,
    far: np.ndarray,
    most: np.ndarray,
    one_sided: float,
) -> np.ndarray:
    """(T, K) bool: runs of suspects that are not on a cubic through the values beside
    them, and to and from which the point is more than twice as fast as before and
    after: others are fast motion, or a sudden change of it.

    Args:
        values: (T, K, C), all finite, of five frames or more.
        times: (T, ) seconds.
        known: (T, K) bool: not filled.
        far: (T, K) bool, the suspects.
        most: (K, ) by how much a value may be off.
        one_sided: The same beside gaps, other suspects and ends of the track, where
            the point's speed is not known.
    """
    runs, _ = label(far, structure=ALONG_TIME)
    off = np.linalg.norm(values - _expected(values, times), axis=-1)
    spans = np.diff(times)[:, None] / np.median(np.diff(times))
    steps = np.linalg.norm(np.diff(values, axis=0), axis=-1) / spans
    comes, goes = np.array([off > one_sided] * 2)
    sure = known & ~far
    before, after = sure[:-2] & sure[1:-1], sure[1:-1] & sure[2:]
    comes[2:][before] = (steps[1:] > 2 * steps[:-1] + most / 2)[before]
    goes[:-2][after] = (steps[:-1] > 2 * steps[1:] + most / 2)[after]
    edge = np.zeros_like(far[:1])
    first = far & ~np.concatenate([edge, far[:-1]])
    last = far & ~np.concatenate([far[1:], edge])
    found = np.ones_like(far)
    for where in (far & (off > most), first & comes, last & goes):
        found &= np.isin(runs, runs[where])
    return found


def _expected(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T, K, C) what a cubic through the four frames beside each one says of it, for
    five frames or more."""
    numbers = np.arange(len(times))
    beside = np.clip(numbers - 2, 0, len(times) - 5)[:, None] + np.arange(5)
    beside = beside[beside != numbers[:, None]].reshape(-1, 4)
    nodes = (times[beside] - times[:, None]).T
    # Lagrange's weights.
    weights = [
        np.prod([nodes[j] / (nodes[j] - nodes[i]) for j in range(4) if j != i], axis=0)
        for i in range(4)
    ]
    return np.einsum('nt,tnkc->tkc', weights, values[beside])


def _usual(away: np.ndarray) -> np.ndarray:
    """(T, K): the median of (T, K) over the block of ``BLOCK`` frames around each."""
    count = len(away)
    blocks = -(-count // BLOCK)
    whole = np.pad(away, ((0, blocks * BLOCK - count), (0, 0)), mode='reflect')
    medians = np.median(whole.reshape(blocks, BLOCK, -1), axis=1)
    return np.repeat(medians, BLOCK, axis=0)[:count]


def shared_motion(points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T, 1, C) what all points of a body do at once, such as the noise of its depth:
    the median of how far those of the body are from their slow motion; 0 where
    they are exact, or none is known.

    Args:
        points: (T, K, C), NaN where they are not known.
        times: (T, ) seconds.
    """
    body = points[:, : len(BODY_NAMES)].astype(float)
    shared = np.zeros((len(body), 1, body.shape[2]))
    if _denoise(body, times, LEAST_3D, None) is None:
        return shared
    away = body - low_pass(body, times, SLOW)
    there = np.isfinite(away).all(-1).any(1)
    shared[there] = np.nanmedian(away[there], axis=1, keepdims=True)
    return shared


def groups_of(count: int) -> list[slice]:
    """Points with motion alike, each of one scale: the parts of 133, else all."""
    if count == NUM_KEYPOINTS:
        return [slice(part.start, part.stop) for part in PARTS.values()]
    return [slice(0, count)]


def smooth(
    track: Track,
    cutoff: float | None = None,
    max_gap: float = MAX_GAP,
    threshold: float = OUTLIER,
) -> Track:
    """Outliers replaced, short gaps filled and noise smoothed, in 2D and 3D.

    Args:
        track: That of a person; it stays as it is.
        cutoff: Hz, > 0. None: chosen for each part by :func:`choose_cutoff`, at most
            ``MOST_CUTOFF``.
        max_gap: Seconds up to which gaps are filled, >= 0.
        threshold: Robust standard deviations of an outlier, > 0; ``inf`` keeps all.

    Returns:
        With origins FILLED and CHANGED where values are not measured. Measured
        ones are smoothed, too. There is no ``world`` before the next 3D solution.

    Raises:
        UsageError: A number is out of range.
    """
    if not (max_gap >= 0 and threshold > 0):
        raise UsageError(
            f'max_gap={max_gap} must be >= 0 seconds and threshold={threshold} > 0'
        )
    pixels, origin, far = _smooth(
        track, track.keypoints, cutoff, max_gap, threshold, LEAST_2D
    )
    space = track.keypoints_3d_cam
    if space is not None:
        # The depth of a body is less sure than its pose: each has a noise of its own.
        shared = shared_motion(space, track.times)
        way, _ = _filter(shared, track.times, None, cutoff, threshold, LEAST_3D)
        space, _, far_3d = _smooth(
            track, space - shared, cutoff, max_gap, threshold, LEAST_3D
        )
        space += way
        far |= far_3d
        both = np.isfinite(space).all(-1) & np.isfinite(pixels).all(-1)
        origin[~both] = Origin.MISSING
        space[~both] = np.nan
    missing = origin == Origin.MISSING
    origin[far & ~missing] = Origin.CHANGED
    pixels[missing] = np.nan
    scores = fill_between(
        np.where(track.origin == Origin.MISSING, np.nan, track.scores)[..., None],
        track.times,
    )[..., 0]
    there = ~missing.all(1)
    boxes = fill_between(track.boxes[:, None], track.times)[:, 0]
    box_scores = fill_between(
        np.where(track.there, track.box_scores, np.nan)[:, None, None], track.times
    )[:, 0, 0]
    return replace(
        track,
        keypoints=pixels.astype(np.float32),
        keypoints_3d_cam=None if space is None else space.astype(np.float32),
        origin=origin,
        scores=np.where(missing, 0, scores).astype(np.float32),
        boxes=np.where(there[:, None], boxes, np.nan).astype(np.float32),
        box_scores=np.where(there, box_scores, 0).astype(np.float32),
        world=None,
    )


def _smooth(
    track: Track,
    values: np.ndarray,
    cutoff: float | None,
    max_gap: float,
    threshold: float,
    least: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smoothed values (T, K, C), their origin (T, K), and where outliers were."""
    times, origin = track.times, track.origin.copy()
    far = np.zeros(origin.shape, bool)
    result = np.full(values.shape, np.nan)
    for part in groups_of(values.shape[1]):
        points = values[:, part]
        smoothed, far[:, part] = _filter(
            points, times, track.scores[:, part], cutoff, threshold, least
        )
        known = np.isfinite(points).all(-1) & ~far[:, part]
        gaps = short_gaps(known, times, max_gap)
        result[:, part] = np.where((known | gaps)[..., None], smoothed, np.nan)
        origin[:, part][~known & ~gaps] = Origin.MISSING
        fresh = gaps & (origin[:, part] == Origin.MISSING)
        origin[:, part][fresh] = Origin.FILLED
    return result, origin, far


def _filter(
    values: np.ndarray,
    times: np.ndarray,
    weights: np.ndarray | None,
    cutoff: float | None,
    threshold: float,
    least: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed values (T, K, C), also in gaps, and where outliers were (T, K)."""
    far = np.zeros(values.shape[:2], bool)
    if np.isfinite(threshold):
        far = find_outliers(values, times, least, weights, threshold)
    clean = np.where(far[..., None], np.nan, values)
    smoothed = None if cutoff else _denoise(clean, times, least, weights)
    if smoothed is None:
        smoothed = low_pass(clean, times, cutoff or np.inf, weights)
    return smoothed, far
