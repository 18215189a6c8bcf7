"""A table for spreadsheets and statistics programs."""

import csv
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ...core.people import COLUMNS_3D, People
from ...core.skeleton import keypoint_names
from ..base import RunFile, register
from ..files import open_new

COLUMNS = ('image', 'frame', 'person', 'point', 'name', 'x', 'y', 'score')


@register('csv', 'keypoints.csv, a row for each point of each person')
class CsvTable(RunFile):
    """``keypoints.csv``: a row for each point of each person. ``x`` and ``y``
    are pixels with 3 decimals; the columns of 3D are metres from the hips and
    from the camera with 5, empty for 2D models. ``person`` is the id, or the
    number in the image; ``time`` is in seconds, ``id`` empty for images. ``origin``
    and ``x_world`` ... are columns where the first people have them."""

    file_name = 'keypoints.csv'

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._file: TextIO | None = None
        self._rows: Any = None
        self._metres: list[str] = []
        self._more: list[str] = []

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
            self._more = [] if people.origin is None else ['origin']
            self._metres = [
                key for key in COLUMNS_3D if key != 'world' or people.world is not None
            ]
            metres = sum((COLUMNS_3D[key] for key in self._metres), ())
            self._rows.writerow((*COLUMNS, *metres, 'time', 'id', *self._more))
        names = keypoint_names(people.keypoints.shape[1])
        clock = '' if time is None else f'{time:.6f}'
        count, points = len(people), range(len(names))
        # Python's numbers are formatted faster than NumPy's.
        pixels, scores = people.keypoints.tolist(), people.scores.tolist()
        metres = np.concatenate(
            [
                np.full((count, len(names), 3), np.nan) if array is None else array
                for array in (getattr(people, key) for key in self._metres)
            ],
            axis=2,
        ).tolist()
        for number in range(count):
            identity = '' if people.ids is None else int(people.ids[number])
            person = number if people.ids is None else identity
            place = (name, '' if frame is None else frame, person)
            # The columns are those of the first people.
            origin = None if people.origin is None else people.origin[number].tolist()
            more = [[origin[p] if origin else ''] * len(self._more) for p in points]
            self._rows.writerows(
                (
                    *place,
                    point,
                    names[point],
                    f'{x:.3f}',
                    f'{y:.3f}',
                    f'{score:.5f}',
                    *('' if value != value else f'{value:.5f}' for value in space),
                    clock,
                    identity,
                    *more[point],
                )
                for point, ((x, y), score, space) in enumerate(
                    zip(pixels[number], scores[number], metres[number])
                )
            )
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self.records.close()
            self._file.close()
            self._file = None
