"""What hooks ask of a runner."""

from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn


def plain_model(runner: Runner) -> nn.Module:
    """The model of a runner without the wrapper of a distributed run."""
    model = runner.model
    return model.module if is_model_wrapper(model) else model


def is_new_training(runner: Runner) -> bool:
    """Whether a run begins to train, neither resuming nor testing."""
    return isinstance(runner._train_loop, BaseLoop) and not runner._resume
