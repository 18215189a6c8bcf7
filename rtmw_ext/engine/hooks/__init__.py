"""Runner hooks, one file each, registered in MMPose's ``HOOKS`` on import.

A hook joins by its file; those of the package's configs are importable from here.
"""

import importlib
import pkgutil

from .atomic_checkpoint import AtomicCheckpointHook
from .checkpoint_fit import CheckpointFitHook
from .input_size import InputSizeHook
from .keep_memory import KeepMemoryHook
from .part_loss import PartLossHook
from .resume import ResumeHook
from .speed import SpeedHook
from .stage_pipeline_switch import StagePipelineSwitchHook
from .step_ema import StepEMAHook
from .time_budget import TimeBudgetHook
from .validation_picture import ValidationPictureHook

__all__ = [
    'AtomicCheckpointHook',
    'CheckpointFitHook',
    'InputSizeHook',
    'KeepMemoryHook',
    'PartLossHook',
    'ResumeHook',
    'SpeedHook',
    'StagePipelineSwitchHook',
    'StepEMAHook',
    'TimeBudgetHook',
    'ValidationPictureHook',
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f'{__name__}.{_module.name}')
