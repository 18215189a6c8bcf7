"""COCO files as people's tools write them, in one form.

Training and evaluation read files here, so that both have the same people: ids
become whole numbers, no two alike; there is one category; what tools leave out has
one default.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from .checks import (
    LARGEST,
    AnnotationError,
    Categories,
    SkipReport,
    counts,
    find_problem,
    holds_points,
    identity,
    known_values,
    name_of,
    read_json,
    to_number,
    to_numbers,
)

#: Names of the categories that we want, as datasets and tools have them.
PEOPLE = {'person', 'people', 'human', 'pedestrian', 'body', 'face', 'hand'}
#: The one category of all people that have been read.
PERSON = dict(id=1, name='person')
#: A person's area in areas of the box where a file has none, as COCO's evaluation
#: takes it.
AREA = 0.53
#: EXIF's tag, and its values that swap width and height.
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)
#: Ids beyond it are not exact in every tool that reads them.
LARGEST_ID = 2**53


def read_coco(path: Path, annotations: bool = True) -> dict:
    """The lists of a COCO file.

    Args:
        path: The file.
        annotations: Whether it must list them; the files of COCO's test images
            have none.

    Returns:
        ``images``, ``annotations`` and ``categories``; lists whose rows are not
        checked.

    Raises:
        AnnotationError: The file is missing, is no JSON, or not in COCO format.
    """
    content = read_json(path, keys=('images', 'annotations')[: 1 + annotations])
    lists = {}
    for name in ('images', 'annotations', 'categories'):
        lists[name] = content.get(name)
        if lists[name] is None and name != 'images':
            lists[name] = []
        if not isinstance(lists[name], list):
            raise AnnotationError(
                f'annotation file {path}: "{name}" is a '
                f'{type(lists[name]).__name__}, not a list: it is not in COCO format'
            )
    return lists


def categories_of(path: Path, categories: list) -> Categories:
    """Which categories are people, or parts of them.

    Args:
        path: The file, for errors.
        categories: Its categories.

    Returns:
        Their ids. A single category is people, whatever its name; a row that names
        none is in it.

    Raises:
        AnnotationError: A category has no id or no name, or none is people.
    """
    listed: set[int | str | None] = set()
    people: set[int | str | None] = set()
    for number, row in enumerate(categories):
        key = identity(row.get('id')) if isinstance(row, dict) else None
        if key is None:
            raise AnnotationError(
                f'annotation file {path}: category number {number} ({row}) is no '
                'object with an "id" and a "name": write it as in COCO format'
            )
        names = {
            str(row.get(name)).strip().lower().removesuffix('s')
            for name in ('name', 'supercategory')
        }
        listed.add(key)
        if names & PEOPLE:
            people.add(key)
    if len(categories) == 1:
        listed = people = {key, None}
    if categories and not people:
        names = ', '.join(str(row.get('name')) for row in categories)
        raise AnnotationError(
            f'annotation file {path}: none of its categories ({names}) is a person: '
            'name the people\'s category "person"'
        )
    return Categories(frozenset(listed), frozenset(people) if people else None)


class Numbers:
    """Gives whole numbers to ids, no two alike: an id keeps its own where it is
    one that is free; others get -1, -2 ..."""

    def __init__(self) -> None:
        self.taken: set[int] = set()
        self.new = 0

    def __call__(self, value: int | str | None) -> int:
        """The number of the next id, one of ``identity``."""
        if (
            isinstance(value, int)
            and 0 <= value < LARGEST_ID
            and value not in self.taken
        ):
            self.taken.add(value)
            return value
        self.new -= 1
        return self.new


def image_rows(
    path: Path,
    rows: list,
    report: SkipReport,
    place: Callable[[str], str],
    numbers: Numbers,
) -> dict[int | str, dict]:
    """The images of a file that can be used.

    Args:
        path: The file, for errors.
        rows: Its images.
        report: Is told of the others.
        place: Path of an image from its name.
        numbers: Gives the ids.

    Returns:
        {identity of the id: image}. An image has ``id`` and ``img_id``, a number
        of its own; ``img_path``; ``width`` and ``height`` only where the file
        gives both.
    """
    images: dict[int | str, dict] = {}
    for number, row in enumerate(rows):
        name = f'image number {number}'
        if not isinstance(row, dict):
            report.add(name, 'it is no object of names and values', type(row).__name__)
            continue
        key, file = identity(row.get('id')), row.get('file_name')
        if key is None:
            report.add(
                name,
                '"id" is neither a whole number nor a text',
                str(row.get('id')),
            )
        elif not isinstance(file, str) or not file.strip() or '\0' in file:
            report.add(name, 'its "file_name" is no name of a file', str(file))
        elif key in images and images[key]['file_name'] != file:
            raise AnnotationError(
                f'annotation file {path}: images {images[key]["file_name"]} and '
                f'{file} both have id {row["id"]}: give each its own'
            )
        else:
            images.setdefault(key, dict(row, img_path=place(file)))
    for key, image in images.items():
        image['id'] = image['img_id'] = numbers(key)
        size = [to_number(image.pop(side, None)) for side in ('width', 'height')]
        if all(side is not None and 0 < side < 2**31 for side in size):
            image['width'], image['height'] = map(int, size)  # type: ignore[arg-type]
    return images


def join(folder: str | Path, name: str) -> str:
    """Path of an image below a folder; a name with ``\\`` is a Windows path where
    no file has it."""
    path = Path(folder) / name
    if '\\' in name and not path.exists():
        path = Path(folder) / name.replace('\\', '/')
    return str(path)


def measured(image: dict) -> dict:
    """The image with a size for boxes to be clipped at: the file's, else the
    picture's, else without bounds."""
    if 'width' in image:
        return image
    try:
        with Image.open(image['img_path']) as picture:
            width, height = picture.size
            if picture.getexif().get(ORIENTATION, 1) in TURNED:
                width, height = height, width
    except Exception:
        # A broken picture is named where it is loaded.
        width = height = math.inf
    return dict(image, width=width, height=height)


