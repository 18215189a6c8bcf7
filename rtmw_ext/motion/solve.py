"""3D that holds still: one body for a track, its depth by its size, a world whose floor
is the ground, and feet that stand without sliding. The camera stands still.

The steps alternate closed forms over all frames at once instead of optimising all
points together: bones get the lengths of the track, the body is placed where it
projects to the 2D, and its points are moved to their rays, for ``ROUNDS`` rounds.

Shapes: T frames, K keypoints, F points of feet.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.linalg import solveh_banded

from ..core.geometry import Camera, rays
from ..core.people import MIN_SCORE, Origin
from ..core.skeleton import (
    BODY_NAMES,
    HIPS,
    NUM_KEYPOINTS,
    PARTS,
    SHOULDERS,
    keypoint_names,
    links_of,
    side_pairs,
)
from .filters import LEAST_3D, choose_cutoff, fill_between, low_pass
from .track import Motion, MotionError, Track

#: Rounds of lengths, place and rays.
ROUNDS = 3
#: Highest cut-offs in Hz of the depth of points and of the hips, of which one image
#: tells least.
POINT_CUTOFF, ROOT_CUTOFF = 3.0, 1.0
#: The middles of the hips and of the shoulders, as parents.
PELVIS, NECK = -1, -2
#: (point, its parent) of the 17 points of the body, parents first.
BODY = (
    *((11, PELVIS), (12, PELVIS), (5, NECK), (6, NECK)),
    *((7, 5), (8, 6), (9, 7), (10, 8), (13, 11), (14, 12), (15, 13), (16, 14)),
    *((0, NECK), (1, 0), (2, 0), (3, 0), (4, 0)),
)
NOSE = 0
KNEES, ANKLES = (13, 14), (15, 16)
#: Hand roots and the wrists that they hang on.
HANDS = ((91, 9), (112, 10))
#: A foot's point stands below this speed in metres a second, for so many seconds at
#: least, within so many metres of its place; shorter gaps are closed.
STILL, LEAST_TIME, PLACE, GAP = 0.3, 0.12, 0.04, 0.1
#: What squared shifts in depth count beside squared steps of feet that stand, and
#: squared steps of shifts where none stands.
FREE, NO_FOOT = 1e-3, 0.1
#: Seconds in which a foot comes to its place and leaves it.
RAMP = 0.2
#: Standard deviations: of heights of standing feet in metres, of the direction of
#: upright bodies against gravity in radians.
HEIGHT_SPREAD, LEAN_SPREAD = 0.2, 0.1
#: The longest reach of an ankle as a share of a straight leg: knees keep a side.
REACH = 0.9995


def solve(motion: Motion) -> Motion:
    """All tracks of a clip in 3D that holds still, and in the world.

    The world has x to the right of the camera, y up with the ground at 0, and z
    towards the camera; its origin is below the hips of the first track's first frame.

    Args:
        motion: In 3D, best after :func:`.filters.smooth`; it stays as it is.

    Returns:
        With new ``keypoints_3d_cam``, ``world`` and ``world_camera``. 2D, scores and
        origins stay; points that are missing stay missing.

    Raises:
        MotionError: It is in 2D, has no camera, or points that are no body.
    """
    if not motion.is_3d:
        raise MotionError('the motion is in 2D: give results of a 3D network (rtmw3d)')
    if motion.camera is None:
        raise MotionError('the camera is not known: give one, or the size of the clip')
    if motion.names[: len(BODY_NAMES)] != BODY_NAMES:
        raise MotionError(
            f'the {len(motion.names)} points do not begin with those of COCO: give '
            'people of 133 (COCO-WholeBody), 26 (Halpe) or 17 points (COCO)'
        )
    bodies = [hold_body(track, motion.camera) for track in motion.tracks]
    to_world = find_world(motion.tracks, bodies, motion.camera)
    rotation, shift = to_world[:3, :3], to_world[:3, 3]
    tracks = []
    for track, points in zip(motion.tracks, bodies):
        world = points @ rotation.T + shift
        world = stand(track, world, points[..., 2], motion.camera)
        space = (world - shift) @ rotation
        missing = track.origin == Origin.MISSING
        world[missing] = space[missing] = np.nan
        tracks.append(
            replace(
                track,
                keypoints_3d_cam=space.astype(np.float32),
                world=world.astype(np.float32),
            )
        )
    return replace(motion, tracks=tracks, world_camera=to_world)


def parents_of(count: int) -> dict[int, int]:
    """{point: its parent} for people of ``count`` points, parents first."""
    links = links_of(count)
    limbs = [*links.get('feet', ()), *links.get('left_hand', ())]
    limbs += links.get('right_hand', ())
    parents = dict(BODY)
    if count == NUM_KEYPOINTS:
        parents |= dict(HANDS)
        parents |= dict.fromkeys(PARTS['face'], NOSE)
    parents |= {point: parent for parent, point in limbs}
    return parents | {point: PELVIS for point in range(count) if point not in parents}


def feet_of(count: int) -> tuple[list[int], list[int]]:
    """Points of the left and of the right foot; the ankles where there are none."""
    links = links_of(count).get('feet', ())
    left, right = ([b for a, b in links if a == ankle] for ankle in ANKLES)
    return (left, right) if left and right else ([ANKLES[0]], [ANKLES[1]])


def bones_of(count: int) -> list[tuple[int, int]]:
    """(point, parent) of the bones whose lengths are constant; those of the middles
    of hips and shoulders are half as long as the distance of the two. Spine, neck and
    face bend."""
    bends = {NOSE, *(PARTS['face'] if count == NUM_KEYPOINTS else ())}
    return [
        (point, parent)
        for point, parent in parents_of(count).items()
        if point in HIPS or parent != PELVIS and point not in bends
    ]


def bone_vectors(points: np.ndarray) -> np.ndarray:
    """(T, K, 3) from each point's parent, as of :func:`parents_of`, to it."""
    parents = parents_of(points.shape[1])
    starts = points.copy()
    middles = {PELVIS: points[:, HIPS].mean(1), NECK: points[:, SHOULDERS].mean(1)}
    for point, parent in parents.items():
        starts[:, point] = middles[parent] if parent < 0 else points[:, parent]
    return points - starts


