"""Shards of people: their schema, how they are written, and the manifest.

Shapes: K keypoints.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..core.errors import RTMWError
from ..core.people import People
from .inputs import Unit
from .places import Folder

#: Of the shards; it grows when a reader must know.
SCHEMA = 1
MANIFEST, ERRORS = '_manifest.json', '_errors'
#: Rows of a row group: what is in memory at once.
ROWS = 1000
#: The key of what a shard says of itself, in the metadata of its file.
KEY = 'rtmw'


class ManifestError(RTMWError, ValueError):
    """A folder holds the shards of another run; the text says what differs."""


def shard_name(number: int) -> str:
    """The file of a unit's people."""
    return f'people-{number:06d}.parquet'


def error_name(number: int) -> str:
    """The file of what a unit could not read."""
    return f'{ERRORS}/errors-{number:06d}.parquet'


def _points(count: int, axes: int) -> pa.DataType:
    return pa.list_(pa.list_(pa.float32(), axes), count)


def schema_of(points: int, is_3d: bool) -> pa.Schema:
    """The schema of people of ``points`` keypoints; docs/label.md describes it."""
    name = pa.dictionary(pa.int32(), pa.string())
    fields = [
        pa.field('image', pa.string(), nullable=False),
        pa.field('frame', pa.int32()),
        pa.field('time', pa.float64()),
        pa.field('width', pa.int32(), nullable=False),
        pa.field('height', pa.int32(), nullable=False),
        pa.field('person', pa.int32(), nullable=False),
        pa.field('id', pa.int32()),
        pa.field('bbox', pa.list_(pa.float32(), 4), nullable=False),
        pa.field('bbox_score', pa.float32(), nullable=False),
        pa.field('keypoints', _points(points, 2), nullable=False),
        pa.field('keypoint_scores', pa.list_(pa.float32(), points), nullable=False),
    ]
    if is_3d:
        fields += [
            pa.field('keypoints_3d', _points(points, 3), nullable=False),
            pa.field('keypoints_3d_cam', _points(points, 3), nullable=False),
        ]
    fields += [
        pa.field('model', name, nullable=False),
        pa.field('model_sha256', name, nullable=False),
    ]
    return pa.schema(fields)


ERROR_SCHEMA = pa.schema(
    [
        pa.field('image', pa.string(), nullable=False),
        pa.field('error', pa.string(), nullable=False),
    ]
)


def _fixed(array: np.ndarray) -> pa.Array:
    """(N, ...) -> N nested lists of fixed sizes."""
    values = pa.array(np.ascontiguousarray(array, np.float32).ravel())
    for size in reversed(array.shape[1:]):
        values = pa.FixedSizeListArray.from_arrays(values, size)
    return values


def to_array(column: pa.ChunkedArray) -> np.ndarray:
    """A column of fixed-size lists -> (N, ...) float32."""
    kind, sizes = column.type, []
    values = column.combine_chunks()
    while pa.types.is_fixed_size_list(kind):
        sizes.append(kind.list_size)
        kind, values = kind.value_type, values.flatten()
    return values.to_numpy(zero_copy_only=False).reshape(-1, *sizes)


