"""Rotations for animation programs.

Source of the format: M. Meredith and S. Maddock, "Motion Capture File Formats
Explained", 2001.

Shapes: T frames, J joints.
"""

import warnings

import numpy as np
from scipy.spatial.transform import Rotation

from ..rotations import IS_END, NAMES, PARENTS, fit_rotations
from ..track import Motion, world_of
from .base import even_times, only_track, register

#: The order in which a joint turns, about its own axes.
ORDER = 'ZXY'


@register('bvh', '.bvh', 'rotations with all fingers for Blender, a file a person')
def encode_bvh(motion: Motion) -> bytes:
    """A BVH file: metres, y up, at rest a T that faces +z. It goes over the whole
    clip at a constant rate, so that those of several people start together; before
    the person comes and after it goes it stands still."""
    track = only_track(motion)
    animation = fit_rotations(world_of(track), motion.names, track.times)
    times = even_times(motion.times, motion.rate)
    animation = animation.at(times)
    lines = ['HIERARCHY']
    order: list[int] = []

    def add(joint: int, depth: int) -> None:
        """The joint and all that hangs on it."""
        indent = '\t' * depth
        x, y, z = animation.offsets[joint]
        kind = 'ROOT' if depth == 0 else 'JOINT'
        title = 'End Site' if IS_END[joint] else f'{kind} {NAMES[joint]}'
        lines.extend([f'{indent}{title}', f'{indent}{{'])
        lines.append(f'{indent}\tOFFSET {x:.6f} {y:.6f} {z:.6f}')
        if not IS_END[joint]:
            order.append(joint)
            place = ['Xposition', 'Yposition', 'Zposition'] if depth == 0 else []
            channels = place + [f'{axis}rotation' for axis in ORDER]
            lines.append(f'{indent}\tCHANNELS {len(channels)} {" ".join(channels)}')
            for child in np.flatnonzero(PARENTS == joint):
                add(int(child), depth + 1)
        lines.append(f'{indent}}}')

    add(0, 0)
    lines += ['MOTION', f'Frames: {len(times)}', f'Frame Time: {1 / motion.rate:.9f}']
    rotations = Rotation.from_quat(animation.rotations[:, order].reshape(-1, 4))
    with warnings.catch_warnings():
        # Where two axes fall together one of their angles is 0, which is right.
        warnings.filterwarnings('ignore', 'Gimbal lock')
        angles = rotations.as_euler(ORDER, degrees=True).reshape(len(times), -1)
    angles = np.unwrap(angles, axis=0, period=360)
    for place, row in zip(animation.root.tolist(), angles.tolist()):
        lines.append(' '.join(f'{value:.6f}' for value in place + row))
    return '\n'.join([*lines, '']).encode()
