"""Markers for OpenSim and Pose2Sim.

Source of the format: OpenSim's documentation, "Marker (.trc) Files".

Shapes: T frames, M markers.
"""

import numpy as np

from ..track import Motion, world_of
from .base import even_times, only_track, register, sample
from .markers import markers


@register('trc', '.trc', 'markers for OpenSim and Pose2Sim, a file a person')
def encode_trc(motion: Motion) -> bytes:
    """A TRC file: metres, y up, at a constant rate; the time of a frame is that in
    the clip, its number that of the first plus a count. A missing marker is blank, at
    the end of a line ``nan``."""
    track = only_track(motion)
    times = even_times(track.times, motion.rate)
    world = sample(track.times, world_of(track), times)
    labels, _, points = markers(motion.names, world)
    count, first, rate = len(times), int(track.frames[0]), f'{motion.rate:.6g}'
    axes = [f'{axis}{number + 1}' for number in range(len(labels)) for axis in 'XYZ']
    lines = [
        ['PathFileType', '4', '(X/Y/Z)', f'{motion.source}.trc'],
        [
            'DataRate',
            'CameraRate',
            'NumFrames',
            'NumMarkers',
            'Units',
            'OrigDataRate',
            'OrigDataStartFrame',
            'OrigNumFrames',
        ],
        [rate, rate, f'{count}', f'{len(labels)}', 'm', rate, f'{first}', f'{count}'],
        ['Frame#', 'Time', '\t\t\t'.join(labels), '', ''],
        ['', '', *axes],
    ]
    rows = points.reshape(count, -1).astype(np.float64).tolist()
    for number, (time, row) in enumerate(zip(times.tolist(), rows), first):
        values = ['' if value != value else f'{value:.6f}' for value in row]
        # OpenSim does not count a blank at the end of a line.
        values[-1] = values[-1] or 'nan'
        lines.append([f'{number}', f'{time:.6f}', *values])
    return '\n'.join(['\t'.join(line) for line in lines] + ['']).encode()
