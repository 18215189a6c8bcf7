"""Which annotations can be used, and what is said about those that cannot.

The one place where broken samples are skipped: each annotation file gives one
warning, which names the first sample of every problem and counts the others.
"""

import json
import logging
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
    except ValueError as error:
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
    """Collects why samples of a file are skipped, and says it once."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.problems: dict[str, list] = {}

    def add(self, sample: Any, kind: str, detail: str = '') -> None:
        """Counts a problem.

        Args:
            sample: What names the sample, an id say.
            kind: The problem; equal ones are counted.
            detail: What differs from sample to sample.
        """
        first = self.problems.setdefault(
            kind, [0, f'{sample}: {detail}' if detail else f'{sample}']
        )
        first[0] += 1

    def warn(self) -> None:
        """Logs one warning with all problems, if there are any."""
        if not self.problems:
            return
        total = sum(count for count, _ in self.problems.values())
        text = '; '.join(
            f'{kind} (annotation {first}'
            + (f' and {count - 1} more)' if count > 1 else ')')
            for kind, (count, first) in self.problems.items()
        )
        print_log(
            f'{self.path}: {total} annotation{"s" * (total > 1)} skipped: {text}',
            logger='current',
            level=logging.WARNING,
        )


def find_problem(
    annotation: dict,
    image: dict | None,
    fields: tuple[tuple[str, int], ...],
    categories: set | None = None,
) -> tuple[str, str] | None:
    """What makes a COCO-style annotation unusable.

    Args:
        annotation: The annotation.
        image: Its image entry; ``width`` and ``height`` are used where present.
        fields: (name, number of values) of lists that it needs.
        categories: Ids of the categories that are people or parts of them;
            None allows all.

    Returns:
        (kind, detail) for :class:`SkipReport`, None for a usable one.
    """
    if image is None:
        return 'its image is not listed', str(annotation.get('image_id'))
    for field in ('id', 'image_id', 'bbox'):
        if field not in annotation:
            return f'it has no "{field}"', ''
    category = annotation.get('category_id')
    if categories is not None and category not in categories:
        return 'its category is no person', f'category_id {category}'
    for field, count in fields:
        values = annotation.get(field)
        if values is None:
            return f'it has no "{field}"', ''
        try:
            values = np.asarray(values, dtype=float)
        except (TypeError, ValueError):
            return f'"{field}" is not a list of numbers', ''
        if values.size != count:
            return (f'"{field}" does not have {count} values', f'{values.size} values')
        if not np.isfinite(values).all():
            return f'"{field}" holds NaN or infinity', ''
    return find_box_problem(annotation['bbox'], image.get('width'), image.get('height'))


def find_box_problem(
    box: list[float], width: int | None = None, height: int | None = None
) -> tuple[str, str] | None:
    """What makes a box unusable; see :func:`find_problem`.

    Args:
        box: x, y, w, h in pixels.
        width: Of the image, in pixels, where it is known.
        height: Of the image, in pixels, where it is known.
    """
    try:
        array = np.asarray(box, dtype=float)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.shape != (4,) or not np.isfinite(array).all():
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
