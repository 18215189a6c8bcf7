"""What a training runs on, registered in MMPose's registries on import."""

import mmpose  # noqa: F401  (registers every room before this one is half loaded)

from . import ema, hooks, model_wrapper, optim_wrapper, safetensors, visualizer

__all__ = [
    'ema',
    'hooks',
    'model_wrapper',
    'optim_wrapper',
    'safetensors',
    'visualizer',
]
