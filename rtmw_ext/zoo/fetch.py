"""Names of models -> files to read.

Shipped files are in the package. Published ONNX files are fetched once and kept in
``~/.cache/rtmw_ext/onnx`` (``$XDG_CACHE_HOME``); where only a checkpoint is published,
the ONNX file is exported there once. In PyTorch, published checkpoints stay
addresses, which MMEngine fetches. ``RTMW_WEIGHTS_MIRROR`` is another server for all.
"""

import difflib
import importlib.util
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from ..core.errors import ConfigError, RTMWError
from ..core.metadata import NetworkError
from ..core.paths import cache_folder
from . import registry
from .checksums import FetchError, check_unchanged
from .registry import MIRROR, Kind, Model

#: Seconds that a server has to answer.
PATIENCE = 20
#: In place of weights: those of a new model.
RANDOM = 'random'
#: What an export needs, as Python imports it.
EXPORTERS = ('torch', 'mmengine', 'mmpose')
#: OpenMMLab ends the name of a checkpoint with the first digits of its SHA-256, or
#: with a date alone.
DIGITS = re.compile(r'-(?!20\d{6}\.)([0-9a-f]{8})(?:_\d{8})?\.pth$')
#: Names that an error proposes.
PROPOSED = 5


class WeightsError(RTMWError, ValueError):
    """There are no weights in this place; the text says what to do."""


def resolve_model(name: str | Path, weights: str | None = None) -> tuple[Path, str]:
    """The config and the checkpoint that a PyTorch model is built of.

    Args:
        name: Of a model, or the path of a config.
        weights: As of :func:`resolve_checkpoint`, or ``random``; None takes those
            of a named model.

    Returns:
        A file that exists; and one that exists, an address or ``random``.

    Raises:
        UnknownModelError: Nothing has this name, or the model is an ONNX file only.
        ConfigError: The config does not exist.
        WeightsError: There are no such weights.
    """
    config = Path(name)
    if config.suffix == '.py':
        if not config.is_file():
            raise ConfigError(f'config {config} does not exist: check the path')
    else:
        config, known = registry.get(str(name)).pytorch()
        weights = known if weights is None else weights
    if weights is None:
        raise WeightsError(
            f'config {config} comes without weights: name a checkpoint by --weights, '
            f'or "{RANDOM}"'
        )
    if weights != RANDOM:
        weights = resolve_checkpoint(weights)
        if not is_present(weights):
            raise WeightsError(f'checkpoint {weights} does not exist: check the path')
    return config, weights


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
    """The file of a network. A published one is fetched, or exported from its
    checkpoint, when it is first used.

    Args:
        name: A path, or the name of a model.
        kind: ``pose`` or ``detector``.

    Returns:
        Of an ``.onnx`` or ``.xml`` file.

    Raises:
        NetworkError: Neither a file nor a name, or it cannot be fetched or
            exported.
        WeightsError: This version comes without it.
        ChangedFileError: The file is not the one that was fetched first.
    """
    if Path(name).suffix in ('.onnx', '.xml') or Path(name).exists():
        return Path(name)
    model = registry.find(str(name))
    if model is None or model.kind != kind or not can_run(model):
        raise NetworkError(
            f'unknown network "{name}": give an .onnx or .xml file (see `rtmw '
            f'export`), or a name of `rtmw models`, such as {_like(str(name), kind)}'
        )
    if model.onnx is None:
        return _exported(model)
    if '://' not in model.onnx:
        return Path(require(model.onnx))
    try:
        return fetch(model.onnx, sha256=model.sha256)
    except FetchError as error:
        shipped = [
            m for m in registry.models() if m.kind == kind and '://' not in str(m.onnx)
        ]
        raise NetworkError(
            f'network "{name}" cannot be fetched from {model.onnx} ({error}): '
            f'check the connection, set {MIRROR}, put the file at '
            f'{cached(model.onnx)}, or use one that is shipped: '
            f'{registry.aliases(m for m in shipped if m.onnx)}'
        ) from None


