"""A person that moves smoothly, without a body model, and noise."""

import numpy as np

from rtmw_ext.core.geometry import project
from rtmw_ext.core.people import People
from rtmw_ext.core.skeleton import HIPS, KEYPOINT_NAMES, side_pairs
from rtmw_ext.motion import Motion
from rtmw_ext.output import Frame

SIZE = (1280, 720)
CAMERA = dict(K=np.array([[1468.0, 0, 639.5], [0, 1468, 359.5], [0, 0, 1]]))


def moving_person(seed=0, count=150, rate=30.0, times=None):
    """Times (T, ) and points (T, 133, 3) from the camera: each joint swings around a
    place of its own at up to 1 Hz, left and right apart."""
    rng = np.random.default_rng(seed)
    times = np.arange(count) / rate if times is None else times
    places = rng.uniform((-0.1, -0.8, -0.1), (0.1, 0.8, 0.1), (133, 3))
    for left, right in side_pairs(KEYPOINT_NAMES):
        places[left, 0] = rng.uniform(0.1, 0.4)
        places[right] = places[left] * (-1, 1, 1)
    phases = rng.uniform(0, 2 * np.pi, (2, 133, 3))
    turns = times[:, None, None] * 2 * np.pi
    swing = 0.06 * np.sin(0.5 * turns + phases[0])
    swing = swing + 0.03 * np.sin(turns + phases[1])
    walk = 0.5 * np.sin(0.2 * turns) * (1, 0, 0.5)
    return times, places + swing + walk + (0, 0, 5)


def to_motion(times, points, pixels=None, scores=None, camera=CAMERA, size=SIZE):
    """The motion of one person; NaN is missing."""
    pixels = project(points, camera) if pixels is None else pixels
    scores = np.ones(pixels.shape[:2]) if scores is None else scores
    frames = []
    for number, time in enumerate(times):
        space = points[number][None].astype(np.float32)
        flat = pixels[number][None].astype(np.float32)
        seen = np.nan_to_num(flat)
        boxes = np.concatenate([seen.min(1), seen.max(1)], 1)
        frames.append(
            Frame(
                'clip',
                number,
                float(time),
                People(
                    flat,
                    scores[number][None].astype(np.float32),
                    boxes,
                    np.ones(1, np.float32),
                    space - space[:, list(HIPS)].mean(1, keepdims=True),
                    space,
                    np.array([1]),
                ),
            )
        )
    return Motion.from_people(frames, size=size, camera=camera)


def distance(one, other):
    """Mean distance of the points that both have."""
    away = np.linalg.norm(one - other, axis=-1)
    return np.nanmean(away)
