"""COCO-WholeBody's result list.

Source: https://github.com/jin-s13/COCO-WholeBody, "Evaluation".
"""

import json
from pathlib import Path

from ...core.people import People
from ...core.skeleton import FIELDS
from ..base import ResultFormat, check_whole_body, register, scored_keypoints


@register('coco', "coco_results.json, COCO-WholeBody's result list")
class CocoJson(ResultFormat):
    """``coco_results.json``: one row per person, see :func:`coco_rows`.
    ``image_id`` is the number that an image's name is, else a running one;
    ``file_name`` and ``frame`` say which image or frame it was."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.count = 0
        self.rows: list[dict] = []

    def add(self, name: str, frame: int | None, people: People) -> None:
        self.count += 1
        numbered = frame is None and name.isdigit()
        self.rows += [
            dict(row, file_name=name, frame=frame)
            for row in coco_rows(people, int(name) if numbered else self.count)
        ]

    def close(self) -> None:
        (self.folder / 'coco_results.json').write_text(json.dumps(self.rows))


def coco_rows(people: People, image_id: int) -> list[dict]:
    """COCO-WholeBody's rows of the people of one image.

    Returns:
        One dict per person: ``image_id``, ``category_id``, ``bbox``
        [x, y, w, h] in pixels, ``score`` (the box's times the mean of the
        points') and the points' fields, each a flat list of x, y, score.

    Raises:
        ResultError: The people have other keypoints than the 133.
    """
    check_whole_body(people, 'COCO')
    rows = []
    for points, (x1, y1, x2, y2), score in zip(
        scored_keypoints(people),
        people.boxes.tolist(),
        people.box_scores * people.scores.mean(1),
    ):
        row = dict(
            image_id=image_id,
            category_id=1,
            bbox=[x1, y1, x2 - x1, y2 - y1],
            score=float(score),
        )
        for field, part in FIELDS.items():
            row[field] = points[part].ravel().tolist()
        rows.append(row)
    return rows
