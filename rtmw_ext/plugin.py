"""Registers everything in MMPose on import, once. ``rtmw_ext`` imports it."""

from .compat import dependencies, patches

dependencies.check()
patches.apply()

from . import codecs, datasets, engine, evaluation, models, synthetic  # noqa: E402, F401
from .apis import inferencer  # noqa: E402

inferencer.enable()
