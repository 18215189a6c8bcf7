"""What a training runs on, registered in MMPose's registries on import."""

from . import ema, hooks, optim, visualizer

__all__ = ['ema', 'hooks', 'optim', 'visualizer']