def bone_lengths(
    points: np.ndarray, known: np.ndarray, parents: dict[int, int]
) -> np.ndarray:
    """(K, ) metres from each point's parent to it: the median of all frames, the same
    on both sides.

    Args:
        points: (T, K, 3).
        known: (T, K) bool: those that count.
        parents: As of :func:`parents_of`.
    """
    sizes = np.linalg.norm(bone_vectors(points), axis=-1)
    use = known.copy()
    for point, parent in parents.items():
        if parent >= 0:
            use[:, point] &= known[:, parent]
    unused = ~use.any(0)
    use[:, unused] = True
    lengths = np.nanmedian(np.where(use, sizes, np.nan), axis=0)
    for pair in side_pairs(keypoint_names(points.shape[1])):
        sure = [point for point in pair if not unused[point]] or list(pair)
        lengths[list(pair)] = lengths[sure].mean()
    return lengths


def hold_body(track: Track, camera: Camera) -> np.ndarray:
    """(T, K, 3) metres from the camera: a body with constant bones that projects to
    the 2D; what is missing is between the frames before and behind.

    Args:
        track: In 3D.
        camera: As of :mod:`rtmw_ext.core.geometry`.
    """
    times = track.times
    known = track.origin != Origin.MISSING
    assert track.keypoints_3d_cam is not None
    points = _with_calm_depth(track.keypoints_3d_cam, times)
    flat = rays(fill_between(track.keypoints, times), camera)
    weights = np.where(known, track.scores, 0.0)
    count = points.shape[1]
    parents = parents_of(count)
    sure = known & (track.scores >= MIN_SCORE)
    lengths = bone_lengths(points, sure, parents)
    trunk = slice(0, PARTS['feet'].stop)
    parts = feet_of(count)
    feet = np.concatenate(parts)
    stands = np.concatenate(
        [standing(track, points[..., 2], part, camera) for part in parts], axis=1
    )
    for number in range(ROUNDS):
        points = _with_lengths(points, parents, lengths)
        points += _root_shift(
            points[:, trunk],
            flat[:, trunk],
            weights[:, trunk],
            times,
            points[:, feet, 2],
            stands,
        )[:, None]
        if number < ROUNDS - 1:
            on_rays = flat * points[..., 2:]
            points[..., :2] += weights[..., None] * (on_rays - points[..., :2])
    return points


