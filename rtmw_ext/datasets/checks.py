"""Which annotations can be used, and what is said about those that cannot.

The one place where broken rows are found. In training they are skipped: each
annotation file gives one warning, which names the first row of every problem and
counts the others. In evaluation they are an error, since a figure without these
people would be that of another dataset.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from ..core.errors import RTMWError


class AnnotationError(RTMWError, ValueError):
    """An annotation cannot be used; the text names it and what is wrong."""


def read_json(path: str | Path, kind: type = dict, keys: tuple[str, ...] = ()) -> Any:
    """The content of a JSON annotation file.

    Args:
        path: The file.
        kind: What the file holds at its top.
        keys: Keys that it needs.

    Raises:
        AnnotationError: The file is missing, is no JSON (cut off, say), or
            holds something else.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise AnnotationError(missing(path)) from None
    except OSError as error:
        raise AnnotationError(
            f'annotation file {path} cannot be read ({error.strerror}): give a file '
            'that can'
        ) from None
    except (ValueError, RecursionError) as error:
        raise AnnotationError(
            f'annotation file {path} is not valid JSON ({error}): it may be '
            'cut off, fetch it again'
        ) from None
    if not isinstance(content, kind):
        raise AnnotationError(
            f'annotation file {path} holds a {type(content).__name__}, not a '
            f'{kind.__name__}: it is not in the format of this dataset'
        )
    absent = [key for key in keys if key not in content]
    if absent:
        raise AnnotationError(
            f'annotation file {path} has no {" and no ".join(absent)}: it is '
            'not in COCO format'
        )
    return content


HOW_TO_GET = 'put the dataset there (tools/dataset/prepare.py says how)'


def missing(path: str | Path, how_to_get: str = HOW_TO_GET) -> str:
    """The error text for an annotation file that is not there."""
    return (
        f'annotation file {path} does not exist: {how_to_get}, or set '
        'data_root and ann_file of the dataset in the config'
    )


