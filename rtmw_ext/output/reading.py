"""Result files read back, whichever format they have.

Shapes: N persons, K keypoints.
"""

import csv
import itertools
import json
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, overload

import numpy as np

from ..core.people import COLUMNS_3D, People
from ..core.skeleton import BODY_NAMES, FIELDS, HALPE26_NAMES, NUM_KEYPOINTS
from .base import ResultError, records_of
from .files import CLOSING, OPENING, PART, OutputError, finishing, part_of
from .formats.json_lines import SUFFIX as LINES
from .formats.npz_arrays import finish_npz
from .formats.openpose_json import (
    BODY_FIELD,
    COCO_18,
    PARTS_OF,
    OpenPose18Json,
    OpenPoseJson,
)
from .formats.openpose_json import SUFFIXES as OPENPOSE

#: What a damaged file makes readers raise.
DAMAGES = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    csv.Error,
    zipfile.BadZipFile,
    zlib.error,
)
#: Of OpenPose: the name of the image or video, and the number of the frame.
OPENPOSE_FILE = re.compile(
    rf'(.*?)(?:_(\d{{12}}))?({"|".join(map(re.escape, OPENPOSE))})'
)


@dataclass
class Frame:
    """People of an image or of a frame of a video.

    Attributes:
        source: Name of the results: the stem of the image or video.
        frame: Number of the frame, from 0; None for an image.
        time: Of the frame in seconds; None for images, and where the file does
            not say.
        people: N persons; N may be 0.
    """

    source: str
    frame: int | None
    time: float | None
    people: People


@dataclass
class Results(Sequence[Frame]):
    """All images and frames of a result file, in order.

    Attributes:
        frames: Them.
        run: The record of the run: program, models, points, units; None where
            no records are beside the file.
        sources: {name: record of the image or video}, likewise.
    """

    frames: list[Frame]
    run: dict[str, Any] | None = None
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)

    @overload
    def __getitem__(self, index: int) -> Frame: ...

    @overload
    def __getitem__(self, index: slice) -> list[Frame]: ...

    def __getitem__(self, index: int | slice) -> Frame | list[Frame]:
        return self.frames[index]

    def __len__(self) -> int:
        return len(self.frames)