def _with_calm_depth(points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T, K, 3) float64, all finite: with depths from the hips that are smoothed."""
    filled = fill_between(points, times)
    never = ~np.isfinite(points).all(-1).any(0)
    # Points that are never seen are where the others are, before the camera.
    filled[:, never] = filled[:, ~never].mean(1, keepdims=True)
    root = filled[:, HIPS, 2].mean(1)[:, None, None]
    depths = np.where(np.isfinite(points[..., 2:]), filled[..., 2:] - root, np.nan)
    cutoff = min(choose_cutoff(filled[..., 2:] - root, times, LEAST_3D), POINT_CUTOFF)
    moved = low_pass(depths, times, cutoff) + root
    filled[..., :2] *= moved / filled[..., 2:]
    filled[..., 2:] = moved
    return filled


def _with_lengths(
    points: np.ndarray, parents: dict[int, int], lengths: np.ndarray
) -> np.ndarray:
    """The same directions of bones with constant lengths."""
    vectors = bone_vectors(points)
    sizes = np.linalg.norm(vectors, axis=-1)
    for point, _ in bones_of(points.shape[1]):
        size = np.maximum(sizes[:, point, None], 1e-6)
        vectors[:, point] *= lengths[point] / size
    middles = {PELVIS: points[:, HIPS].mean(1), NECK: points[:, SHOULDERS].mean(1)}
    fixed = np.empty_like(points)
    for point, parent in parents.items():
        start = middles[parent] if parent < 0 else fixed[:, parent]
        fixed[:, point] = start + vectors[:, point]
    return fixed


def _root_shift(
    points: np.ndarray,
    flat: np.ndarray,
    weights: np.ndarray,
    times: np.ndarray,
    feet: np.ndarray,
    stands: np.ndarray,
) -> np.ndarray:
    """(T, 3) metres by which bodies must move to project to their rays: least squares,
    of which the depth is smoothed, and steadied by feet that stand, before the rest is
    found.

    Args:
        points: (T, K, 3) from the camera.
        flat: (T, K, 2) x and y of the rays at a depth of 1 m.
        weights: (T, K).
        times: (T, ) seconds.
        feet: (T, F) metres, the depths of points of feet.
        stands: (T, F) bool.
    """
    away = flat * points[..., 2:] - points[..., :2]
    for _ in range(2):
        total = np.maximum(weights.sum(1), 1e-9)
        middle = (weights[..., None] * flat).sum(1) / total[:, None]
        rest = (weights[..., None] * away).sum(1) / total[:, None]
        spread = flat - middle[:, None]
        # x and y follow from the depth: shift = rest + middle * depth.
        part = -(weights[..., None] * spread * away).sum((1, 2))
        size = (weights[..., None] * spread**2).sum((1, 2))
        depth = np.where(size > 1e-9, part / np.maximum(size, 1e-9), 0.0)
        left = away - rest[:, None] + spread * depth[:, None, None]
        far = np.linalg.norm(left, axis=-1)
        usual = np.median(far) + 1e-6
        weights = weights / np.maximum(far / (2 * usual), 1)
    whole = points[..., 2].mean(1) + depth
    known = np.where(weights.sum(1) > 0, whole, np.nan)[:, None, None]
    filled = fill_between(known, times)
    cutoff = min(choose_cutoff(filled, times, LEAST_3D), ROOT_CUTOFF)
    depth = low_pass(known, times, cutoff)[:, 0, 0] - points[..., 2].mean(1)
    depth += _least_steps(feet + depth[:, None], stands)
    return np.concatenate([rest + middle * depth[:, None], depth[:, None]], 1)


def _least_steps(depths: np.ndarray, stands: np.ndarray) -> np.ndarray:
    """(T, ) shifts after which feet that stand change their depth least from frame to
    frame: least squares.

    Args:
        depths: (T, F).
        stands: (T, F) bool.
    """
    if len(depths) < 2:
        return np.zeros(len(depths))
    both = stands[1:] & stands[:-1]
    count = both.sum(1)
    steps = np.where(both, np.diff(depths, axis=0), 0).sum(1) / np.maximum(count, 1)
    weight = np.where(count > 0, 1.0, NO_FOOT)
    bands = np.full((2, len(depths)), FREE)
    bands[0, 1:] = -weight
    bands[1, 1:] += weight
    bands[1, :-1] += weight
    aims = np.zeros(len(depths))
    aims[1:] -= weight * steps
    aims[:-1] += weight * steps
    return solveh_banded(bands, aims)


# -- the world ----------------------------------------------------------------


def find_world(
    tracks: list[Track], bodies: list[np.ndarray], camera: Camera
) -> np.ndarray:
    """(4, 4) from the camera to the world, by upright bodies and feet that stand.

    Args:
        tracks: At least one.
        bodies: (T, K, 3) of each, from the camera, all finite.
        camera: As of :mod:`rtmw_ext.core.geometry`.
    """
    ups, places = [], []
    for track, points in zip(tracks, bodies):
        legs = points[:, HIPS].mean(1) - points[:, ANKLES].mean(1)
        trunks = points[:, SHOULDERS].mean(1) - points[:, HIPS].mean(1)
        trunks /= np.linalg.norm(trunks, axis=-1, keepdims=True)
        legs /= np.linalg.norm(legs, axis=-1, keepdims=True)
        # Who bends or sits says less of gravity.
        straight = (trunks * legs).sum(-1) > 0.9
        seen = track.there & straight
        ups.append((trunks + legs)[seen] / 2)
        for part in feet_of(points.shape[1]):
            still = standing(track, points[..., 2], part, camera)
            for start, stop in _runs(np.any(still, axis=1), track.times):
                # The sole: the lowest point stands longest.
                rows = points[start:stop][:, part][still[start:stop]]
                places.append(np.median(rows, axis=0))
    upright = np.concatenate(ups)
    up = np.median(upright, axis=0) if len(upright) else np.array([0.0, -1, 0])
    up /= np.linalg.norm(up)
    stands = np.array(places).reshape(-1, 3)
    normal = _ground_normal(stands, up)
    z = -np.array([0.0, 0, 1])
    z -= normal * (z @ normal)
    if np.linalg.norm(z) < 0.1:  # The camera looks straight down or up.
        z = np.array([0.0, 1, 0]) - normal * normal[1]
    z /= np.linalg.norm(z)
    rotation = np.stack([np.cross(normal, z), normal, z])
    if len(stands):
        ground = np.median(stands @ normal)
    else:
        lows = [(points @ normal).min(1) for points in bodies]
        ground = np.percentile(np.concatenate(lows), 5)
    origin = rotation @ bodies[0][0, HIPS].mean(0)
    to_world = np.eye(4)
    to_world[:3, :3] = rotation
    to_world[:3, 3] = -np.array([origin[0], ground, origin[2]])
    return to_world


def _ground_normal(stands: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(3, ) unit normal of the plane on which feet stand, near ``up``.

    Args:
        stands: (S, 3) places of feet.
        up: (3, ) direction of upright bodies, which counts the more, the closer
            together the places are.
    """
    normal = up
    for _ in range(5 if len(stands) >= 3 else 0):
        # Robust: somebody may stand on a stair.
        heights = (stands - np.median(stands, axis=0)) @ normal
        weights = 1 / np.maximum(np.abs(heights) / HEIGHT_SPREAD, 1)
        away = stands - (weights[:, None] * stands).sum(0) / weights.sum()
        axes = np.linalg.svd(normal[None])[2][1:]
        flat = away @ axes.T
        inverse = weights[:, None] / HEIGHT_SPREAD**2
        matrix = (inverse * flat).T @ flat + np.eye(2) / LEAN_SPREAD**2
        aim = axes @ (up - normal) / LEAN_SPREAD**2
        tilt = np.linalg.solve(matrix, aim - (inverse[:, 0] * (away @ normal)) @ flat)
        normal = normal + tilt @ axes
        normal /= np.linalg.norm(normal)
    return normal


