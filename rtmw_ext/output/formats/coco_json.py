"""COCO's and COCO-WholeBody's result list.

Sources: https://cocodataset.org/#format-results, "Keypoint Detection";
https://github.com/jin-s13/COCO-WholeBody, "Evaluation".
"""

import re
from pathlib import Path, PurePosixPath

from ...core.people import People
from ...core.skeleton import FIELDS, NUM_KEYPOINTS
from ..base import RunFile, register, scored_keypoints
from ..files import ListFile
from ..records import plain

#: A name that is a number which JSON readers hold exactly.
NUMBER = re.compile('[0-9]{1,15}')


@register('coco', "coco_results.json, COCO's or COCO-WholeBody's result list")
class CocoJson(RunFile):
    """``coco_results.json``: one row per person, see :func:`coco_rows`.
    ``image_id`` is unique: the number that an image's name is, else the next
    that is free; ``file_name`` and ``frame`` say which image or frame it was,
    and the file of the records names the images without people, too."""

    file_name = 'coco_results.json'

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._last = 0
        #: Those of images by their names, and those kept for images to come.
        self._numbers: set[int] = set()
        self._kept: dict[str, int] = {}
        self._list: ListFile | None = None

    def expect(self, names: list[str]) -> None:
        # Their numbers are kept for them.
        for name in names:
            number = _number(name)
            if number is not None and number not in self._numbers:
                self._numbers.add(number)
                self._kept[name] = number

    def _image_id(self, name: str, frame: int | None) -> int:
        if frame is None:
            if name not in self._kept and (_number(name) or 0) > self._last:
                self.expect([name])
            if name in self._kept:
                return self._kept.pop(name)
        self._last += 1
        while self._last in self._numbers:
            self._last += 1
        return self._last

    def add(
        self,
        name: str,
        frame: int | None,
        people: People,
        time: float | None = None,
    ) -> None:
        image_id = self._image_id(name, frame)
        self.records.add(name, frame, time, people, dict(image_id=image_id))
        if self._list is None:
            self._list = ListFile(self.path)
        for row in coco_rows(people, image_id):
            self._list.add(dict(row, file_name=name, frame=frame))

    def close(self) -> None:
        if self._list is not None:
            self.records.close()
            self._list.close()
            self._list = None


def _number(name: str) -> int | None:
    """The number that the name of an image is, without its folder."""
    stem = PurePosixPath(name).name
    return int(stem) if NUMBER.fullmatch(stem) else None


def coco_rows(people: People, image_id: int) -> list[dict]:
    """COCO's rows of the people of one image: COCO-WholeBody's of the 133 points,
    else all points in ``keypoints``, as COCO has its 17 and Halpe its 26.

    Returns:
        One dict per person: ``image_id``, ``category_id``, ``bbox``
        [x, y, w, h] in pixels, ``score`` (the box's times the mean of the
        points'), the points' fields, each a flat list of x, y, score, and
        beyond COCO's ``box_score`` and, where there are any, ``track_id`` and
        ``origin``.
    """
    rows = []
    whole = people.keypoints.shape[1] == NUM_KEYPOINTS
    fields = FIELDS if whole else {'keypoints': slice(None)}
    boxes = people.boxes.astype(float)
    sizes = boxes[:, 2:] - boxes[:, :2]
    for number, points in enumerate(scored_keypoints(people)):
        row = dict(
            image_id=image_id,
            category_id=1,
            bbox=plain(boxes[number, :2]) + plain(sizes[number]),
            score=plain(people.box_scores[number] * people.scores[number].mean()),
            box_score=plain(people.box_scores[number]),
        )
        for field, part in fields.items():
            row[field] = plain(points[part].ravel())
        if people.ids is not None:
            row['track_id'] = int(people.ids[number])
        if people.origin is not None:
            row['origin'] = plain(people.origin[number])
        rows.append(row)
    return rows
