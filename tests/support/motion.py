"""A person whose skeleton moves, without a body model."""

import numpy as np
from scipy.spatial.transform import Rotation

from rtmw_ext.core.people import Origin
from rtmw_ext.core.skeleton import KEYPOINT_NAMES, WRISTS
from rtmw_ext.motion import Motion, Track
from rtmw_ext.motion.rotations import JOINTS, NAMES, Animation

SIZE = (640, 480)
CAMERA = dict(K=np.array([[500.0, 0, 319.5], [0, 500, 239.5], [0, 0, 1]]))
#: The camera stands 1.5 m high and looks at the person from 4 m.
FROM_CAMERA = np.array([[1.0, 0, 0, 0], [0, -1, 0, 1.5], [0, 0, -1, 4], [0, 0, 0, 1]])
#: Metres from the head at rest.
EARS, EYES, NOSE = (0.075, 0, 0), (0.03, 0.03, 0.09), (0, -0.03, 0.12)


def moving_animation(seed=0, times=np.arange(30) / 30):
    """Every joint swings as it can: hips, trunk and head any way, knees and the outer
    joints of fingers about their hinge, forearms by the twist of the hand."""
    rng = np.random.default_rng(seed)
    times = np.asarray(times, float)
    vectors = np.zeros((len(times), len(NAMES), 3))

    def wave(low, high):
        """(T, ) degrees between two."""
        swing = np.sin(2 * np.pi * (rng.uniform(0.2, 0.8) * times + rng.uniform()))
        return (low + high) / 2 + (high - low) / 2 * swing

    for place, name in enumerate(NAMES):
        turn = vectors[:, place]
        side = -1 if name.startswith('Right') else 1
        finger = any(part in name for part in ('Index', 'Middle', 'Ring', 'Little'))
        if name in ('Hips', 'Head', 'LeftUpperLeg', 'RightUpperLeg'):
            turn[:] = np.stack([wave(-30, 30) for _ in range(3)], 1)
        elif name in ('Spine', 'Chest'):
            turn[:, 1] = wave(-15, 15)
        elif name == 'Neck':
            turn[:, 0] = wave(-10, 10)
        elif 'LowerLeg' in name:
            turn[:, 0] = wave(5, 100)
        elif 'Foot' in name:
            turn[:, 0] = wave(-20, 20)
        elif 'UpperArm' in name:
            turn[:, 2] = side * wave(-80, 20)
            turn[:, 1] = side * wave(-40, 0)
        elif 'LowerArm' in name:
            turn[:, 1] = -side * wave(40, 110)
        elif name.endswith('Hand'):
            turn[:, 2] = wave(-30, 30)
        elif finger and not name.endswith('End'):
            turn[:, 2] = -side * wave(0, 70)
    rotations = Rotation.from_rotvec(vectors.reshape(-1, 3), degrees=True)
    return Animation(
        times,
        np.array([joint.rest for joint in JOINTS.values()]),
        np.stack([wave(-50, 50), wave(85, 95), wave(-50, 50)], 1) / 100,
        rotations.as_quat().reshape(len(times), -1, 4),
        np.ones((len(times), len(NAMES)), bool),
    )


def points_of(animation):
    """(T, 133, 3) metres: the points that its joints are fitted to."""
    places = dict(zip(NAMES, animation.positions().swapaxes(0, 1)))
    turns = dict(zip(NAMES, animation.world_rotations().swapaxes(0, 1)))
    points = np.full((len(animation), len(KEYPOINT_NAMES), 3), np.nan)

    def put(name, joint, offset=(0, 0, 0)):
        points[:, KEYPOINT_NAMES.index(name)] = places[joint] + turns[joint] @ offset

    for name, joint in JOINTS.items():
        if len(joint.points) == 1:
            put(joint.points[0], name)
    for side, sign in (('left', 1), ('right', -1)):
        outside = np.array((sign, 1, 1))
        put(f'{side}_ear', 'Head', outside * EARS)
        put(f'{side}_eye', 'Head', outside * EYES)
        ankle, tips = f'{side.capitalize()}Foot', f'{side.capitalize()}ToesEnd'
        put(f'{side}_big_toe', tips, (-0.03 * sign, 0, 0))
        put(f'{side}_small_toe', tips, (0.03 * sign, 0, 0))
        put(f'{side}_heel', ankle, (0, -0.08, -0.05))
        points[:, WRISTS[f'{side}_hand']] = places[f'{side.capitalize()}Hand']
    put('nose', 'Head', NOSE)
    for number, offset in enumerate(
        np.random.default_rng(0).uniform(
            (-0.07, -0.1, 0.06), (0.07, 0.06, 0.1), (68, 3)
        )
    ):
        put(f'face-{number}', 'Head', offset)
    return points


def track_of(number, points, frames, times, world=True):
    """The track of a person.

    Args:
        number: Its id.
        points: (T, 133, 3) in the world; NaN is missing.
        frames: (T, ).
        times: (T, ).
        world: The 3D solution is there.
    """
    points = points.astype(np.float32)
    # The inverse is the same.
    space = points @ FROM_CAMERA[:3, :3].T + FROM_CAMERA[:3, 3]
    pixels = space @ CAMERA['K'].T
    pixels = (pixels[..., :2] / pixels[..., 2:]).astype(np.float32)
    known = np.isfinite(points).all(2)
    rng = np.random.default_rng(number)
    scores = np.where(known, rng.uniform(0.3, 1, known.shape), 0).astype(np.float32)
    seen = np.where(known[..., None], pixels, np.nan)
    there = known.any(1)
    boxes = np.full((len(points), 4), np.nan, np.float32)
    boxes[there] = np.concatenate(
        [np.nanmin(seen[there], 1), np.nanmax(seen[there], 1)], 1
    )
    return Track(
        number,
        np.asarray(frames),
        np.asarray(times, float),
        pixels,
        scores,
        boxes,
        there.astype(np.float32),
        np.where(known, Origin.MEASURED, Origin.MISSING).astype(np.uint8),
        space.astype(np.float32),
        points if world else None,
    )


def motion_of(*tracks, times, rate=30.0):
    """A clip of tracks."""
    return Motion(
        list(tracks),
        KEYPOINT_NAMES,
        np.arange(len(times)),
        np.asarray(times, float),
        rate,
        SIZE,
        CAMERA,
        'dance',
        world_camera=FROM_CAMERA,
    )
