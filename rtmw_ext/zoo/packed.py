"""Our own weights, compressed in the package.

PyTorch and ONNX's external data read them as they are, so that a folder of
them is unpacked once, into the user's cache: ``NAME.pth.xz`` as ``NAME.pth``,
``NAME.onnx.xz``, whose graph reads it, as ``NAME.onnx`` beside it.

``NAME.pth.npz.xz`` is a tenth smaller: weights on a grid
(:mod:`rtmw_ext.models.grid`) are whole multiples of one power of two for each
row, and as such, in a byte, they compress better than in float16.

Shapes: (R, C) rows and columns of a matrix.
"""

import hashlib
import io
import lzma
import shutil
import tempfile
from pathlib import Path

import numpy as np

from ..core.errors import RTMWError
from ..core.paths import cache_folder

SUFFIX = '.xz'
ARRAYS_SUFFIX = '.npz.xz'
#: Bytes that tell nothing of the next one, as weights are.
FILTERS = [dict(id=lzma.FILTER_LZMA2, preset=9 | lzma.PRESET_EXTREME, lc=1, pb=0)]
HALF = np.dtype('<f2')
#: Of the least number above 0 that float16 holds, as a power of two.
LEAST = -24


class WeightsError(RTMWError, ValueError):
    """Weights of our own cannot be had; the text says what to do."""


def pack(path, matrices=()):
    """Replaces a file by its compressed one: ``path`` + ``SUFFIX``, or
    ``ARRAYS_SUFFIX`` where it has matrices.

    Args:
        path (str | Path): A file of any kind.
        matrices (sequence[tuple[int, int, int]]): Of the float16 matrices in
            it the offset in bytes, R and C. One whose rows are no small
            multiples of a power of two stays as it is.

    Returns:
        Path: The compressed file.
    """
    path = Path(path)
    content = path.read_bytes()
    if matrices:
        archive = io.BytesIO()
        np.savez(archive, **split(content, matrices))
        content = archive.getvalue()
    packed = Path(f'{path}{ARRAYS_SUFFIX if matrices else SUFFIX}')
    packed.write_bytes(lzma.compress(content, filters=FILTERS))
    path.unlink()
    return packed


def packed_files(path):
    """What ``path`` may be packed as; at most one of them exists."""
    return [Path(f'{path}{suffix}') for suffix in (SUFFIX, ARRAYS_SUFFIX)]


def split(content, matrices):
    """
    Args:
        content (bytes): Of a file.
        matrices (sequence[tuple[int, int, int]]): As of :func:`pack`.

    Returns:
        dict[str, ndarray]: ``places`` (M, 3) int64, the matrices that became
        integers, ``exponents`` (all R, ) int8 and ``integers`` (all R * C, )
        int8 of them, and ``rest`` uint8, all other bytes.
    """
    kept = np.ones(len(content), bool)
    places, exponents, integers = [], [], []
    for offset, rows, columns in matrices:
        values = np.frombuffer(content, HALF, rows * columns, offset).reshape(
            rows, columns
        )
        found = as_integers(values)
        if found is not None:
            kept[offset : offset + values.nbytes] = False
            places.append((offset, rows, columns))
            exponents.append(found[0])
            integers.append(found[1].ravel())
    nothing = np.zeros(0, np.int8)
    return dict(
        places=np.array(places, np.int64).reshape(-1, 3),
        exponents=np.concatenate([nothing, *exponents]),
        integers=np.concatenate([nothing, *integers]),
        rest=np.frombuffer(content, np.uint8)[kept],
    )


def join(arrays):
    """bytes: What :func:`split` took apart."""
    places = arrays['places']
    size = 2 * (places[:, 1] * places[:, 2]).sum() + len(arrays['rest'])
    content, kept = np.empty(size, np.uint8), np.ones(size, bool)
    row = first = 0
    for offset, rows, columns in places:
        count = rows * columns
        values = as_floats(
            arrays['exponents'][row : row + rows],
            arrays['integers'][first : first + count].reshape(rows, columns),
        )
        part = slice(offset, offset + 2 * count)
        content[part] = values.view(np.uint8).ravel()
        kept[part] = False
        row, first = row + rows, first + count
    content[kept] = arrays['rest']
    return content.tobytes()


def as_integers(values):
    """
    Args:
        values (ndarray): (R, C) float16.

    Returns:
        tuple[ndarray, ndarray] | None: Exponents (R, ) int8 and integers
        (R, C) int8, of which :func:`as_floats` makes the same values, bit by
        bit; None where there are none.
    """
    if not np.isfinite(values).all():
        return None
    multiples = np.ldexp(values.astype(np.float64), -LEAST).astype(np.int64)
    # The lowest bit that is set, of all numbers of a row.
    steps = np.where(multiples, multiples & -multiples, 1 << 62).min(1)
    steps[steps == 1 << 62] = 1
    integers = multiples // steps[:, None]
    if np.abs(integers).max(initial=0) > np.iinfo(np.int8).max:
        return None
    exponents = np.log2(steps).astype(np.int8) + np.int8(LEAST)
    integers = integers.astype(np.int8)
    same = as_floats(exponents, integers).tobytes() == values.tobytes()
    return (exponents, integers) if same else None  # -0 is none


def as_floats(exponents, integers):
    """(R, ) and (R, C) int8 -> (R, C) float16."""
    return np.ldexp(
        integers.astype(np.float32), exponents[:, None].astype(np.int32)
    ).astype(HALF)


def unpack(folder):
    """
    Args:
        folder (Path): With compressed files.

    Returns:
        Path: A folder of the cache with them, unpacked. Its name tells what
        is in it, so that other weights have another one.

    Raises:
        WeightsError: A file is damaged, or the cache cannot be written.
    """
    files = sorted(folder.glob(f'*{SUFFIX}'))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    target = cache_folder('weights') / digest.hexdigest()[:16]
    absent = [
        (path, name)
        for path, name in (
            (path, path.name.removesuffix(ARRAYS_SUFFIX).removesuffix(SUFFIX))
            for path in files
        )
        if not (target / name).is_file()
    ]
    if not absent:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            scratch = Path(scratch)
            for path, name in absent:
                _unpack(path, scratch / name)
            target.mkdir(exist_ok=True)
            # Moved when whole: no other process reads half a file.
            for path in scratch.iterdir():
                path.replace(target / path.name)
    except OSError as error:
        raise WeightsError(
            f'weights cannot be unpacked into {target} ({error}): set '
            'XDG_CACHE_HOME to a folder that can be written, with 25 MB of '
            'free space'
        ) from None
    return target


def _unpack(path, target):
    try:
        with lzma.open(path) as source, target.open('wb') as sink:
            if path.name.endswith(ARRAYS_SUFFIX):
                # A zip archive is read in leaps, which lzma cannot take.
                sink.write(join(dict(np.load(io.BytesIO(source.read())))))
            else:
                shutil.copyfileobj(source, sink)
    except (lzma.LZMAError, EOFError) as error:
        raise WeightsError(
            f'{path} is damaged ({error}): install rtmw_ext again'
        ) from None
