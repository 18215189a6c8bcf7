"""Our own weights, compressed in the package.

PyTorch and ONNX's external data read them as they are, so that a folder of
them is unpacked once, into the user's cache: ``NAME.pth.xz`` as ``NAME.pth``,
``NAME.onnx.xz``, whose graph reads it, as ``NAME.onnx`` beside it.
"""
import hashlib
import lzma
import shutil
import tempfile
from pathlib import Path

from .cache import cache_folder

SUFFIX = '.xz'


class WeightsError(ValueError):
    """Weights of our own cannot be had; the text says what to do."""


def pack(path):
    """Replaces a file by its compressed one, ``path`` + ``SUFFIX``."""
    path = Path(path)
    with lzma.open(f'{path}{SUFFIX}', 'wb') as sink:
        sink.write(path.read_bytes())
    path.unlink()


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
    absent = [path for path in files if not (target / path.stem).is_file()]
    if not absent:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            scratch = Path(scratch)
            for path in absent:
                _unpack(path, scratch / path.stem)
            target.mkdir(exist_ok=True)
            # Moved when whole: no other process reads half a file.
            for path in scratch.iterdir():
                path.replace(target / path.name)
    except OSError as error:
        raise WeightsError(
            f'weights cannot be unpacked into {target} ({error}): set '
            'XDG_CACHE_HOME to a folder that can be written, with 25 MB of '
            'free space') from None
    return target


def _unpack(path, target):
    try:
        with lzma.open(path) as source, target.open('wb') as sink:
            shutil.copyfileobj(source, sink)
    except (lzma.LZMAError, EOFError) as error:
        raise WeightsError(f'{path} is damaged ({error}): install rtmw_ext '
                           'again') from None
