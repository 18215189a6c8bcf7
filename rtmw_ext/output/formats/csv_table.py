"""A table for spreadsheets and statistics programs."""

import csv
from pathlib import Path

from ...core.people import People
from ...core.skeleton import keypoint_names
from ..base import ResultFormat, register

COLUMNS = ('image', 'frame', 'person', 'point', 'name', 'x', 'y', 'score')
COLUMNS_3D = ('x_3d', 'y_3d', 'z_3d')


@register('csv', 'keypoints.csv, a row for each point of each person')
class CsvTable(ResultFormat):
    """``keypoints.csv``: a row for each point of each person. ``x`` and ``y``
    are pixels with 3 decimals; the columns of 3D are metres from the hips
    with 5, empty for 2D models. ``person`` is the id, or the number in the
    image."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file = (folder / 'keypoints.csv').open('w', newline='')
        self.rows = csv.writer(self.file)
        self.rows.writerow((*COLUMNS, *COLUMNS_3D))

    def add(self, name: str, frame: int | None, people: People) -> None:
        names = keypoint_names(people.keypoints.shape[1])
        for number in range(len(people)):
            person = number if people.ids is None else people.ids[number]
            for point, (x, y) in enumerate(people.keypoints[number]):
                metres = [''] * 3
                if people.keypoints_3d is not None:
                    metres = [
                        f'{value:.5f}' for value in people.keypoints_3d[number, point]
                    ]
                self.rows.writerow(
                    (
                        name,
                        '' if frame is None else frame,
                        person,
                        point,
                        names[point],
                        f'{x:.3f}',
                        f'{y:.3f}',
                        f'{people.scores[number, point]:.5f}',
                        *metres,
                    )
                )
        self.file.flush()

    def close(self) -> None:
        self.file.close()
