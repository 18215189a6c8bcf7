"""Names of models and detectors -> configs, checkpoints and ONNX files."""

from .fetch import (
    WeightsError,
    is_present,
    require,
    resolve_checkpoint,
    resolve_network,
)
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
    unknown,
)

__all__ = [
    'MIRROR',
    'RELEASE',
    'SHIPPED',
    'Kind',
    'Model',
    'UnknownModelError',
    'WeightsError',
    'find',
    'get',
    'is_present',
    'models',
    'require',
    'resolve_checkpoint',
    'resolve_network',
    'unknown',
]
