"""Model names -> configs, PyTorch checkpoints and ONNX files, from the metafiles.

An alias is a model (``rtmw-l``: its most accurate input size) or a model and
an input size (``rtmw-l-256x192``). Files are published, at an address, or shipped
in this package.
"""

import functools
import importlib.util
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from ..core.errors import RTMWError, UsageError
from ..core.paths import PACKAGE, root

MIRROR = 'RTMW_WEIGHTS_MIRROR'
#: The servers of published files.
RELEASE = 'https://download.openmmlab.com/'
HUGGING_FACE = 'https://huggingface.co/'
#: The folder of shipped files.
SHIPPED = PACKAGE / 'zoo' / 'weights'

Kind = Literal['pose', 'detector']
#: Collections of pose networks that find the people themselves.
ONE_STAGE = ('RTMO',)


class UnknownModelError(RTMWError, ValueError):
    """No model has this name, or not in this form; the text lists the right
    ones."""


@dataclass(frozen=True)
class Model:
    """An entry of a metafile.

    Attributes:
        name: The config's name.
        aliases: Other names, the usual one first.
        former_alias: A name that it had, and has for one more release.
        task: ``Results[0]['Task']``, e.g. ``'Wholebody 2D Keypoint'`` or
            ``'Object Detection'``.
        metrics: Published metrics, {name: value}.
        config: The config file; None for a model that is an ONNX file only.
        weights: Address or path of the PyTorch checkpoint; None without one.
        onnx: Address of the ONNX file or of a zip archive that holds it, or path
            of the shipped file; None without one.
        sha256: Of the ONNX file; None where none is published.
        data: What it was trained on, in words.
        one_stage: It is a pose network that finds the people itself.
    """

    name: str
    aliases: tuple[str, ...]
    former_alias: str | None
    task: str
    metrics: dict[str, float]
    config: Path | None
    weights: str | None
    onnx: str | None
    sha256: str | None = None
    data: str | None = None
    one_stage: bool = False

    @property
    def kind(self) -> Kind:
        return 'detector' if self.task == 'Object Detection' else 'pose'

    def pytorch(self) -> tuple[Path, str]:
        """The config and the checkpoint.

        Raises:
            UnknownModelError: The model is an ONNX file only.
        """
        if self.config is None or self.weights is None:
            raise UnknownModelError(
                f'model "{self.aliases[0]}" has no PyTorch checkpoint, only an ONNX '
                'file: use it in `rtmw infer`, or use one of '
                f'{aliases(model for model in models() if model.weights)}'
            )
        return self.config, self.weights


def models() -> list[Model]:
    """All models, in the order of the metafiles."""
    return [
        replace(model, weights=_located(model.weights), onnx=_located(model.onnx))
        for model in _read()
    ]


@functools.lru_cache
def _read() -> list[Model]:
    return [
        _model(entry)
        for metafile in _yaml('model-index.yml')['Import']
        for entry in _yaml(metafile)['Models']
    ]


def _yaml(name: str) -> dict[str, Any]:
    # Where libyaml is there, it takes a seventh of the time.
    loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    return yaml.load((root() / name).read_text(), loader)


def _model(entry: dict[str, Any]) -> Model:
    result = entry['Results'][0]
    return Model(
        name=entry['Name'],
        aliases=tuple(entry['Alias']),
        former_alias=entry.get('Former Alias'),
        task=result['Task'],
        metrics=result['Metrics'],
        config=_config_path(entry['Config']) if 'Config' in entry else None,
        weights=entry.get('Weights'),
        onnx=entry.get('ONNX'),
        sha256=entry.get('SHA256'),
        data=entry.get('Metadata', {}).get('Training Data'),
        one_stage=entry['In Collection'] in ONE_STAGE,
    )


def _config_path(text: str) -> Path:
    """``package:path`` is a config that another package ships."""
    if ':' not in text:
        return root() / text
    package, path = text.split(':')
    spec = importlib.util.find_spec(package)
    # Without the package (the runtime alone) there is nothing to read.
    folder = Path(spec.origin).parent if spec and spec.origin else Path(package)
    return folder / '.mim' / path


def _located(location: str | None) -> str | None:
    """Where a file of a metafile is: in the package, on the mirror, or at its
    address.

    Raises:
        UsageError: The mirror is no address.
    """
    mirror = os.environ.get(MIRROR)
    if location is None:
        return None
    if '://' not in location:
        return str(SHIPPED / Path(location).name)
    if not mirror:
        return location
    if '://' not in mirror:
        raise UsageError(
            f'{MIRROR} is "{mirror}": it must be an address, such as '
            f'http://host/folder or file:///folder, that stands for {RELEASE}'
        )
    path = location.removeprefix(RELEASE).removeprefix(HUGGING_FACE)
    return f'{mirror.rstrip("/")}/{path}'


def find(name: str) -> Model | None:
    """The model with this name or alias (case does not matter), or None."""
    name = name.lower()
    for model in models():
        if name in (model.name.lower(), *model.aliases):
            return model
        if name == model.former_alias:
            warnings.warn(
                f'"{name}" is now called "{model.aliases[0]}": the old name goes '
                'with the next release',
                FutureWarning,
                stacklevel=2,
            )
            return model
    return None


def get(name: str) -> Model:
    """As :func:`find`, but an unknown name is an error.

    Raises:
        UnknownModelError: No model has the name.
    """
    model = find(name)
    if model is None:
        raise UnknownModelError(unknown(name))
    return model


def training_data(network: Path) -> str | None:
    """What the network of a file was trained on, in words; None if the file is no
    model's."""
    for model in models():
        # Of an archive, the folder has the name.
        if model.onnx and any(
            Path(part).stem == Path(model.onnx).stem for part in network.parts
        ):
            return model.data
    return None


def unknown(name: str) -> str:
    """The error text for a name that no PyTorch model has."""
    return (
        f'unknown model "{name}": use one of '
        f'{aliases(model for model in models() if model.weights)}, a config name or '
        'the path of a config'
    )


def aliases(chosen: Iterable[Model]) -> str:
    """The names of models as a text."""
    return ', '.join(alias for model in chosen for alias in model.aliases)
