"""Registers everything in MMPose. Imported by ``rtmw_ext`` when it is time."""
from .dependencies import check

check()

from . import compat  # noqa: E402

compat.apply()

from . import datasets, evaluation, hooks, inferencer, models  # noqa: E402

inferencer.enable()

__all__ = ['datasets', 'evaluation', 'hooks', 'inferencer', 'models']
