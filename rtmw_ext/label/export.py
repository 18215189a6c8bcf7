"""Shards of people become a data set that trainings read.

Shapes: N people, K keypoints.
"""

import os
import posixpath
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import yaml

from ..core.errors import RTMWError
from ..core.images import SUFFIXES, ImageError
from ..core.media import is_address, without_password
from ..core.people import MIN_SCORE
from ..core.skeleton import NUM_KEYPOINTS, keypoint_names, side_pairs
from ..output.annotations import wholebody_annotation
from ..output.files import part_of, to_json, write_file
from ..runtime.video import Video
from .inputs import Unit
from .places import absolute, as_file, find_place, read_bytes, suffix_of
from .reading import items_of
from .shards import facts_of, to_array

#: Of images whose names have none of images, and of frames.
SUFFIX = '.jpg'
#: Stems of the files of images.
EXPORTED = re.compile(r'\d{12}')
#: Quality of the JPEGs of frames of videos.
QUALITY = 95


class ExportError(RTMWError, ValueError):
    """Shards cannot become a data set; the text says why."""


@dataclass(frozen=True)
class Labels:
    """The people of an image.

    Attributes:
        number: Of the image, from 1.
        size: (w, h) in pixels.
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        keypoints: (N, K, 2) in pixels.
        visible: (N, K), 2 where a point counts, else 0.
    """

    number: int
    size: tuple[int, int]
    boxes: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray


def find_shards(texts: list[str]) -> list[str]:
    """The shards that folders of them, and files, stand for.

    Raises:
        ExportError: There is none.
    """
    found = []
    for text in texts:
        place, path = find_place(absolute(text))
        matches = place.glob(posixpath.join(path, 'people-*.parquet'))
        if suffix_of(path) == '.parquet':
            matches = [path]
        if not matches:
            raise ExportError(
                f'{without_password(text)} has no shards: give a folder of rtmw label'
            )
        address = is_address(text)
        found += [place.unstrip_protocol(m) if address else m for m in sorted(matches)]
    return found


def export(
    shards: list[str],
    kind: str,
    out: Path,
    split: str = 'train',
    threshold: float = MIN_SCORE,
    step: Callable[[], None] = lambda: None,
    overwrite: bool = False,
) -> tuple[int, int]:
    """Writes a data set: ``images/SPLIT`` and, of COCO-WholeBody,
    ``annotations/SPLIT.json``, of YOLO ``labels/SPLIT`` and ``data.yaml``.

    Images are linked where they are on the same disk, else copied.

    Args:
        shards: Of :func:`find_shards`.
        kind: ``coco-wholebody`` or ``yolo-pose``.
        out: Its folder.
        split: Name of this part.
        threshold: Least score of a point that counts.
        step: Told of each shard that is done.
        overwrite: What an earlier export has left of this part may go.

    Returns:
        Images and people.

    Raises:
        ExportError: Shards are damaged or of other skeletons, an image is gone, or
            this part is there already.
        OutputError: A file cannot be written.
    """
    images = out / 'images' / split
    images.mkdir(parents=True, exist_ok=True)
    # A trainer takes all images of a folder, those of an earlier export, too.
    earlier = [
        path
        for folder in (images, out / 'labels' / split)
        for path in folder.glob('*')
        if EXPORTED.fullmatch(path.stem)
    ]
    if earlier and not overwrite:
        raise ExportError(
            f'{images} has images of an earlier export: replace them by --overwrite, '
            'or choose another --split or --out'
        )
    for file in earlier:
        file.unlink()
    writer = (_Coco if kind == 'coco-wholebody' else _Yolo)(out, split)
    count = people = 0
    for path in shards:
        for key, name, labels in _copied(path, images, count + 1, threshold):
            writer.add(key, name, labels)
            count, people = count + 1, people + len(labels.boxes)
        step()
    if not people:
        raise ExportError(f'nobody is in {len(shards)} shards: filter less')
    writer.close()
    return count, people


def _copied(
    path: str, images: Path, number: int, threshold: float
) -> Iterator[tuple[str, str, Labels]]:
    """Copies the images of a shard, from ``number`` on. Yields of each its key, the
    name of its file and its people."""
    with as_file(path) as local:
        try:
            table = pq.read_table(local)
            unit = Unit(0, **facts_of(pq.read_metadata(local).metadata)['unit'])
            columns = ('bbox', 'keypoints', 'keypoint_scores')
            boxes, points, scores = (to_array(table[name]) for name in columns)
            keys = [*zip(table['image'].to_pylist(), table['frame'].to_pylist())]
            sizes = [*zip(table['width'].to_pylist(), table['height'].to_pylist())]
            starts = np.flatnonzero(table['person'].to_numpy() == 0).tolist()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ExportError(f'{without_password(path)}: {error}') from None
    wanted = [keys[start] for start in starts]
    contents = _contents(unit, wanted)
    with closing(contents):
        for start, stop in zip(starts, [*starts[1:], len(keys)]):
            image, frame = keys[start]
            try:
                suffix, save = next(contents)
                save(images / f'{number:012d}{suffix}')
            except (ImageError, FileNotFoundError, StopIteration) as error:
                raise ExportError(
                    f'{image}, which has people in {without_password(path)}, cannot be '
                    f'had any more ({error or "it is not there"}): label it again'
                ) from None
            kept = slice(start, stop)
            inside = (points[kept] >= 0) & (points[kept] <= np.array(sizes[start]) - 1)
            seen = inside.all(2) & (scores[kept] >= threshold)
            yield (
                image if frame is None else f'{image}#frame={frame}',
                f'{number:012d}{suffix}',
                Labels(number, sizes[start], boxes[kept], points[kept], 2 * seen),
            )
            number += 1


