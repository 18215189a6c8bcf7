"""Shards of crops as JPEG, to carry them to another machine.

Shapes: N crops of a pack, S side of a crop in pixels.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from .checks import AnnotationError
from .crop_pool import list_shards, truth_path, write_shard

#: Names of a pack's own fields: its files in a row, and where each ends. The others
#: are the truth's.
BYTES, ENDS = 'jpeg_bytes', 'jpeg_ends'


def pack_crops(
    folder: str | Path, out: str | Path, limit: float = 50e6, quality: int = 90
) -> list[Path]:
    """Writes the shards of a folder as packs of JPEG.

    Args:
        folder: With ``crops-*.npy`` and ``truth-*.npz``.
        out: Folder of the packs; made if missing.
        limit: Bytes of the JPEG files of a pack at most, if a shard is not larger
            alone.
        quality: Of JPEG, in [1, 100].

    Returns:
        The packs, ``pack-00000.npz`` and so on.

    Raises:
        AnnotationError: The folder has no shard.
    """
    paths = list_shards(folder, 'give a folder of shards')
    Path(out).mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    waiting: list[dict[str, np.ndarray]] = []
    for path in [*paths, None]:
        fields = _encode(path, quality) if path else {BYTES: np.zeros(0, np.uint8)}
        size = sum(len(shard[BYTES]) for shard in [*waiting, fields])
        if waiting and (size > limit or path is None):
            written.append(Path(out) / f'pack-{len(written):05d}.npz')
            np.savez(written[-1], **_join(waiting))
            waiting = []
        waiting.append(fields)
    return written


def _encode(path: Path, quality: int) -> dict[str, np.ndarray]:
    files = [
        cv2.imencode('.jpg', crop, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].reshape(-1)
        for crop in np.load(path, mmap_mode='r')
    ]
    with np.load(truth_path(path)) as content:
        fields = dict(content)
    fields[BYTES] = np.concatenate(files)
    fields[ENDS] = np.cumsum([len(file) for file in files])
    return fields


def _join(shards: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    starts = np.cumsum([0] + [len(shard[BYTES]) for shard in shards])
    shards = [
        {**shard, ENDS: shard[ENDS] + start} for shard, start in zip(shards, starts)
    ]
    return {
        name: np.concatenate([shard[name] for shard in shards]) for name in shards[0]
    }


def unpack_crops(folder: str | Path, out: str | Path, shard: int = 512) -> int:
    """Writes the shards of a folder of packs.

    Args:
        folder: With ``pack-*.npz``.
        out: Folder of the shards; made if missing.
        shard: Crops of a shard.

    Returns:
        How many crops there are.

    Raises:
        AnnotationError: The folder has no pack.
    """
    paths = sorted(Path(folder).glob('pack-*.npz'))
    if not paths:
        raise AnnotationError(f'{folder} has no pack-*.npz: give a folder of packs')
    Path(out).mkdir(parents=True, exist_ok=True)
    total = 0
    for path in paths:
        # Shards are numbered by their pack: packs may come one by one.
        number = 1000 * int(path.stem.removeprefix('pack-'))
        with np.load(path) as content:
            truth = dict(content)
        crops = list(_decode(truth.pop(BYTES), truth.pop(ENDS)))
        for start in range(0, len(crops), shard):
            rows = slice(start, start + shard)
            write_shard(
                Path(out),
                number,
                np.stack(crops[rows]),
                {name: value[rows] for name, value in truth.items()},
            )
            number += 1
        total += len(crops)
    return total


def _decode(data: np.ndarray, ends: np.ndarray) -> Iterator[np.ndarray]:
    for start, end in zip([0, *ends[:-1]], ends):
        yield cv2.imdecode(data[start:end], cv2.IMREAD_COLOR)
