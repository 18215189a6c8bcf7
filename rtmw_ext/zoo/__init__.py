"""Names of models and detectors -> configs, checkpoints and ONNX files."""

import warnings
from collections.abc import Callable

from .checksums import ChangedFileError
from .defaults import DEFAULTS, SECOND_LOOK, STAND_INS, resolve_networks
from .fetch import (
    RANDOM,
    WeightsError,
    can_run,
    is_local,
    is_present,
    require,
    resolve_checkpoint,
    resolve_model,
    resolve_network,
)
from .modes import MODES, Mode
from .registry import (
    MIRROR,
    RELEASE,
    SHIPPED,
    Kind,
    Model,
    UnknownModelError,
    find,
    get,
    models,
    training_data,
    unknown,
)

__all__ = [
    'DEFAULTS',
    'MIRROR',
    'MODES',
    'RANDOM',
    'RELEASE',
    'SECOND_LOOK',
    'SHIPPED',
    'STAND_INS',
    'ChangedFileError',
    'Kind',
    'Mode',
    'Model',
    'UnknownModelError',
    'WeightsError',
    'can_run',
    'find',
    'get',
    'is_local',
    'is_present',
    'models',
    'require',
    'resolve_checkpoint',
    'resolve_model',
    'resolve_network',
    'resolve_networks',
    'training_data',
    'unknown',
]


def __getattr__(name: str) -> Callable[[str], str]:
    if name == 'weights_of':
        warnings.warn(
            'rtmw_ext.zoo.weights_of is resolve_checkpoint; the old name goes with '
            'version 0.3',
            DeprecationWarning,
            stacklevel=2,
        )
        return resolve_checkpoint
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
