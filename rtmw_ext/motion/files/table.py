"""Tables and arrays for statistics.

Shapes: T frames, K keypoints, J joints.
"""

import io
from dataclasses import fields
from typing import Any

import numpy as np

from ...core.people import COLUMNS_3D, Origin
from ..rotations import NAMES, PARENTS, fit_rotations
from ..track import Motion, world_of
from .base import library, only_track, register


def _table(motion: Motion) -> Any:
    """A ``pyarrow.Table`` with a row for each point of each frame: ``frame``,
    ``time`` in seconds, ``person``, ``point``, ``name``, ``x`` and ``y`` in pixels,
    ``score``, ``origin``, and in 3D metres ``x_3d`` ... from the hips, ``x_cam`` ...
    from the camera and ``x_world`` ... A missing value is null."""
    pyarrow = library('pyarrow')
    track = only_track(motion)
    count, points = track.scores.shape
    origins = [origin.name.lower() for origin in Origin]
    columns = {
        'frame': np.repeat(track.frames, points),
        'time': np.repeat(track.times, points),
        'person': np.full(count * points, track.id),
        'point': np.tile(np.arange(points), count),
        'name': pyarrow.DictionaryArray.from_arrays(
            np.tile(np.arange(points, dtype=np.int32), count), list(motion.names)
        ),
        'x': track.keypoints[..., 0].ravel(),
        'y': track.keypoints[..., 1].ravel(),
        'score': track.scores.ravel(),
        'origin': pyarrow.DictionaryArray.from_arrays(
            track.origin.ravel().astype(np.int32), origins
        ),
    }
    for name, titles in COLUMNS_3D.items():
        if (metres := getattr(track, name)) is not None:
            columns |= zip(titles, metres.reshape(-1, 3).T)
    return pyarrow.table(
        {
            name: pyarrow.array(np.ascontiguousarray(values), from_pandas=True)
            if isinstance(values, np.ndarray)
            else values
            for name, values in columns.items()
        }
    )


@register(
    'csv',
    '.csv',
    'a table, a row for each point of each frame, a file a person',
    is_3d=False,
    libraries=('pyarrow', 'pyarrow.csv'),
)
def encode_csv(motion: Motion) -> bytes:
    """A CSV file of a person; what is missing is empty."""
    file = io.BytesIO()
    library('pyarrow.csv').write_csv(_table(motion), file)
    return file.getvalue()


@register(
    'parquet',
    '.parquet',
    'the same as Parquet',
    is_3d=False,
    libraries=('pyarrow', 'pyarrow.parquet'),
)
def encode_parquet(motion: Motion) -> bytes:
    """A Parquet file of a person."""
    file = io.BytesIO()
    library('pyarrow.parquet').write_table(_table(motion), file)
    return file.getvalue()


@register('npz', '.npz', 'arrays for NumPy, a file a person', is_3d=False)
def encode_npz(motion: Motion) -> bytes:
    """An NPZ file of a person: the attributes of :class:`Track`, ``names`` (K, ),
    ``rate``, and where they are known ``size``, ``world_camera``, and in 3D the
    rotations of :class:`Animation`: ``joints`` (J, ), ``parents`` (J, ), ``offsets``
    (J, 3), ``root`` (T, 3), ``rotations`` (T, J, 4) and ``known`` (T, J)."""
    track = only_track(motion)
    arrays: dict[str, Any] = dict(names=motion.names, rate=motion.rate)
    arrays |= {item.name: getattr(track, item.name) for item in fields(track)}
    arrays |= dict(size=motion.size, world_camera=motion.world_camera)
    if track.keypoints_3d_cam is not None:
        animation = fit_rotations(world_of(track), motion.names, track.times)
        arrays |= {**vars(animation), 'joints': NAMES, 'parents': PARENTS}
    file = io.BytesIO()
    np.savez_compressed(
        file, **{name: value for name, value in arrays.items() if value is not None}
    )
    return file.getvalue()