def read(path: str | Path) -> Results:
    """Reads a result file of any format of :data:`rtmw_ext.output.FORMATS`.

    What a format leaves out is missing: COCO and OpenPose have no 3D, CSV and
    OpenPose no boxes (those of the points stand for them) and rounded points,
    openpose18 no scores. Of OpenPose, bodies without face and hands are people of
    17 points (COCO_18) or of Halpe's 26 (BODY_25, which lacks the head).
    Files of mmpose (with ``instance_info``, too) and of earlier versions are
    read, and files that a program which was killed left as ``NAME.part``.

    Args:
        path: The file; of OpenPose, one file, or the folder of all.

    Raises:
        ResultError: The file cannot be read, or is no result file.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return _read_folder(path)
        if not path.is_file():
            raise ResultError(f'{path} does not exist: check the path')
        return _read_file(path)
    except OSError as error:
        raise ResultError(f'{path} cannot be read ({error.strerror})') from None
    except ResultError:
        raise
    except DAMAGES as error:
        raise ResultError(
            f'{path} is no result file, or damaged ({type(error).__name__}: '
            f'{str(error)[:200]}): write it again'
        ) from None


def _read_file(path: Path) -> Results:
    name = path.name.removesuffix(PART)
    final = path.with_name(name)
    records = _Records()
    beside = records_of(final)
    if beside.is_file():
        records.read(beside)
    if name.endswith(LINES):
        records.read(path)
        return records.results([*records.places()])
    if name.endswith('.csv'):
        return records.results(_read_csv(path))
    if name.endswith('.npz'):
        if path.name.endswith(PART):
            raise ResultError(f'{path} is not finished: run `rtmw recover` on it')
        return records.results(_read_npz(path))
    if not name.endswith('.json'):
        raise ResultError(f'{path} is no result file: its name ends in none of theirs')
    return records.results(_read_json(path, name, records))


#: Source, frame, time, and what makes the people: persons of JSON, or People.
Place = tuple[str, int | None, float | None, People | list[dict]]


class _Records:
    """The records of a file, or beside it."""

    def __init__(self) -> None:
        self.run: dict[str, Any] | None = None
        self.sources: dict[str, dict[str, Any]] = {}
        #: In order: {(source, frame): record}.
        self.frames: dict[tuple[str, int | None], dict[str, Any]] = {}

    def read(self, path: Path) -> None:
        """Takes the lines of a file. The last line may be cut off."""
        with path.open(encoding='utf-8') as file:
            for line in file:
                try:
                    record = json.loads(line)
                except ValueError:
                    if line.endswith('\n'):
                        raise
                    return
                kind = record['type']
                if kind == 'run':
                    self.run = record
                elif kind == 'source':
                    self.sources[record['name']] = record
                elif kind == 'frame':
                    self.frames[record['source'], record['frame']] = record

    def full_name(self, stem: str) -> str:
        """The name of the source with this stem, which may have a folder."""
        names = [name for name in self.sources if PurePosixPath(name).name == stem]
        return names[0] if names else stem

    def places(self) -> Iterator[Place]:
        for (source, frame), record in self.frames.items():
            yield source, frame, record['time'], record['people']

    def results(self, places: Iterable[Place]) -> Results:
        """Results with the images and frames that have nobody, and whose rows
        are missing."""
        found = {
            (source, frame): Frame(
                source,
                frame,
                self.frames.get((source, frame), {}).get('time', time),
                people if isinstance(people, People) else _people(people),
            )
            for source, frame, time, people in places
        }
        empty = self._nobody(found.values())
        frames = []
        for key in dict.fromkeys([*self.frames, *found]):
            record = self.frames.get(key, {})
            frame = found.get(key) or Frame(*key, record.get('time'), empty)
            if not len(frame.people):
                frame.people = _copy(empty, frame.frame)
            # A program that was killed wrote a part of the last one.
            if record.get('persons') in (None, len(frame.people)):
                frames.append(frame)
        return Results(frames, self.run, self.sources)

    def _nobody(self, frames: Iterable[Frame]) -> People:
        """No people, with the points of the others."""
        for frame in frames:
            if len(frame.people):
                return frame.people[:0]
        run = self.run or {}
        count = len(run['points']) if 'points' in run else NUM_KEYPOINTS
        metres = np.zeros((0, count, 3), np.float32) if run.get('is_3d') else None
        return _make_people(
            np.zeros((0, count, 2)), np.zeros((0, count)), None, None, metres, metres
        )


def _copy(nobody: People, frame: int | None) -> People:
    people = nobody[:0]
    people.ids = None if frame is None else np.zeros(0, int)
    return people


def _make_people(
    keypoints: Any,
    scores: Any,
    boxes: Any = None,
    box_scores: Any = None,
    keypoints_3d: Any = None,
    keypoints_3d_cam: Any = None,
    ids: Any = None,
    raw_scores: Any = None,
    origin: Any = None,
    world: Any = None,
) -> People:
    """People of arrays or lists of any number type; boxes that are missing are
    those of the points that were found.

    Raises:
        ValueError: The shapes do not go together.
    """
    points = np.asarray(keypoints, np.float32)
    count = len(points)
    if count:
        points = points.reshape(count, -1, 2)
    shape = points.shape[:2]
    confidence = np.asarray(scores, np.float32).reshape(shape)
    if boxes is None:
        boxes = _boxes(points, confidence) if count else ()
    if box_scores is None:
        box_scores = confidence.mean(1) if count else ()
    return People(
        points,
        confidence,
        np.asarray(boxes, np.float32).reshape(count, 4),
        np.asarray(box_scores, np.float32).reshape(count),
        _metres(keypoints_3d, shape),
        _metres(keypoints_3d_cam, shape),
        None if ids is None else np.asarray(ids, int).reshape(count),
        None
        if raw_scores is None
        else np.asarray(raw_scores, np.float32).reshape(shape),
        None if origin is None else np.asarray(origin, np.uint8).reshape(shape),
        _metres(world, shape),
    )


def _boxes(points: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(N, 4) around (N, K, 2), but for points with score 0; 0 around none."""
    found = (scores > 0)[..., None] & np.isfinite(points)
    low = np.where(found, points, np.inf).min(1)
    high = np.where(found, points, -np.inf).max(1)
    boxes = np.concatenate([low, high], 1)
    return np.where(np.isfinite(boxes), boxes, 0)