def tidy(
    annotation: dict, image: dict, number: int, fields: tuple[tuple[str, int], ...]
) -> dict:
    """A sound annotation in one form.

    Args:
        annotation: One without a problem (``find_problem``).
        image: Its image.
        number: Its id.
        fields: (name, number of values) of its lists.

    Returns:
        A copy with the numbers of ``image`` and its own, the category of
        ``PERSON``, lists of floats (flat ones of points), and ``area``, ``iscrowd`` and
        ``num_keypoints``.
    """
    clean = dict(annotation, id=number, image_id=image['id'], category_id=PERSON['id'])
    visible = 0
    for field, _ in fields:
        values = to_numbers(annotation[field])
        if holds_points(field):
            values = known_values(field, values)
            values[2::3] = values[2::3].clip(min=0)
            visible += int(np.count_nonzero(values[2::3]))
        clean[field] = values.tolist()
    clean['bbox'] = to_numbers(annotation['bbox']).tolist()
    area = to_number(annotation.get('area'))
    if area is None or not 0 < area < LARGEST**2:
        area = AREA * clean['bbox'][2] * clean['bbox'][3]
    clean['area'] = area
    crowd = annotation.get('iscrowd')
    clean['iscrowd'] = int(crowd if isinstance(crowd, bool) else to_number(crowd) or 0)
    count = to_number(annotation.get('num_keypoints'))
    known = count is not None and 0 <= count < LARGEST
    clean['num_keypoints'] = int(count) if known else visible
    return clean


def read_people(path: str | Path, folder: str | Path) -> dict[str, list[dict]]:
    """The people of a COCO file for an evaluation of their boxes.

    Args:
        path: The file.
        folder: Of its images.

    Returns:
        A file in COCO format: ``images`` as of :func:`image_rows`, ``annotations``
        as of :func:`tidy`, ``categories``.

    Raises:
        AnnotationError: The file cannot be read, or a person cannot be used.
    """
    path = Path(path)
    content, report = read_coco(path), SkipReport(path)
    categories = categories_of(path, content['categories'])
    images = image_rows(
        path, content['images'], report, lambda name: join(folder, name), Numbers()
    )
    people: list[dict] = []
    for number, row in enumerate(content['annotations']):
        key = identity(row.get('image_id')) if isinstance(row, dict) else None
        image = images.get(key)  # type: ignore[arg-type]
        problem = find_problem(row, image, (), categories)
        if problem is not None:
            grave = counts(row, problem)
            report.add(name_of(row, number), *problem, grave=grave)
        elif image is not None:
            # From 1: COCO's evaluation takes 0 for nobody.
            people.append(tidy(row, image, len(people) + 1, ()))
    report.close(evaluation=True)
    return dict(images=[*images.values()], annotations=people, categories=[PERSON])
