"""RTMW and RTMW3D: real-time whole-body pose, as a plugin of MMPose.

Importing it registers the modules in MMPose's registries and makes the model
names (``rtmw-m``, ``rtmw-l``, ``rtmw-x``, ...) known to ``MMPoseInferencer``.
"""
from .dependencies import check
from .version import __version__

check()

from . import compat  # noqa: E402

compat.apply()

from . import (  # noqa: E402
    codecs,
    datasets,
    evaluation,
    hooks,
    inferencer,
    models,
    optim,
    synthetic,
    visualization,
)

inferencer.enable()

__all__ = [
    '__version__', 'codecs', 'compat', 'datasets', 'evaluation', 'hooks',
    'models', 'optim', 'synthetic', 'visualization'
]