def _contents(
    unit: Unit, wanted: list[tuple[str, int | None]]
) -> Generator[tuple[str, Callable[[Path], object]], None, None]:
    """The images of a unit that are wanted, in this order, which is the unit's: their
    suffixes, and functions that write them to a path."""
    if unit.kind == 'images':
        for image, _ in wanted:
            suffix = suffix_of(image) or SUFFIX
            if is_address(image):
                yield suffix, partial(_write, data=read_bytes(image))
            else:
                yield suffix, partial(_link, image)
        return
    keys = iter(wanted)
    key = next(keys, None)
    if unit.kind == 'video':
        with as_file(unit.sources[0]) as path:
            for number, frame in enumerate(Video(path)):
                if key is not None and key[1] == number:
                    quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
                    data = cv2.imencode(SUFFIX, frame, quality)[1].tobytes()
                    yield SUFFIX, partial(_write, data=data)
                    key = next(keys, None)
        return
    for item in items_of(unit):
        if key is not None and key[0] == item.key:
            member = item.key.split('::')[0]
            suffix = suffix_of(member) if suffix_of(member) in SUFFIXES else SUFFIX
            yield suffix, partial(_write, data=item.load())
            key = next(keys, None)


def _write(path: Path, data: bytes) -> None:
    write_file(path, data)


def _link(image: str, path: Path) -> None:
    """A second name of a file, or a copy where that cannot be."""
    path.unlink(missing_ok=True)
    try:
        os.link(image, path)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(image, path)


class _Coco:
    """COCO-WholeBody's annotations; they are written as they come."""

    def __init__(self, out: Path, split: str) -> None:
        self._path = out / 'annotations' / f'{split}.json'
        self._path.parent.mkdir(exist_ok=True)
        self._part = part_of(self._path)
        self._file = self._part.open('w', encoding='utf-8')
        self._file.write('{"annotations": [')
        self._images: list[dict[str, Any]] = []
        self._count = 0

    def add(self, key: str, name: str, labels: Labels) -> None:
        """Adds an image."""
        if labels.keypoints.shape[1] != NUM_KEYPOINTS:
            raise ExportError(
                f'the people have {labels.keypoints.shape[1]} points, but '
                f'COCO-WholeBody {NUM_KEYPOINTS}: export them as yolo-pose'
            )
        width, height = labels.size
        self._images.append(
            dict(
                id=labels.number, file_name=name, width=width, height=height, source=key
            )
        )
        for box, points, visible in zip(labels.boxes, labels.keypoints, labels.visible):
            fields = wholebody_annotation(points, visible, box)
            row = dict(id=self._count + 1, image_id=labels.number, **fields)
            self._file.write((',\n' if self._count else '\n') + to_json(row))
            self._count += 1

    def close(self) -> None:
        """Completes the file."""
        names = list(keypoint_names(NUM_KEYPOINTS))
        person = dict(id=1, name='person', supercategory='person', keypoints=names)
        self._file.write(f'\n],\n"images": {to_json(self._images)},\n')
        self._file.write(f'"categories": {to_json([person])}}}\n')
        self._file.close()
        self._part.replace(self._path)


class _Yolo:
    """Ultralytics' labels of poses.

    Source: https://docs.ultralytics.com/datasets/pose.
    """

    def __init__(self, out: Path, split: str) -> None:
        self._out, self._split = out, split
        self._labels = out / 'labels' / split
        self._labels.mkdir(parents=True, exist_ok=True)
        self._points = 0

    def add(self, key: str, name: str, labels: Labels) -> None:
        """Adds an image."""
        self._points = labels.keypoints.shape[1]
        size = np.array(labels.size, float)
        boxes = labels.boxes.reshape(-1, 2, 2).clip(0, size) / size
        lines = []
        for box, points, visible in zip(boxes, labels.keypoints, labels.visible):
            rows = np.column_stack([points / size, visible])
            rows[visible == 0] = 0
            values = [*box.mean(0), *np.diff(box, axis=0)[0], *rows.ravel()]
            lines.append(' '.join(['0', *(f'{value:.6g}' for value in values)]) + '\n')
        write_file((self._labels / name).with_suffix('.txt'), ''.join(lines).encode())

    def close(self) -> None:
        """Writes ``data.yaml``, which names the parts that are there."""
        names = keypoint_names(self._points)
        flipped = list(range(self._points))
        for left, right in side_pairs(names):
            flipped[left], flipped[right] = right, left
        splits = sorted(path.name for path in (self._out / 'images').iterdir())
        other = next((name for name in splits if name != 'train'), self._split)
        content = dict(
            path=str(self._out.absolute()),
            train='images/train' if 'train' in splits else f'images/{self._split}',
            val=f'images/{other}',
            kpt_shape=[self._points, 3],
            flip_idx=flipped,
            names={0: 'person'},
        )
        write_file(self._out / 'data.yaml', yaml.safe_dump(content).encode())
