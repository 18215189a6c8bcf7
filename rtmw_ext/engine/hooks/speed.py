"""Memory layout and compilation of the network."""

from functools import partial

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor, nn

from .runner_state import plain_model


@HOOKS.register_module()
class SpeedHook(Hook):
    """Lays out and compiles the network for speed; the weights stay those of
    the same names. Without a GPU, grouped convolutions run in float32.

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
        if not torch.cuda.is_available():
            for module in model.modules():
                if isinstance(module, nn.Conv2d) and module.groups > 1:
                    module.forward = partial(convolve_in_float32, module)
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


def convolve_in_float32(module: nn.Conv2d, x: Tensor) -> Tensor:
    """What a convolution makes of x (B, C, H, W), computed in float32 where autocast
    would take another type; in x's type.

    On CPUs, the weights' gradient of grouped convolutions is five times slower in
    bfloat16 (oneDNN 3.12; 59 and 11 ms of 48 channels at 32x24 with 32 persons), a
    fifth of a step of RTMW-t.
    """
    with torch.autocast(x.device.type, enabled=False):
        return nn.Conv2d.forward(module, x.float()).to(x.dtype)
