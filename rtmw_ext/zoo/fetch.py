"""Names of models -> files to read.

Shipped files are in the package. Published ONNX files are OpenMMLab's exports,
kept in ``~/.cache/rtmw_ext/onnx`` (``$XDG_CACHE_HOME``); published checkpoints
stay addresses, which MMEngine fetches. ``RTMW_WEIGHTS_MIRROR`` is another
server for both.
"""

import http.client
import os
import queue
import shutil
import sys
import threading
import urllib.request
import zipfile
import zlib
from pathlib import Path
from typing import Any
from urllib.error import URLError

from tqdm import tqdm

from ..core.errors import RTMWError
from ..core.metadata import NetworkError
from ..core.paths import cache_folder
from . import registry
from .registry import MIRROR, Kind

#: Of a published archive, the ONNX file.
INSIDE = 'end2end.onnx'
#: Seconds that a server has to answer, and to go on with a file.
PATIENCE = 20
STALL = 30
#: What a server that is none, or a damaged archive, raises.
FETCH_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    http.client.HTTPException,
    zipfile.BadZipFile,
    zlib.error,
)


class FetchError(RTMWError, OSError):
    """A published file is not cached and cannot be fetched; the text says why."""


class WeightsError(RTMWError, ValueError):
    """There are no weights in this place; the text says what to do."""


def resolve_checkpoint(name: str) -> str:
    """The PyTorch checkpoint that a name, a path or an address means.

    Args:
        name: Of a model, a path, an address, or a training's work folder, which
            means its last checkpoint.

    Returns:
        A path or an address. Only a file of the package is known to exist.

    Raises:
        UnknownModelError: The model is an ONNX file only.
        WeightsError: This version comes without it, or the folder is not that
            of a training.
    """
    model = registry.find(name)
    if model is not None:
        return require(model.pytorch()[1])
    folder = Path(name)
    if not folder.is_dir():
        return require(name)
    last = folder / 'last_checkpoint'
    if not last.is_file():
        raise WeightsError(
            f'folder {name} has no last_checkpoint: it is not that of a training'
        )
    # A folder that was moved names its old place.
    return str(folder / Path(last.read_text().strip()).name)


def resolve_network(name: str | Path, kind: Kind = 'pose') -> Path:
    """The file of a network. A published one is fetched when it is first used.

    Args:
        name: A path, or the name of a model that has an ONNX file.
        kind: ``pose`` or ``detector``.

    Returns:
        Of an ``.onnx`` or ``.xml`` file.

    Raises:
        NetworkError: Neither a file nor a name, or it cannot be fetched.
        WeightsError: This version comes without it.
    """
    if Path(name).suffix in ('.onnx', '.xml') or Path(name).exists():
        return Path(name)
    networks = [m for m in registry.models() if m.kind == kind and m.onnx]
    model = registry.find(str(name))
    if model is None or model.kind != kind or model.onnx is None:
        exportable = model is not None and model.kind == kind == 'pose'
        export = f'rtmw export {name}' if exportable else 'rtmw export'
        raise NetworkError(
            f'unknown network "{name}": give an .onnx or .xml file (see `{export}`), '
            f'or one of {registry.aliases(networks)}'
        )
    if '://' not in model.onnx:
        return Path(require(model.onnx))
    try:
        return fetch(model.onnx)
    except FetchError as error:
        shipped = [m for m in networks if '://' not in str(m.onnx)]
        raise NetworkError(
            f'network "{name}" cannot be fetched from {model.onnx} ({error}): '
            f'check the connection, set {MIRROR}, put the file at '
            f'{cached(model.onnx)}, or use one that is shipped: '
            f'{registry.aliases(shipped)}'
        ) from None


def cached(address: str) -> Path:
    """Where the ONNX file of a published archive is kept; it need not exist."""
    return cache_folder('onnx') / Path(address).with_suffix('.onnx').name


def fetch(address: str, patience: float = PATIENCE) -> Path:
    """The ONNX file of a published archive, fetched if it is not cached.

    Args:
        address: Of the archive.
        patience: Seconds that the server has to answer.

    Returns:
        A file that is whole.

    Raises:
        FetchError: There is none.
    """
    target = cached(address)
    if not target.is_file():
        try:
            _fetch(address, target, patience)
        except FETCH_ERRORS as error:
            # Its text is '<urlopen error [Errno 111] Connection refused>'.
            cause = error.reason if type(error) is URLError else error
            raise FetchError(str(cause) or type(cause).__name__) from None
    return target


def require(location: str) -> str:
    """Checks that a file of the package exists.

    Args:
        location: ``weights`` or ``onnx`` of a model, or any path or address.

    Returns:
        The location. Other paths and addresses are not checked.

    Raises:
        WeightsError: This version comes without the file.
    """
    path = Path(location)
    if path.parent == registry.SHIPPED and not path.is_file():
        raise WeightsError(
            f'this version of rtmw_ext comes without {path.name}: train it and run '
            'tools/ship_weights.py (docs/recipes.md), or update rtmw_ext'
        )
    return location


def is_present(location: str) -> bool:
    """Whether it is an address, or a file that is there."""
    return '://' in location or Path(location).is_file()


def _fetch(address: str, target: Path, patience: float) -> None:
    """Writes the ONNX file of an archive, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    archive = target.with_suffix(f'.zip.{os.getpid()}')
    unpacked = target.with_suffix(f'.{os.getpid()}')
    try:
        with _open(address, patience) as source, archive.open('wb') as sink:
            size = source.headers.get('Content-Length', '')
            with tqdm.wrapattr(
                source,
                'read',
                total=int(size) if size.isdigit() else None,
                desc=f'{target.stem}, fetched once',
                leave=False,
                disable=not sys.stderr.isatty(),
            ) as watched:
                shutil.copyfileobj(watched, sink)
        with zipfile.ZipFile(archive) as content:
            (inside,) = [name for name in content.namelist() if name.endswith(INSIDE)]
            with content.open(inside) as member, unpacked.open('wb') as sink:
                shutil.copyfileobj(member, sink)
        unpacked.replace(target)
    finally:
        archive.unlink(missing_ok=True)
        unpacked.unlink(missing_ok=True)


def _open(address: str, patience: float) -> Any:
    """The server's response. In a thread, as the time limit of a socket holds
    neither for the look-up of the name nor for all of a server's addresses.

    Raises:
        TimeoutError: There is none in time.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(address, timeout=STALL))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=patience)
    except queue.Empty:
        raise TimeoutError(f'no answer in {patience:g} s') from None
    if isinstance(answer, Exception):
        raise answer
    return answer
