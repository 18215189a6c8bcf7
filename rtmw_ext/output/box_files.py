"""Boxes of people from files: whom to look at, in place of a detector.

Shapes: N boxes of an image or frame; boxes are (N, 5) float32 x1, y1, x2, y2 in pixels
and the score.
"""

import csv
import json
import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.crops import BoxError, box_scores, check_boxes
from .base import ResultError
from .reading import DAMAGES, read

#: Names of columns, in small letters, and the columns without a first line.
IMAGE = ('image', 'file', 'file_name', 'filename', 'path', 'image_path')
CORNERS = ('x1', 'y1', 'x2', 'y2')
SCORE = ('score', 'confidence', 'conf')
#: Of people in COCO.
PERSON, PERSON_ID = 'person', 1

#: {image: its frames and their rows}.
Rows = dict[str, list[tuple[int | None, Any]]]
#: The parts of a path.
Parts = tuple[str, ...]


@dataclass
class ImageBoxes:
    """Boxes of an image or video.

    Attributes:
        name: As the file has it.
        frames: {number of the frame, None for images: boxes (N, 5)}.
    """

    name: str
    frames: dict[int | None, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parts = _parts(self.name)


class BoxFile:
    """Boxes of the people of images and videos.

    A row is of a file if the one's path is the end of the other's; where a row has no
    suffix, as results have, its name is the stem. A number is also the stem that it
    is with zeros in front, as COCO's ids are.

    Args:
        path: COCO's annotations or result list (JSON), results of ``rtmw infer`` in
            any format, or a table (CSV) with the columns ``image``, ``x1``, ``y1``,
            ``x2``, ``y2`` and perhaps ``score`` and ``frame``.
        least: Boxes with lower scores are left out.

    Raises:
        BoxError: The file cannot be read, or a box has no area or is not finite.
    """

    def __init__(self, path: str | Path, least: float = 0.0) -> None:
        self.path = Path(path)
        self._matched: dict[str, ImageBoxes] = {}
        self.images = [
            ImageBoxes(
                name,
                {
                    frame: _checked(self.path, name, rows, least)
                    for frame, rows in where
                },
            )
            for name, where in self._read().items()
        ]

    def _read(self) -> Rows:
        try:
            content = _content(self.path)
            if isinstance(content, dict) and {'images', 'annotations'} <= {*content}:
                return _coco_annotations(content)
            if isinstance(content, list) and _is_coco(content):
                return _coco_results(content)
            if self.path.suffix.lower() == '.csv' and content is not None:
                return _table(content)
            return _results(self.path)
        except BoxError as error:
            raise BoxError(f'boxes {self.path}: {error}') from None
        except OSError as error:
            raise BoxError(
                f'boxes {self.path} cannot be read ({error.strerror}): check the path'
            ) from None
        except (ResultError, *DAMAGES) as error:
            reason = ' '.join(str(error).split())[:200]
            raise BoxError(
                f'boxes {self.path} cannot be read ({type(error).__name__}: {reason}): '
                'give COCO JSON, results of rtmw infer, or a CSV with image, x1, y1, '
                'x2, y2; --draw-boxes draws boxes'
            ) from None

    def match(self, sources: Sequence[str]) -> list[str]:
        """Finds the boxes of files.

        Returns:
            The files that have none.

        Raises:
            BoxError: It is not clear of which file a row is.
        """
        by_name = defaultdict(list)
        for image in self.images:
            for key in _keys(image.parts[-1]):
                by_name[key].append(image)
        owners: dict[int, str] = {}
        missing = []
        for source in dict.fromkeys(sources):
            parts = _parts(os.path.abspath(source))
            found = {
                id(image): (image, shared)
                for key in _keys(parts[-1])
                for image in by_name[key]
                if (shared := _agreement(image.parts, parts))
            }
            most = max((shared for _, shared in found.values()), default=0)
            best = [image for image, shared in found.values() if shared == most]
            if not best:
                missing.append(source)
                continue
            other = owners.setdefault(id(best[0]), source)
            if len(best) > 1 or os.path.abspath(other) != os.path.abspath(source):
                rows = ' and '.join(image.name for image in best)
                files = source if len(best) > 1 else f'{other} and {source}'
                raise BoxError(
                    f'boxes {self.path}: {rows} could be of {files}: write more of '
                    'their paths'
                )
            self._matched[source] = best[0]
        return missing

    def boxes_of(self, source: str, frame: int | None = None) -> np.ndarray:
        """(N, 5) of a file of :meth:`match`; N is 0 where the file has none.

        Args:
            source: The file.
            frame: Of a video; None for an image.

        Raises:
            BoxError: The file has boxes of frames for an image, or the reverse.
        """
        image = self._matched.get(source)
        frames = image.frames if image else {}
        if frames and (None in frames) != (frame is None):
            raise BoxError(
                f'boxes {self.path}: those of {source} '
                + (
                    'name frames, but it is an image: leave the column frame empty'
                    if frame is None
                    else 'name no frames: add the column frame, which counts from 0'
                )
            )
        return frames.get(frame, np.zeros((0, 5), np.float32))


def _checked(path: Path, name: str, rows: Any, least: float) -> np.ndarray:
    try:
        scores = box_scores(rows)
        boxes = np.column_stack([check_boxes(rows), scores]).astype(np.float32)
    except BoxError as error:
        raise BoxError(f'boxes {path}: {name}: {error}') from None
    return boxes[scores >= least]


def _parts(name: str) -> Parts:
    path = posixpath.normpath(name.replace('\\', '/'))
    return tuple(part for part in path.split('/') if part not in ('', '.', '..'))


def _keys(name: str) -> set[str]:
    """What a name may have in common with that of its image."""
    stem = os.path.splitext(name)[0]
    return {name, stem, *(str(int(text)) for text in (name, stem) if _is_number(text))}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _agreement(row: Parts, file: Parts) -> int:
    """Parts that a row and a file share from their ends; 0 if they differ."""
    stem = os.path.splitext(file[-1])[0]
    same = row[-1] in (file[-1], stem) or (
        _is_number(row[-1]) and _is_number(stem) and int(row[-1]) == int(stem)
    )
    above = list(zip(row[-2::-1], file[-2::-1]))
    return len(above) + 1 if same and all(one == two for one, two in above) else 0


def _content(path: Path) -> Any:
    """Of JSON and CSV; None where :func:`read` knows the file."""
    suffix = path.suffix.lower()
    if path.is_dir() or suffix not in ('.json', '.csv'):
        return None
    text = path.read_text(encoding='utf-8-sig')
    if suffix == '.json':
        return json.loads(text)
    rows = [row for row in csv.reader(text.splitlines()) if any(map(str.strip, row))]
    named = rows and 'point' in rows[0]
    return None if named else rows


def _grouped(
    rows: Iterable[tuple[str, int | None, Sequence[float]]],
) -> Rows:
    """Rows of image, frame and numbers, by image and frame."""
    frames: dict[str, dict[int | None, list]] = {}
    for name, frame, numbers in rows:
        frames.setdefault(name, {}).setdefault(frame, []).append(numbers)
    return {name: [*found.items()] for name, found in frames.items()}


def _table(rows: list[list[str]]) -> Rows:
    if not rows:
        raise BoxError('it is empty: write a line of names, and one for each box')
    names = [name.strip().lower() for name in rows[0]]
    if set(CORNERS) <= {*names}:
        rows = rows[1:]
    else:
        names = [IMAGE[0], *CORNERS, SCORE[0]]
    places = {name: number for number, name in enumerate(names)}
    image, score = (
        next((places[name] for name in known if name in places), None)
        for known in (IMAGE, SCORE)
    )
    if image is None:
        raise BoxError(f'no column is called {IMAGE[0]}: its columns are {names}')
    found = []
    for number, row in enumerate(rows, 1):
        try:
            corners = [float(row[places[name]]) for name in CORNERS]
            sure = row[score].strip() if score is not None and score < len(row) else ''
            frame = row[places['frame']].strip() if 'frame' in places else ''
            place = row[image].strip(), int(frame) if frame else None
            found.append((*place, [*corners, float(sure or 1)]))
        except (ValueError, LookupError):
            raise BoxError(
                f'row {number} is {row}: it must be {", ".join(names)}'
            ) from None
    return _grouped(found)


def _is_coco(rows: list) -> bool:
    """Whether it is a result list of COCO; ours, with more in it, is not meant."""
    first = rows[0] if rows else None
    return isinstance(first, dict) and 'image_id' in first and 'box_score' not in first


def _corners(row: dict) -> list[float]:
    if 'bbox' not in row:
        raise BoxError(f'a row of image {row.get("image_id")} has no bbox: {[*row]}')
    x, y, width, height = map(float, row['bbox'])
    return [x, y, x + width, y + height, float(row.get('score', 1))]


def _coco_results(rows: list[dict]) -> Rows:
    categories = {row.get('category_id') for row in rows}
    # One category alone is that of people, whatever its number is.
    people = [
        row
        for row in rows
        if row.get('category_id') == PERSON_ID or len(categories) == 1
    ]
    if not people:
        raise BoxError(f'no row has category {PERSON_ID}, which is a person')
    return _grouped(
        (str(row.get('file_name', row['image_id'])), None, _corners(row))
        for row in people
    )


def _coco_annotations(content: dict) -> Rows:
    names = {row['id']: str(row['file_name']) for row in content['images']}
    categories = content.get('categories') or []
    people = {row['id'] for row in categories if row.get('name') == PERSON}
    people = people or {PERSON_ID}
    found: Rows = {name: [(None, [])] for name in names.values()}
    return found | _grouped(
        (names[row['image_id']], None, _corners(row))
        for row in content['annotations']
        if row.get('category_id', PERSON_ID) in people and not row.get('iscrowd')
    )


def _results(path: Path) -> Rows:
    results = read(path)
    found: Rows = {}
    for frame in results:
        given = results.sources.get(frame.source, {}).get('path')
        # A path of another machine says less than the name.
        here = isinstance(given, str) and (
            not os.path.isabs(given) or os.path.exists(given)
        )
        boxes = np.column_stack([frame.people.boxes, frame.people.box_scores])
        name = str(given) if here else frame.source
        found.setdefault(name, []).append((frame.frame, boxes))
    return found