class SkipReport:
    """Collects the rows of a file that cannot be used, and says it once."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.problems: dict[str, list] = {}
        self.grave = False

    def add(
        self, row: Any, kind: str, detail: str = '', *, grave: bool = False
    ) -> None:
        """Counts a problem.

        Args:
            row: What names the row, an annotation's id say.
            kind: The problem; equal ones are counted.
            detail: What differs from row to row.
            grave: Whether an evaluation without the row would be wrong.
        """
        name = row if str(row).startswith('image ') else f'annotation {row}'
        first = self.problems.setdefault(
            kind, [0, f'{name}: {detail}' if detail else name]
        )
        first[0] += 1
        self.grave |= grave

    def text(self) -> str:
        """All problems, '' without any."""
        return '; '.join(
            f'{kind} ({first}' + (f' and {count - 1} more)' if count > 1 else ')')
            for kind, (count, first) in self.problems.items()
        )

    def warn(self) -> None:
        """Logs one warning with all problems, if there are any."""
        if not self.problems:
            return
        total = sum(count for count, _ in self.problems.values())
        print_log(
            f'{self.path}: {total} annotation{"s" * (total > 1)} skipped: '
            f'{self.text()}',
            logger='current',
            level=logging.WARNING,
        )

    def close(self, evaluation: bool) -> None:
        """Says what there is to say of a file that has been read.

        Raises:
            AnnotationError: A problem is grave, and the file is evaluated on.
        """
        if evaluation and self.grave:
            raise AnnotationError(
                f'annotation file {self.path} cannot be evaluated on: '
                f'{self.text()}; correct or delete these rows'
            )
        self.warn()


def name_of(annotation: Any, number: int) -> Any:
    """What names an annotation to its user: its id, else its number in the file."""
    named = isinstance(annotation, dict) and annotation.get('id')
    return f'number {number}' if named in (None, False) else named


#: Beyond it, pixels are no pixels, and float32 has no room for their squares.
LARGEST = 1e9


def to_numbers(values: Any) -> np.ndarray | None:
    """Nested numbers, or texts of numbers, as float64; None for others.

    null becomes NaN, as some tools write points that are not labelled. true and
    false are no numbers.
    """
    if isinstance(values, list) and bool in set(map(type, values)):
        return None
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return array


def to_number(value: Any) -> float | None:
    """A number or the text of one; None for anything else."""
    array = None if isinstance(value, (bool, type(None))) else to_numbers(value)
    return float(array) if array is not None and array.ndim == 0 else None


@dataclass(frozen=True)
class Categories:
    """Those of a file, as of ``identity``.

    Attributes:
        listed: Ids that rows may have, None for rows that name none; empty for any.
        people: Ids of people or of parts of them; None for all.
    """

    listed: frozenset[int | str | None] = frozenset()
    people: frozenset[int | str | None] | None = None


def find_problem(
    annotation: Any,
    image: dict | None,
    fields: tuple[tuple[str, int], ...],
    categories: Categories = Categories(),
) -> tuple[str, str] | None:
    """What makes a COCO-style annotation unusable.

    Args:
        annotation: The annotation.
        image: Its image entry; ``width`` and ``height`` are used where present.
        fields: (name, number of values) of lists that it needs.
        categories: Of the file.

    Returns:
        (kind, detail) for :class:`SkipReport`, None for a usable one.
    """
    if not isinstance(annotation, dict):
        return 'it is no object of names and values', type(annotation).__name__
    if 'image_id' not in annotation:
        return 'it has no "image_id"', ''
    if image is None:
        return 'its image is not listed', str(annotation['image_id'])
    if annotation.get('id') is not None and identity(annotation['id']) is None:
        return '"id" is neither a whole number nor a text', str(annotation['id'])
    category = identity(annotation.get('category_id'))
    named = f'category_id {annotation.get("category_id")}'
    if categories.listed and category not in categories.listed:
        return 'its category is not listed', named
    if categories.people is not None and category not in categories.people:
        return NO_PERSON, named
    if 'bbox' not in annotation:
        return 'it has no "bbox"', ''
    for field, count in fields:
        values = annotation.get(field)
        if values is None:
            return f'it has no "{field}"', ''
        values = to_numbers(values)
        if values is None:
            return f'"{field}" is not a list of numbers', ''
        if values.size != count:
            return (f'"{field}" does not have {count} values', f'{values.size} values')
        if not (np.abs(known_values(field, values)) < LARGEST).all():
            return f'"{field}" holds NaN, infinity or numbers over {LARGEST:g}', ''
    for field in ('area', 'num_keypoints'):
        value = annotation.get(field)
        if value is not None and to_number(value) is None:
            return f'"{field}" is no number', str(value)
    crowd = annotation.get('iscrowd')
    if not isinstance(crowd, (bool, type(None))) and to_number(crowd) not in (0, 1):
        return '"iscrowd" is neither 0 nor 1', str(crowd)
    return find_box_problem(annotation['bbox'], image.get('width'), image.get('height'))


#: The one problem that is none: files may list things that are no people.
NO_PERSON = 'its category is no person'


def counts(annotation: Any, problem: tuple[str, str]) -> bool:
    """Whether an evaluation without a broken row would be wrong: not where it is
    no person, a crowd, or has no visible point."""
    if problem[0] == NO_PERSON:
        return False
    if not isinstance(annotation, dict):
        return True
    points = to_numbers(annotation.get('keypoints'))
    blank = (
        annotation.get('num_keypoints') == 0 and points is not None and not points.any()
    )
    return not blank and annotation.get('iscrowd') not in (1, True)


def holds_points(field: str) -> bool:
    """Whether a list of an annotation is x, y and visibility of points."""
    return field.startswith('keypoints') or field.endswith('_kpts')


def known_values(field: str, values: np.ndarray) -> np.ndarray:
    """The flat values of a list, with 0 for x and y of points that have
    visibility 0: what stands there means nothing."""
    if not holds_points(field):
        return values.reshape(-1)
    points = values.reshape(-1, 3)
    return np.where(points[:, 2:] == 0, 0, points).reshape(-1)


def identity(value: Any) -> int | str | None:
    """What an id names: a whole number, also where it is written as 5.0 or
    "5", or a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value) if value == '0' or value[0] != '0' else value
    return value if value != '' else None


def find_box_problem(
    box: list[float], width: float | None = None, height: float | None = None
) -> tuple[str, str] | None:
    """What makes a box unusable; see :func:`find_problem`.

    Args:
        box: x, y, w, h in pixels.
        width: Of the image, in pixels, where it is known.
        height: Of the image, in pixels, where it is known.
    """
    array = to_numbers(box)
    if array is None or array.shape != (4,) or not (np.abs(array) < LARGEST).all():
        return 'its box is not four finite numbers', str(box)
    x, y, w, h = array
    if w <= 0 or h <= 0:
        return 'its box has no area', str(box)
    if (
        min(x + w, y + h) <= 0
        or (width is not None and x >= width - 1)
        or (height is not None and y >= height - 1)
    ):
        return ('its box lies outside the image', f'{box} in {width} x {height} pixels')
    return None
