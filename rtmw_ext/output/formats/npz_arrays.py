"""Arrays for NumPy.

Shapes: M persons of all images and frames, K keypoints.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from ...core.people import People
from ...core.skeleton import keypoint_names
from ..base import ResultError, RunFile, records_of, register
from ..files import OutputError, finishing, part_of, to_json

#: Rows that are in memory at once.
CHUNK = 1024
#: Of a person; a file that announces more is damaged.
MOST_KEYPOINTS = 10_000
#: {array that not all people have: its shape behind (M, K)}.
OPTIONAL: dict[str, tuple[int, ...]] = dict(
    raw_scores=(), keypoints_3d=(3,), keypoints_3d_cam=(3,), origin=(), world=(3,)
)
#: Type of those, if it is not that of all.
TYPES = dict(origin='u1')
#: Level of compression: points hardly compress, higher ones only take longer.
LEVEL = 1


@register('npz', 'keypoints.npz, arrays of all persons')
class NpzArrays(RunFile):
    """``keypoints.npz``: ``image`` (M, ), ``frame`` (M, ), -1 for images,
    ``time`` (M, ) in seconds, NaN for images, ``ids`` (M, ), -1 for images,
    ``keypoints`` (M, K, 2), ``scores`` (M, K), ``boxes`` (M, 4),
    ``box_scores`` (M, ), ``names`` (K, ) and, where there are any,
    ``raw_scores`` and ``origin`` (M, K), ``keypoints_3d``, ``keypoints_3d_cam`` and
    ``world`` (M, K, 3).

    While it is written, ``keypoints.npz.part`` holds a line of JSON and a row
    of bytes for each person.
    """

    file_name = 'keypoints.npz'

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._file: IO[bytes] | None = None
        self._type: Any = None
        self._head = b''
        self._names: list[str] = []

    def add(
        self,
        name: str,
        frame: int | None,
        people: People,
        time: float | None = None,
    ) -> None:
        more = [key for key in OPTIONAL if getattr(people, key) is not None]
        row_type = _row_type(people.keypoints.shape[1], more)
        if self._file is not None and len(people) and self._type != row_type:
            raise ResultError(
                'npz results need people of one model: others have '
                f'{self._type["keypoints"].shape[0]} points, {name} has '
                f'{people.keypoints.shape[1]}, or only one of both is in 3D; write json'
            )
        self.records.add(name, frame, time, people)
        if self._file is None:
            self._type = row_type
            self._head = to_json([people.keypoints.shape[1], more]).encode() + b'\n'
        if not len(people):
            return
        if self._file is None:
            self._file = self._open()
        if self._names[-1:] != [name]:
            self._names.append(name)
        rows = np.zeros(len(people), row_type)
        rows['image'] = len(self._names) - 1
        rows['frame'] = -1 if frame is None else frame
        rows['time'] = np.nan if time is None else time
        rows['ids'] = -1
        for key, values in vars(people).items():
            if values is not None:
                rows[key] = values
        self._file.write(rows.tobytes())
        self._file.flush()

    def _open(self) -> IO[bytes]:
        part = part_of(self.path)
        try:
            part.unlink(missing_ok=True)
            file = part.open('xb')
            file.write(self._head)
            return file
        except OSError as error:
            raise OutputError(
                f'{part} cannot be written ({error.strerror}): check the folder'
            ) from None

    def close(self) -> None:
        if self._type is not None:
            self.records.close()
            (self._file or self._open()).close()
            self._file = self._type = None
            finish_npz(self.path, self._names)


def _row_type(keypoints: int, more: list[str]) -> np.dtype:
    """A person as bytes, with these of ``OPTIONAL``."""
    return np.dtype(
        [
            ('image', '<i8'),
            ('frame', '<i8'),
            ('time', '<f8'),
            ('ids', '<i8'),
            ('keypoints', '<f4', (keypoints, 2)),
            ('scores', '<f4', (keypoints,)),
            ('boxes', '<f4', (4,)),
            ('box_scores', '<f4'),
            *(
                (key, TYPES.get(key, '<f4'), (keypoints, *OPTIONAL[key]))
                for key in more
            ),
        ]
    )


def finish_npz(path: Path, names: list[str] | None = None) -> None:
    """Writes the file that its ``.part`` holds the rows of, column by column,
    and removes that.

    Args:
        path: Of the finished file.
        names: Of the images, in the order of their rows. None: as the file of
            the records has them.

    Raises:
        ResultError: The rows cannot be read.
    """
    import zipfile

    part = part_of(path)
    with finishing(path) as new, part.open('rb') as file:
        try:
            row_type = _row_type(*json.loads(file.readline(1000)))
            keypoints = row_type['scores'].shape[0]
            if keypoints > MOST_KEYPOINTS:
                raise ResultError(f'people of {keypoints} points')
            start = file.tell()
            count = (part.stat().st_size - start) // row_type.itemsize
            if names is None:
                lines = records_of(path).read_text().splitlines()
                names = _source_names(lines)
            titles = np.array(names or [''])
            for rows in _chunks(file, row_type, count):
                if not ((rows['image'] >= 0) & (rows['image'] < len(titles))).all():
                    raise ResultError('a row names no image')
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            raise ResultError(
                f'{part} cannot be read ({error}): it is damaged or no part of an npz '
                f'file, or {records_of(path).name} is not beside it'
            ) from None
        with zipfile.ZipFile(
            new, 'w', zipfile.ZIP_DEFLATED, compresslevel=LEVEL
        ) as archive:
            with archive.open('names.npy', 'w') as out:
                np.lib.format.write_array(out, np.array(keypoint_names(keypoints)))
            for column in row_type.names or ():
                kind, shape = row_type[column].base, row_type[column].shape
                if column == 'image':
                    kind = titles.dtype
                with archive.open(f'{column}.npy', 'w', force_zip64=True) as out:
                    np.lib.format.write_array_header_1_0(
                        out,
                        dict(
                            descr=np.lib.format.dtype_to_descr(kind),
                            fortran_order=False,
                            shape=(count, *shape),
                        ),
                    )
                    file.seek(start)
                    for rows in _chunks(file, row_type, count):
                        values = rows[column]
                        if column == 'image':
                            values = titles[values]
                        out.write(values.tobytes())


def _chunks(file: IO[bytes], row_type: np.dtype, count: int) -> Iterator[np.ndarray]:
    """The next ``count`` rows, some at a time."""
    for first in range(0, count, CHUNK):
        size = min(CHUNK, count - first) * row_type.itemsize
        yield np.frombuffer(file.read(size), row_type)


def _source_names(lines: list[str]) -> list[str]:
    """Names of the images, in their order, by the lines of the records."""
    names = []
    for line in lines:
        if line.endswith('}') and (record := json.loads(line))['type'] == 'source':
            names.append(str(record['name']))
    return names
