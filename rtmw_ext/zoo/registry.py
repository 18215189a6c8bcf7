"""Model names -> configs and weights, from the metafiles.

An alias is a model (``rtmw-l``: its most accurate input size) or a model and
an input size (``rtmw-l-256x192``). Weights are released ones, with an address,
or our own, files of this package.
"""

import functools
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

import yaml

from ..core.errors import RTMWError
from .packed import WeightsError, packed_files, unpack

PACKAGE = Path(__file__).resolve().parents[1]
MIRROR = 'RTMW_WEIGHTS_MIRROR'
RELEASE = 'https://download.openmmlab.com/'
#: Where our own weights are, compressed.
SHIPPED = PACKAGE / 'zoo' / 'weights'


class UnknownModelError(RTMWError, ValueError):
    """No model has this name; the text lists the right ones."""


@dataclass(frozen=True)
class Model:
    """A row of a metafile.

    Attributes:
        name (str): The config's name.
        aliases (tuple[str]): Other names.
        config (Path): The config file.
        weights (str): Address of the released weights, or path of our own.
        task (str): ``Results[0]['Task']``, or ``'Object Detection'``.
        metrics (dict): Published metrics, {name: value}.
    """

    name: str
    aliases: tuple
    config: Path
    weights: str
    task: str
    metrics: dict

    @property
    def network(self):
        """Path of the ONNX file beside our own weights; None for others."""
        weights = Path(self.weights)
        return (
            weights.with_name(f'{self.name}.onnx')
            if (weights.parent == SHIPPED)
            else None
        )


def root():
    """The folder that holds ``configs/`` and ``model-index.yml``: ``.mim`` in
    an installed package, the repository in a development install."""
    mim = PACKAGE / '.mim'
    return mim if (mim / 'model-index.yml').exists() else PACKAGE.parent


def models():
    """All models, in the order of the metafiles."""
    return [_located(model) for model in _read()]


@functools.lru_cache
def _read():
    index = yaml.safe_load((root() / 'model-index.yml').read_text())
    found = []
    for metafile in index['Import']:
        content = yaml.safe_load((root() / metafile).read_text())
        for entry in content['Models']:
            results = entry['Results'][0]
            found.append(
                Model(
                    name=entry['Name'],
                    aliases=tuple(entry['Alias']),
                    config=_config_path(entry['Config']),
                    weights=entry['Weights'],
                    task=results['Task'],
                    metrics=results['Metrics'],
                )
            )
    return found


def _config_path(text):
    """``package:path`` is a config that another package ships."""
    if ':' not in text:
        return root() / text
    package, path = text.split(':')
    found = importlib.util.find_spec(package)
    # Without the package (the runtime alone) there is nothing to read.
    folder = Path(found.origin).parent if found else Path(package)
    return folder / '.mim' / path


def shipped(path):
    """The file to read for a path or an address. One of our own weights is in
    the user's cache (:mod:`rtmw_ext.zoo.packed`); others are what they are.

    Args:
        path (str | Path): ``weights`` or ``network`` of a model, or any other.

    Returns:
        str | Path: Of the same type.

    Raises:
        WeightsError: The package should have it, or it cannot be unpacked.
    """
    if Path(path).parent != SHIPPED:
        return path
    if not is_in_package(path):
        raise WeightsError(
            f'this version of rtmw_ext comes without {Path(path).name}: '
            'train it and run tools/ship_weights.py (docs/synthetic.md), or '
            'update rtmw_ext'
        )
    return type(path)(unpack(SHIPPED) / Path(path).name)


def weights_of(text):
    """The weights that a model's name, a path or an address means: the file to
    read or the address.

    Raises:
        WeightsError: As of :func:`shipped`.
    """
    model = find(text)
    return shipped(model.weights if model else text)


def is_in_package(path):
    """Whether the package has the file, which is compressed there."""
    return any(one.is_file() for one in packed_files(path))


def _located(model):
    """The model with its weights where they are here: in the package, on the
    mirror, or at their address."""
    mirror = os.environ.get(MIRROR)
    if '://' not in model.weights:
        weights = str(SHIPPED / Path(model.weights).name)
    elif mirror and model.weights.startswith(RELEASE):
        weights = mirror.rstrip('/') + '/' + model.weights[len(RELEASE) :]
    else:
        return model
    return Model(**{**model.__dict__, 'weights': weights})


def find(name):
    """The model with this name or alias (case does not matter), or None."""
    name = name.lower()
    for model in models():
        if name in (model.name.lower(), *model.aliases):
            return model
    return None


def get(name):
    """As ``find``, but an unknown name is an error.

    Raises:
        UnknownModelError: No model has the name.
    """
    model = find(name)
    if model is None:
        raise UnknownModelError(unknown(name))
    return model


def unknown(name):
    """The error text for a name that nothing has."""
    names = ', '.join(alias for model in models() for alias in model.aliases)
    return (
        f'unknown model "{name}": use one of {names}, a config name or '
        'the path of a config'
    )