def _metres(values: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    if values is None:
        return None
    return np.asarray(values, np.float32).reshape(*shape, 3)


def _people(persons: list[dict]) -> People:
    """People of records of persons, or of mmpose's."""
    if not persons:
        return _make_people(
            np.zeros((0, NUM_KEYPOINTS, 2)), np.zeros((0, NUM_KEYPOINTS))
        )

    def column(name: str) -> list | None:
        return [row[name] for row in persons] if name in persons[0] else None

    return _make_people(
        column('keypoints'),
        column('keypoint_scores'),
        column('bbox'),
        column('bbox_score'),
        column('keypoints_3d'),
        column('keypoints_3d_cam'),
        column('id'),
        origin=column('origin'),
        world=column('world'),
    )


def _read_json(path: Path, name: str, records: _Records) -> Iterable[Place]:
    content = _load(path)
    stem = records.full_name(name.removesuffix('.json'))
    if len(records.sources) == 1:  # The file may be renamed.
        (stem,) = records.sources
    if isinstance(content, dict) and 'instance_info' in content:
        content = content['instance_info']
    if isinstance(content, dict):
        return [_openpose(path, content, records)]
    if not isinstance(content, list):
        raise ResultError(f'{path} is no result file: it holds no list and no object')
    first = content[0] if content else {}
    if 'category_id' in first:
        return _coco(content)
    if 'instances' in first:
        return [
            (stem, int(row['frame_id']), row.get('time'), row['instances'])
            for row in content
        ]
    # Nobody in an image, or in any image of COCO's list.
    return [] if not content and records.frames else [(stem, None, None, content)]


def _load(path: Path) -> Any:
    """The content of a JSON file, of a list without its end what is whole."""
    if not path.name.endswith(PART):
        return json.loads(path.read_text(encoding='utf-8'))
    return [json.loads(line) for line in whole_items(path)]


def whole_items(path: Path) -> Iterator[str]:
    """The items, as JSON, that are whole in an unfinished
    :class:`rtmw_ext.output.files.ListFile`.

    Raises:
        ResultError: The file is none.
    """
    # Bytes: what is before damaged ones is whole.
    with path.open('rb') as file:
        opening = file.readline().decode(errors='replace')
        if opening.strip() not in ('', OPENING):
            raise ResultError(
                f'{path} is no unfinished list: it begins with {opening[:50]!r}'
            )
        for line in file:
            try:
                item = line.decode().strip().removesuffix(',')
                if item == CLOSING:
                    return
                json.loads(item)
            except (ValueError, RecursionError):
                return
            yield item


def _coco(rows: list[dict]) -> Iterator[Place]:
    images = defaultdict(list)
    for row in rows:
        name = str(row.get('file_name', row['image_id']))
        images[name, row.get('frame')].append(row)
    for (name, frame), persons in images.items():
        # Of other points than the 133, all are in the first.
        body, *others = FIELDS
        fields = [body, *(part for part in others if part in persons[0])]
        points = np.array(
            [sum((row[part] for part in fields), []) for row in persons], np.float32
        ).reshape(len(persons), -1, 3)
        boxes = np.array([row['bbox'] for row in persons], float)
        boxes[:, 2:] += boxes[:, :2]
        scores = [row.get('box_score', row['score']) for row in persons]
        ids, origin = (
            [row[field] for row in persons] if field in persons[0] else None
            for field in ('track_id', 'origin')
        )
        yield (
            name,
            frame,
            None,
            _make_people(
                points[..., :2], points[..., 2], boxes, scores, ids=ids, origin=origin
            ),
        )


def _openpose(path: Path, content: dict, records: _Records) -> Place:
    named = OPENPOSE_FILE.fullmatch(path.name)
    persons = content['people']
    # Bodies alone are of 17 points or 26.
    small = any(len(row[BODY_FIELD]) == 3 * len(COCO_18) for row in persons)
    alone = not any(row.get(part) for row in persons for part in PARTS_OF)
    count = NUM_KEYPOINTS
    if persons and alone:
        count = len(BODY_NAMES if small else HALPE26_NAMES)
    layout = (OpenPose18Json if small else OpenPoseJson).layouts[count]
    points = np.zeros((len(persons), count, 3), np.float32)
    for person, row in zip(points, persons):
        for part, numbers in layout.items():
            if not row[part]:
                continue
            values = np.array(row[part], np.float32).reshape(len(numbers), 3)
            for number, value in zip(numbers, values):
                if isinstance(number, int):
                    person[number] = value
    ids = [int(np.reshape(row.get('person_id', -1), -1)[0]) for row in persons]
    known = all(number >= 0 for number in ids)
    return (
        records.full_name(named[1]) if named else path.name,
        int(named[2]) if named and named[2] else None,
        None,
        _make_people(points[..., :2], points[..., 2], ids=ids if known else None),
    )


def _read_folder(folder: Path) -> Results:
    """OpenPose's files, of one body: BODY_25 holds more than COCO_18."""
    records = _Records()
    for suffix in OPENPOSE:
        if paths := sorted(folder.glob(f'*{suffix}')):
            for beside in sorted(folder.glob(f'*{records_of(Path(suffix)).name}')):
                records.read(beside)
            contents = [json.loads(path.read_text(encoding='utf-8')) for path in paths]
            places = zip(paths, contents)
            return records.results(_openpose(*place, records) for place in places)
    raise ResultError(f'folder {folder} holds no *{OPENPOSE[0]}: give a result file')


def _read_csv(path: Path) -> Iterator[Place]:
    images: dict[tuple[str, int | None], dict[str, list[dict]]] = {}
    with path.open(newline='', encoding='utf-8') as file:
        # The last line of a program that was killed may be cut off.
        whole = itertools.takewhile(lambda line: line.endswith('\n'), file)
        for row in csv.DictReader(whole):
            frame = int(row['frame']) if row['frame'] else None
            persons = images.setdefault((row['image'], frame), {})
            persons.setdefault(row['person'], []).append(row)
    for (name, frame), persons in images.items():
        rows = [*persons.values()]
        longest = max(map(len, rows))
        rows = [points for points in rows if len(points) == longest]

        ids = [person[0].get('id') or '' for person in rows]
        time = rows[0][0].get('time')
        yield (
            name,
            frame,
            float(time) if time else None,
            _make_people(
                _columns(rows, ('x', 'y')),
                _columns(rows, ('score',)),
                ids=[*map(int, ids)] if all(ids) else None,
                origin=_columns(rows, ('origin',)),
                **{array: _columns(rows, keys) for array, keys in COLUMNS_3D.items()},
            ),
        )


def _columns(persons: list[list[dict]], keys: Sequence[str]) -> np.ndarray | None:
    """(N, K, columns) of rows; NaN where they are empty, None if all are."""
    if not any(row.get(keys[0]) for rows in persons for row in rows):
        return None
    return np.array(
        [
            [[float(row[key] or 'nan') for key in keys] for row in rows]
            for rows in persons
        ]
    )


def _read_npz(path: Path) -> Iterator[Place]:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    if 'image' not in arrays:
        return
    images, frames = arrays['image'].tolist(), arrays['frame'].tolist()
    times = arrays.get('time', np.full(len(images), np.nan))
    rows = defaultdict(list)
    for number, place in enumerate(zip(images, frames)):
        rows[place].append(number)
    for (image, frame), numbers in rows.items():
        people = _make_people(
            *(
                None if arrays.get(name) is None else arrays[name][numbers]
                for name in (
                    'keypoints',
                    'scores',
                    'boxes',
                    'box_scores',
                    'keypoints_3d',
                    'keypoints_3d_cam',
                    'ids',
                    'raw_scores',
                    'origin',
                    'world',
                )
            )
        )
        if people.ids is not None and (people.ids < 0).any():
            people.ids = None
        time = float(times[numbers[0]])
        yield (
            str(image),
            None if frame < 0 else int(frame),
            None if np.isnan(time) else time,
            people,
        )


def recover(path: str | Path) -> Path:
    """Completes a result file that a program which was killed left.

    Args:
        path: ``NAME.part``. It is removed.

    Returns:
        The path of the finished file.

    Raises:
        ResultError: The file is none that can be completed.
        OutputError: There is a finished file already.
    """
    path = Path(path)
    final = path.with_name(path.name.removesuffix(PART))
    finish: dict[str, Callable[[Path], None]] = {
        '.json': _finish_list,
        '.npz': finish_npz,
    }
    if final == path or final.suffix not in finish or not path.is_file():
        raise ResultError(
            f'{path} cannot be completed: give a file NAME.json{PART} or '
            f'NAME.npz{PART}; other results are whole as they are'
        )
    if final.exists():
        raise OutputError(f'{final} is there already: move it away')
    try:
        finish[final.suffix](final)
    except OSError as error:
        raise ResultError(f'{path} cannot be completed ({error})') from None
    return final


def _finish_list(path: Path) -> None:
    with finishing(path) as new, new.open('w', encoding='utf-8') as file:
        file.write(OPENING)
        for number, item in enumerate(whole_items(part_of(path))):
            file.write((',' if number else '') + f'\n{item}')
        file.write(f'\n{CLOSING}\n')
