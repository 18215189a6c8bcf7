"""Samples as arrays on disk: opened in no time, shared by all workers.

A dataset of R samples is a folder with one ``.npy`` file a field, R rows each.
They are memory-mapped, so that workers (forked or spawned) and ranks of one
machine share the pages, and only the rows that are read are ever loaded.

Shapes: R samples, R' of them in a subset.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from ..core.paths import cache_folder

VERSION = 2
CACHE = 'RTMW_CACHE'
# Fields that hold one person: a row is read as (1, ...).
PER_PERSON = {
    'bbox': np.float32,
    'bbox_center': np.float32,
    'bbox_scale': np.float32,
    'keypoints': np.float32,
    'keypoints_visible': np.float32,
    'keypoints_3d': np.float32,
    'keypoints_3d_visible': np.float32,
}
PER_SAMPLE = {
    'img_path': np.bytes_,
    'img_id': np.int64,
    'id': np.int64,
    'area': np.float32,
    # (height, width) that the annotation says its image has; 0 if it doesn't.
    'ann_shape': np.int32,
    # camera_param['K'] of the sample: (3, 3), in pixels.
    'camera': np.float32,
}


def annotation_cache() -> Path:
    """Where samples are kept: $RTMW_CACHE, else in the user's cache."""
    base = os.environ.get(CACHE)
    return Path(base) if base else cache_folder('annotations')


class CachedSamples:
    """A read-only sequence of samples.

    Args:
        arrays: {field: (R, ...)}, or the folder of their files.
        rows: (R',) the rows that belong to it; default: all.
    """

    def __init__(
        self, arrays: dict[str, np.ndarray] | Path, rows: np.ndarray | None = None
    ) -> None:
        self.source = arrays
        self.rows = rows
        if isinstance(arrays, Path):
            arrays = {
                path.stem: np.load(path, mmap_mode='r')
                for path in sorted(arrays.glob('*.npy'))
            }
        self.arrays = arrays

    def __reduce__(self) -> tuple:
        # A spawned worker maps the files again instead of getting a copy.
        return CachedSamples, (self.source, self.rows)

    def __len__(self) -> int:
        if self.rows is not None:
            return len(self.rows)
        return len(self.arrays['img_path'])

    def subset(self, rows: int | Sequence[int]) -> 'CachedSamples':
        """The same samples at ``rows`` only, (R',) ints or a number of
        first ones."""
        rows = np.arange(len(self))[:rows] if np.isscalar(rows) else np.asarray(rows)
        return CachedSamples(
            self.source, rows if self.rows is None else self.rows[rows]
        )

    def __getitem__(self, index: int) -> dict:
        """A sample that the caller may change."""
        if not -len(self) <= index < len(self):
            raise IndexError(f'sample {index} of {len(self)}')
        row = index if self.rows is None else self.rows[index]
        sample = {}
        for name, array in self.arrays.items():
            value = array[row]
            if name in PER_PERSON:
                value = np.array(value)[None]
            elif name == 'img_path':
                value = value.decode()
            elif name == 'camera':
                name, value = 'camera_param', dict(K=np.array(value))
            elif name == 'ann_shape':
                value = tuple(value.tolist())
                if not all(value):
                    continue
            else:
                value = value.item()
            sample[name] = value
        sample['bbox_score'] = np.ones(1, np.float32)
        return sample


def stack_fields(samples: Iterable[dict]) -> dict[str, np.ndarray]:
    """{field: (R, ...)} of R samples, which must all have the same fields.
    Other fields than those above are dropped."""
    lists = {}
    for sample in samples:
        if 'camera_param' in sample:
            sample = dict(sample, camera=sample['camera_param']['K'])
        for name in (*PER_PERSON, *PER_SAMPLE):
            value = sample.get(name)
            if value is None:
                continue
            if name in PER_PERSON:
                value = np.asarray(value, PER_PERSON[name])[0]
            elif name != 'img_path':
                value = np.asarray(value, PER_SAMPLE[name])
            lists.setdefault(name, []).append(value)
    return {
        name: np.array([str(v).encode() for v in values])
        if name == 'img_path'
        else np.stack(values)
        for name, values in lists.items()
    }


def fingerprint(files: Sequence[Path], settings: dict) -> str:
    """A name for what is made from files: other where their path, size or time,
    or the settings, are others."""
    key = dict(
        version=VERSION,
        settings=settings,
        files=[
            (str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns)
            for path in files
        ],
    )
    text = json.dumps(key, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def cached(
    files: Sequence[Path], settings: dict, build: Callable[[], Iterable[dict]]
) -> CachedSamples:
    """The samples that ``build`` makes, from the cache where they are still
    those of the files.

    Args:
        files: Annotation files; their size and time count.
        settings: What else decides the result, plain data.
        build: Returns the samples.

    Returns:
        The samples, in memory only, with a warning, where the cache cannot be
        written.
    """
    folder = annotation_cache() / fingerprint(files, settings)
    if folder.is_dir():
        return CachedSamples(folder)
    arrays = stack_fields(build())
    partial = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix='.'))
        for name, array in arrays.items():
            np.save(partial / f'{name}.npy', array)
        # Renamed when whole: another process never sees half of it, and if it
        # was faster its folder stays.
        partial.rename(folder)
    except OSError as error:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        if not folder.is_dir():
            print_log(
                f'{files[0]}: no annotation cache in {folder.parent} '
                f'({error}): every start reads the file again; set {CACHE}',
                logger='current',
                level=logging.WARNING,
            )
            return CachedSamples(arrays)
    return CachedSamples(folder)
