"""Our own weights, compressed in the package.

PyTorch and ONNX's external data read them as they are, so that a folder of
weights is unpacked once, into the user's cache: ``NAME.pth.xz`` as
``NAME.pth``, beside it the graphs that read it.
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
        folder (Path): With compressed weights and the graphs that read them.

    Returns:
        Path: A folder of the cache with the same, unpacked. Its name tells
        what is in it, so that other weights have another one.

    Raises:
        WeightsError: A file is damaged, or the cache cannot be written.
    """
    files = [path for path in sorted(folder.iterdir())
             if path.suffix in (SUFFIX, '.onnx')]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    target = cache_folder('weights') / digest.hexdigest()[:16]
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            # Renamed when whole: no other process finds half of it.
            part = Path(scratch) / 'part'
            part.mkdir()
            for path in files:
                _copy(path, part)
            try:
                part.rename(target)
            except OSError:
                if not target.is_dir():  # else another one was faster
                    raise
    except OSError as error:
        raise WeightsError(
            f'weights cannot be unpacked into {target} ({error}): set '
            'XDG_CACHE_HOME to a folder that can be written, with 25 MB of '
            'free space') from None
    return target


def _copy(path, folder):
    if path.suffix != SUFFIX:
        shutil.copyfile(path, folder / path.name)
        return
    try:
        with lzma.open(path) as source, \
                (folder / path.stem).open('wb') as sink:
            shutil.copyfileobj(source, sink)
    except (lzma.LZMAError, EOFError) as error:
        raise WeightsError(f'{path} is damaged ({error}): install rtmw_ext '
                           'again') from None