def standing(
    track: Track, depths: np.ndarray, part: list[int], camera: Camera
) -> np.ndarray:
    """(T, F) bool: points of a foot that are seen and do not move. The image says so,
    as depth is less sure.

    Args:
        track: In 2D.
        depths: (T, K) metres from the camera.
        part: The F points.
        camera: As of :mod:`rtmw_ext.core.geometry`.
    """
    if len(track) < 3:
        return np.zeros((len(track), len(part)), bool)
    flat = rays(fill_between(track.keypoints[:, part], track.times), camera)
    far = depths[:, part, None]
    speed = np.linalg.norm(np.gradient(flat, track.times, axis=0) * far, axis=-1)
    seen = track.origin[:, part] != Origin.MISSING
    seen &= track.scores[:, part] >= MIN_SCORE
    still = np.asarray(seen & (speed < STILL))
    # Who moves slowly leaves the place.
    for point in range(len(part)):
        for start, stop in _runs(still[:, point], track.times):
            away = flat[start:stop, point] - np.median(flat[start:stop, point], axis=0)
            moved = np.linalg.norm(away * far[start:stop, point], axis=-1)
            still[start:stop, point] &= moved < PLACE
    return still


def _runs(where: np.ndarray, times: np.ndarray) -> Iterator[tuple[int, int]]:
    """(first, behind the last) of spans that are true, without short gaps and short
    spans."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(int), [0]])))
    spans: list[list[int]] = []
    for start, stop in edges.reshape(-1, 2).tolist():
        if spans and times[start] - times[spans[-1][1] - 1] <= GAP:
            spans[-1][1] = stop
        else:
            spans.append([start, stop])
    for start, stop in spans:
        if times[stop - 1] - times[start] >= LEAST_TIME:
            yield start, stop


# -- feet that stand ----------------------------------------------------------


def stand(
    track: Track, world: np.ndarray, depths: np.ndarray, camera: Camera
) -> np.ndarray:
    """Feet that stand stay where they are, and legs reach them.

    Args:
        track: Says what is seen and when.
        world: (T, K, 3), y up, the ground at 0, all finite.
        depths: (T, K) metres from the camera.
        camera: As of :mod:`rtmw_ext.core.geometry`.

    Returns:
        (T, K, 3): bodies moved by what both feet share, knees, ankles and feet by the
        rest. Thighs and shins keep their lengths.
    """
    world = world.copy()
    parts = feet_of(world.shape[1])
    times = track.times
    places = [
        _places(world[:, part], standing(track, depths, part, camera), times)
        for part in parts
    ]
    away = np.stack(
        [
            _mean_known(place - world[:, part])
            for place, part in zip(places, parts, strict=True)
        ],
        axis=1,
    )
    # The whole body takes what both feet share.
    pull = _mean_known(away)
    world += _eased(pull, times)[:, None]
    for side, (place, part) in enumerate(zip(places, parts, strict=True)):
        shift = _eased(away[:, side] - pull, times)
        hip, knee, ankle = HIPS[side], KNEES[side], ANKLES[side]
        legs = (world[:, hip], world[:, knee], world[:, ankle])
        world[:, knee], reached = _reach(*legs, legs[2] + shift)
        foot = [ankle, *(point for point in part if point != ankle)]
        world[:, foot] += (reached - world[:, ankle])[:, None]
        # What is left is within the foot.
        for number, point in enumerate(part):
            world[:, point] += _eased(place[:, number] - world[:, point], times)
    return world


def _places(foot: np.ndarray, still: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T, F, 3) where points of a foot stand; NaN where they do not.

    Args:
        foot: (T, F, 3) in the world.
        still: (T, F) bool.
        times: (T, ) seconds.
    """
    places = np.full(foot.shape, np.nan)
    for point in range(foot.shape[1]):
        for start, stop in _runs(still[:, point], times):
            places[start:stop, point] = np.median(foot[start:stop, point], axis=0)
    return places


