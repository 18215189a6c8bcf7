"""Registers everything in MMPose. Imported by ``rtmw_ext`` when it is time."""
from .dependencies import check

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
    'codecs', 'datasets', 'evaluation', 'hooks', 'inferencer', 'models',
    'optim', 'synthetic', 'visualization'
]
