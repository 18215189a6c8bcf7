"""Names of models -> files to read.

Shipped files are in the package. Published ONNX files are OpenMMLab's exports,
kept in ``~/.cache/rtmw_ext/onnx`` (``$XDG_CACHE_HOME``); published checkpoints
stay addresses, which MMEngine fetches. ``RTMW_WEIGHTS_MIRROR`` is another
server for both.
"""

import os
import shutil
import urllib.request
import zipfile
from pathlib import Path

from ..core.errors import RTMWError
from ..core.metadata import NetworkError
from ..core.paths import cache_folder
from . import registry
from .registry import MIRROR, Kind

#: Of a published archive, the ONNX file.
INSIDE = 'end2end.onnx'


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
    cached = cache_folder('onnx') / Path(model.onnx).with_suffix('.onnx').name
    if not cached.is_file():
        try:
            _fetch(model.onnx, cached)
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            shipped = [m for m in networks if '://' not in str(m.onnx)]
            raise NetworkError(
                f'network "{name}" cannot be fetched from {model.onnx} ({error}): '
                f'check the connection, set {MIRROR}, put the file at {cached}, or '
                f'use one that is shipped: {registry.aliases(shipped)}'
            ) from None
    return cached


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


def _fetch(address: str, target: Path) -> None:
    """Writes the ONNX file of an archive, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    archive = target.with_suffix(f'.zip.{os.getpid()}')
    unpacked = target.with_suffix(f'.{os.getpid()}')
    try:
        with (
            urllib.request.urlopen(address, timeout=60) as source,
            archive.open('wb') as sink,
        ):
            shutil.copyfileobj(source, sink)
        with zipfile.ZipFile(archive) as content:
            (inside,) = [name for name in content.namelist() if name.endswith(INSIDE)]
            with content.open(inside) as member, unpacked.open('wb') as sink:
                shutil.copyfileobj(member, sink)
        unpacked.replace(target)
    finally:
        archive.unlink(missing_ok=True)
        unpacked.unlink(missing_ok=True)