def _mean_known(vectors: np.ndarray) -> np.ndarray:
    """(T, 3) means of (T, N, 3) that are finite; NaN where none is."""
    known = np.isfinite(vectors).all(-1, keepdims=True)
    count = known.sum(1)
    total = np.where(known, vectors, 0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _eased(shifts: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T, 3) without NaN: between two shifts that are known it goes smoothly from one
    to the other, or to 0 where they are further apart than two ramps."""
    known = np.isfinite(shifts).all(-1)
    whole = np.where(known[:, None], shifts, 0.0)
    if not known.any():
        return whole
    places = np.flatnonzero(known)
    for number in np.flatnonzero(~known):
        at = int(np.searchsorted(places, number))
        for place in places[max(at - 1, 0) : at + 1]:
            share = abs(times[number] - times[place]) / RAMP
            if share < 1:
                whole[number] += shifts[place] * (0.5 + 0.5 * np.cos(np.pi * share))
    return whole


def _reach(
    hip: np.ndarray, knee: np.ndarray, ankle: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Knees and ankles (T, 3) of legs whose ankles come as near to their targets as
    thighs and shins of the same lengths reach; the knee stays on its side."""
    thigh = np.linalg.norm(knee - hip, axis=-1, keepdims=True)
    shin = np.linalg.norm(ankle - knee, axis=-1, keepdims=True)
    along = target - hip
    far = np.linalg.norm(along, axis=-1, keepdims=True)
    along = along / np.maximum(far, 1e-9)
    far = np.clip(far, np.abs(thigh - shin) + 1e-6, REACH * (thigh + shin))
    first = (thigh**2 - shin**2 + far**2) / (2 * far)
    side = np.sqrt(np.maximum(thigh**2 - first**2, 0))
    out = knee - hip
    out = out - along * (out * along).sum(-1, keepdims=True)
    out = out / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-9)
    return hip + along * first + out * side, hip + along * far
