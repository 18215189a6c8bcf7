"""A table for spreadsheets and statistics programs."""

import csv
from pathlib import Path
from typing import Any, TextIO

from ...core.people import People
from ...core.skeleton import keypoint_names
from ..base import RunFile, register
from ..files import open_new

COLUMNS = ('image', 'frame', 'person', 'point', 'name', 'x', 'y', 'score')
#: Columns of each array of 3D points.
COLUMNS_3D = {
    'keypoints_3d': ('x_3d', 'y_3d', 'z_3d'),
    'keypoints_3d_cam': ('x_cam', 'y_cam', 'z_cam'),
}


@register('csv', 'keypoints.csv, a row for each point of each person')
class CsvTable(RunFile):
    """``keypoints.csv``: a row for each point of each person. ``x`` and ``y``
    are pixels with 3 decimals; the columns of 3D are metres from the hips and
    from the camera with 5, empty for 2D models. ``person`` is the id, or the
    number in the image; ``time`` is in seconds, ``id`` empty for images."""

    file_name = 'keypoints.csv'

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._file: TextIO | None = None
        self._rows: Any = None

    def add(
        self,
        name: str,
        frame: int | None,
        people: People,
        time: float | None = None,
    ) -> None:
        self.records.add(name, frame, time, people)
        if self._file is None:
            self._file = open_new(self.path)
            self._rows = csv.writer(self._file)
            self._rows.writerow((*COLUMNS, *sum(COLUMNS_3D.values(), ()), 'time', 'id'))
        names = keypoint_names(people.keypoints.shape[1])
        clock = '' if time is None else f'{time:.6f}'
        for number in range(len(people)):
            identity = '' if people.ids is None else int(people.ids[number])
            metres = [getattr(people, array) for array in COLUMNS_3D]
            for point, (x, y) in enumerate(people.keypoints[number]):
                self._rows.writerow(
                    (
                        name,
                        '' if frame is None else frame,
                        number if people.ids is None else identity,
                        point,
                        names[point],
                        f'{x:.3f}',
                        f'{y:.3f}',
                        f'{people.scores[number, point]:.5f}',
                        *(
                            '' if array is None else f'{array[number, point, axis]:.5f}'
                            for array in metres
                            for axis in range(3)
                        ),
                        clock,
                        identity,
                    )
                )
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self.records.close()
            self._file.close()
            self._file = None
