"""Registers everything in MMPose. Imported by ``rtmw_ext`` when it is time."""

from .compat.dependencies import check

check()

from .compat import patches  # noqa: E402

patches.apply()

from . import codecs, datasets, engine, evaluation, models, synthetic  # noqa: E402
from .apis import inferencer  # noqa: E402

inferencer.enable()

__all__ = [
    'codecs',
    'datasets',
    'engine',
    'evaluation',
    'inferencer',
    'models',
    'synthetic',
]
