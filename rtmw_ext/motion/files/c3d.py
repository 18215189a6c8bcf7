"""Markers for biomechanics, by ezc3d (https://github.com/pyomeca/ezc3d).

Source of the format: https://www.c3d.org, "The C3D File Format User Guide".

Shapes: T frames, M markers.
"""

import tempfile
from pathlib import Path

import numpy as np

from ..track import Motion, world_of
from .base import even_times, library, only_track, register, sample
from .markers import markers


@register(
    'c3d', '.c3d', 'markers for biomechanics, a file a person', libraries=('ezc3d',)
)
def encode_c3d(motion: Motion) -> bytes:
    """A C3D file: millimetres, y up, at a constant rate from the first frame of the
    person. A missing marker has the residual -1. The description of a marker is the
    name of the point."""
    ezc3d = library('ezc3d')
    track = only_track(motion)
    times = even_times(track.times, motion.rate)
    world = sample(track.times, world_of(track), times)
    labels, origins, points = markers(motion.names, world)
    millimetres = np.ones((4, len(labels), len(times)))
    millimetres[:3] = points.transpose(2, 1, 0) * 1000.0
    missing = np.isnan(millimetres).any(0)
    millimetres[:3, missing] = 0
    file = ezc3d.c3d()
    file['header']['points']['first_frame'] = round(times[0] * motion.rate)
    point = file['parameters']['POINT']
    point['RATE']['value'] = [motion.rate]
    point['UNITS']['value'] = ['mm']
    point['LABELS']['value'] = labels
    point['DESCRIPTIONS']['value'] = origins
    file.add_parameter('POINT', 'X_SCREEN', ['+X'])
    file.add_parameter('POINT', 'Y_SCREEN', ['+Y'])
    file['data']['points'] = millimetres
    residuals = np.where(missing, -1.0, 0.0)[None]
    file['data']['meta_points']['residuals'] = residuals
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'motion.c3d')
        file.write(str(path))
        return path.read_bytes()
