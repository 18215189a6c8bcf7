"""The moving average of a model's weights, for all weights at once."""

import math

import torch
from mmpose.engine.hooks.ema_hook import ExpMomentumEMA
from mmpose.registry import MODELS
from torch import nn


@MODELS.register_module()
class ForeachEMA(ExpMomentumEMA):
    """mmpose's ``ExpMomentumEMA``, the same but for rounding, in a few calls.

    It does not ask the device, for each weight, how many steps there were.

    Arguments are mmpose's.
    """

    def update_parameters(self, model: nn.Module) -> None:
        """One step of the average, from the weights of ``model``."""
        if self.__dict__.get('source') is not model:
            # Beside the module's own children, of which it must not be one.
            self.__dict__['source'] = model
            weights = (
                model.state_dict()
                if self.update_buffers
                else dict(model.named_parameters())
            )
            self.pairs = [
                (average, weights[name].detach())
                for name, average in self.avg_parameters.items()
            ]
            self.floating = [
                list(side)
                for side in zip(
                    *(pair for pair in self.pairs if pair[0].dtype.is_floating_point)
                )
            ]
            self.taken = int(self.steps)
        with torch.no_grad():
            if self.taken == 0:
                for average, weight in self.pairs:
                    average.copy_(weight)
            elif self.taken % self.interval == 0:
                momentum = (1 - self.momentum) * math.exp(
                    -(1.0 + self.taken) / self.gamma
                ) + self.momentum
                torch._foreach_lerp_(*self.floating, momentum)
            if not self.update_buffers:
                for average, buffer in zip(self.module.buffers(), model.buffers()):
                    average.copy_(buffer)
            self.steps += 1
        self.taken += 1