class ShardWriter:
    """Writes the people of a unit, row group by row group.

    Args:
        path: Of the file.
        schema: Of the people.
        model: Name of the pose network's file, and its SHA-256 and, behind commas,
            those of its weights' files.
    """

    def __init__(self, path: Path, schema: pa.Schema, model: tuple[str, str]) -> None:
        self._schema, self._model = schema, model
        self._writer = pq.ParquetWriter(path, schema, compression='zstd')
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def add(
        self,
        image: str,
        size: tuple[int, int],
        people: People,
        frame: int | None = None,
        time: float | None = None,
    ) -> None:
        """Adds the people of an image or frame.

        Args:
            image: Its key.
            size: (w, h) in pixels.
            people: Those in it.
            frame: Number of the frame, from 0.
            time: Of the frame in seconds.
        """
        count = len(people)
        if not count:
            return
        columns: dict[str, Any] = dict(
            image=[image] * count,
            frame=[frame] * count,
            time=[time] * count,
            width=[size[0]] * count,
            height=[size[1]] * count,
            person=range(count),
            id=[None] * count if people.ids is None else people.ids,
            bbox=_fixed(people.boxes),
            bbox_score=people.box_scores.astype(np.float32),
            keypoints=_fixed(people.keypoints),
            keypoint_scores=_fixed(people.scores),
        )
        for name in ('keypoints_3d', 'keypoints_3d_cam'):
            if name in self._schema.names:
                columns[name] = _fixed(getattr(people, name))
        for name, value in zip(('model', 'model_sha256'), self._model):
            columns[name] = pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(count, np.int32)), [value]
            )
        arrays = [
            column
            if isinstance(column := columns[field.name], pa.Array)
            else pa.array(column, field.type)
            for field in self._schema
        ]
        self._waiting.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows += count
        if self._rows >= ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting, self._schema)
            self._writer.write_table(table.combine_chunks())
        self._waiting, self._rows = [], 0

    def close(self, facts: dict[str, Any]) -> None:
        """Completes the file.

        Args:
            facts: What it says of itself: plain data.
        """
        self._flush()
        self._writer.add_key_value_metadata({KEY: json.dumps(facts, sort_keys=True)})
        self._writer.close()


@contextmanager
def shard(
    folder: Folder, unit: Unit, schema: pa.Schema, models: dict[str, Any]
) -> Iterator[tuple[ShardWriter, list[tuple[str, str]], dict[str, int]]]:
    """Writes a unit's shard, which is there as a whole or not at all.

    Yields:
        Its writer; a list for what could not be read, (image, why); and a dict for
        counts.
    """
    errors: list[tuple[str, str]] = []
    counts: dict[str, int] = {}
    pose = models['pose']
    with folder.writing(shard_name(unit.number)) as part:
        writer = ShardWriter(
            part, schema, (pose['file'], ','.join(pose['sha256'].values()))
        )
        try:
            yield writer, errors, counts
            counts['errors'] = len(errors)
        finally:
            held = dict(kind=unit.kind, sources=unit.sources, groups=unit.groups)
            if unit.kind == 'images':
                held['sources'] = ()
            writer.close(dict(schema=SCHEMA, unit=held, models=models, **counts))
        if errors:
            rows = [dict(zip(ERROR_SCHEMA.names, error)) for error in errors]
            # Before the shard: one that is there is done.
            with folder.writing(error_name(unit.number)) as listed:
                pq.write_table(pa.Table.from_pylist(rows, ERROR_SCHEMA), listed)


def facts_of(metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    """What a shard says of itself.

    Raises:
        ManifestError: It is no shard of ``rtmw label``.
    """
    text = (metadata or {}).get(KEY.encode())
    if text is None:
        raise ManifestError('it is no shard of rtmw label')
    return json.loads(text)


def claim(folder: Folder, manifest: dict[str, Any]) -> set[int]:
    """Begins a run in a folder, or goes on with it.

    Args:
        folder: Of the shards.
        manifest: Of this run: plain data.

    Returns:
        Numbers of the shards that are there.

    Raises:
        ManifestError: It holds the shards of another run.
    """
    text = folder.read(MANIFEST)
    names = folder.names()
    there = {
        int(name[7:-8])
        for name in names
        if name.startswith('people-') and name.endswith('.parquet')
    }
    if text is None:
        if there:
            raise ManifestError(
                f'{folder.name} has shards, but no {MANIFEST}: give another --out'
            )
        folder.write(MANIFEST, json.dumps(manifest, indent=1).encode())
        return set()
    try:
        before = json.loads(text)
    except ValueError:
        before = {}
    now = json.loads(json.dumps(manifest))
    unlike = [
        f'{name} was {before.get(name)}, is {now[name]}'
        for name in now
        if name != 'created' and before.get(name) != now[name]
    ]
    if unlike:
        raise ManifestError(
            f'{folder.name} holds the shards of another run ({"; ".join(unlike)}): '
            'give another --out, or run the same command with the same inputs'
        )
    return there