def can_run(model: Model) -> bool:
    """Whether :func:`resolve_network` knows a file of this model."""
    return bool(model.onnx or (model.kind == 'pose' and model.weights))


def is_local(model: Model) -> bool:
    """Whether the file of a model that can run is there already."""
    if model.onnx is None:
        return _export_of(model).is_file()
    return (cached(model.onnx) if '://' in model.onnx else Path(model.onnx)).is_file()


def cached(address: str) -> Path:
    """Where a published file is kept, or the ONNX file of an archive; it need not
    exist."""
    path = cache_folder('onnx') / address.rsplit('/', 1)[-1]
    return path.with_suffix('.onnx') if path.suffix == '.zip' else path


def fetch(address: str, patience: float = PATIENCE, sha256: str | None = None) -> Path:
    """A published file, fetched if it is not cached.

    Args:
        address: Of the file, or of the archive that holds it.
        patience: Seconds that the server has to answer.
        sha256: Of the file, or its first digits; None where it is not published.

    Returns:
        A file that is whole.

    Raises:
        FetchError: There is none.
        ChangedFileError: It is not the one that was fetched first.
    """
    target = cached(address)
    if target.is_file():
        check_unchanged(target, sha256)
    else:
        # Python takes 40 ms for its HTTP: what is cached needs none.
        from .download import download

        download(address, target, patience, sha256)
    return target


def _like(name: str, kind: Kind) -> str:
    """Names of networks that are like this one, as a text."""
    names = [
        alias
        for model in registry.models()
        if model.kind == kind and can_run(model)
        for alias in model.aliases
    ]
    return ', '.join(difflib.get_close_matches(name.lower(), names, PROPOSED, 0))


def _export_of(model: Model) -> Path:
    return cache_folder('onnx') / f'{model.name}.onnx'


def _exported(model: Model) -> Path:
    """The ONNX file of a model that is published as a checkpoint only, exported once.
    In a process of its own, so that no torch comes into this one.

    Raises:
        NetworkError: It cannot be; the text says what makes the file.
    """
    target, name = _export_of(model), model.aliases[0]
    if target.is_file():
        check_unchanged(target)
        return target
    by_hand = (
        f'run `rtmw export {name}` on a machine that has PyTorch and MMPose '
        f'(docs/install.md), and put {name}.onnx at {target}, or give it to --pose'
    )
    absent = [module for module in EXPORTERS if not importlib.util.find_spec(module)]
    if absent:
        raise NetworkError(
            f'network "{name}" is published as a PyTorch checkpoint only, and '
            f'{" and ".join(absent)} are not here: {by_hand}'
        )
    weights = require(str(model.weights))
    published = '://' in weights
    try:
        checkpoint = fetch(weights, sha256=_digits(weights)) if published else weights
    except FetchError as error:
        raise NetworkError(
            f'network "{name}" cannot be exported: its checkpoint cannot be fetched '
            f'from {weights} ({error}): check the connection, set {MIRROR}, or '
            f'{by_hand}'
        ) from None
    warnings.warn(f'exporting {name} once, to {target}', stacklevel=3)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        written = Path(work) / target.name
        config = model.pytorch()[0]
        arguments = ['export', config, '--weights', checkpoint, '--out', written]
        done = subprocess.run(
            [sys.executable, '-m', 'rtmw_ext.commands.cli', *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            (*_, reason) = ['no reason', *done.stdout.split('\n')[:-1]]
            raise NetworkError(f'network "{name}" cannot be exported ({reason})')
        written.replace(target)
    check_unchanged(target)
    if published:
        Path(checkpoint).unlink()
    return target


def _digits(address: str) -> str | None:
    """The digits of its SHA-256 in the name of a checkpoint, if there are any."""
    found = DIGITS.search(address)
    return found[1] if found else None


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
