"""Joint angles and speeds for spreadsheets and statistics."""

import io

import numpy as np

from ..angles import angular_velocity
from ..track import Motion
from .base import library, only_track, register


@register(
    'angles',
    '.angles.csv',
    'joint angles and speeds, a row a frame, a file a person',
    is_3d=False,
    libraries=('pyarrow', 'pyarrow.csv'),
)
def encode_angles(motion: Motion) -> bytes:
    """A CSV file of a person: ``frame``, ``time`` in seconds, ``ANGLE_deg``, the
    angular velocity ``ANGLE_deg_s``, and the speeds of points in metres a second,
    ``POINT_m_s``, of 2D in pixels a second, ``POINT_px_s``. Missing values are
    empty."""
    pyarrow = library('pyarrow')
    track = only_track(motion)
    angles = track.angles()
    unit = 'px_s' if track.keypoints_3d_cam is None else 'm_s'
    columns = {
        **{f'{name}_deg': values for name, values in angles.items()},
        **{
            f'{name}_deg_s': angular_velocity(values, track.times)
            for name, values in angles.items()
        },
        **{f'{name}_{unit}': values for name, values in track.speeds().items()},
    }
    table = pyarrow.table(
        {
            'frame': track.frames,
            'time': track.times,
            **{
                name: pyarrow.array(values.astype(np.float32), from_pandas=True)
                for name, values in columns.items()
            },
        }
    )
    file = io.BytesIO()
    library('pyarrow.csv').write_csv(table, file)
    return file.getvalue()
