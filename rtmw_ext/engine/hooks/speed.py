"""Memory layout and compilation of the network."""

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from .runner_state import plain_model


@HOOKS.register_module()
class SpeedHook(Hook):
    """Lays out and compiles the network for speed; the weights stay those of
    the same names.

    Args:
        channels_last: Memory format of the weights and, by them, of the
            feature maps: what the convolutions of GPUs, and of CPUs in
            bfloat16, are fastest in.
        compile: ``torch.compile`` of the modules but the keypoint loss, with
            these arguments. The first step takes minutes, so that it pays in
            long trainings.
    """

    def __init__(
        self, channels_last: bool = True, compile: bool | dict = False
    ) -> None:
        self.channels_last = channels_last
        self.compile = compile

    def before_run(self, runner: Runner) -> None:
        # Before the weights are drawn, whose order in memory it changes. Of a
        # distributed model it is too late: see ChannelsLastDDP.
        if self.channels_last and not is_model_wrapper(runner.model):
            runner.model.to(memory_format=torch.channels_last)

    def before_train(self, runner: Runner) -> None:
        model = plain_model(runner)
        if self.compile:
            options = {} if self.compile is True else self.compile
            for module in (
                model.backbone,
                getattr(model, 'neck', None),
                *model.head.children(),
            ):
                # PartLossHook's forward hooks do not run in a compiled loss.
                if module not in (None, model.head.loss_module):
                    module.compile(**options)
