"""Precision and speed of the optimizer, registered in MMPose on import."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS
from torch import nn

from ..core.errors import ConfigError

PRECISIONS = ('auto', 'float32', 'bfloat16')


def computes_in_bf16(device: str) -> bool:
    """Whether a device ('cuda' or 'cpu') has instructions for bfloat16, which
    other devices only emulate."""
    if device == 'cuda':
        return torch.cuda.get_device_capability() >= (8, 0)
    supported = getattr(torch.cpu, '_is_avx512_bf16_supported', None)
    return device == 'cpu' and supported is not None and supported()


@OPTIM_WRAPPERS.register_module()
class PrecisionOptimWrapper(OptimWrapper):
    """MMEngine's wrapper with mixed precision in bfloat16, on GPUs and CPUs.

    bfloat16 has the range of float32, so that no loss scaling is needed;
    weights, optimizer and losses stay in float32.

    Args:
        precision: 'bfloat16', 'float32', or 'auto': bfloat16 where the device
            has instructions for it.
        **kwargs: As of MMEngine's ``OptimWrapper``.

    Raises:
        ConfigError: The precision is none of these.
    """

    def __init__(self, *args: Any, precision: str = 'auto', **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if precision not in PRECISIONS:
            raise ConfigError(
                f'precision={precision!r} of the optim_wrapper '
                f'is none of {", ".join(PRECISIONS)}'
            )
        self.precision = precision

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        device = next(model.parameters()).device.type
        lower = self.precision == 'bfloat16' or (
            self.precision == 'auto' and computes_in_bf16(device)
        )
        with (
            super().optim_context(model),
            torch.autocast(device, torch.bfloat16, enabled=lower),
        ):
            yield


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class FusedOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Joins parameter groups and asks for the optimizer's fused step.

    MMEngine's constructor gives each parameter a group of its own, which the
    optimizer steps one after the other. This one joins groups of the same
    options, and fuses the step where torch can.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        wrapper = super().__call__(model)
        optimizer = wrapper.optimizer
        groups = {}
        for group in optimizer.param_groups:
            parameters = group.pop('params')
            joined = groups.setdefault(repr(group), {**group, 'params': []})
            joined['params'] += parameters
        joined = list(groups.values())
        if can_fuse(optimizer):
            for group in joined:
                group['fused'] = True
        optimizer.param_groups[:] = joined
        return wrapper


def can_fuse(optimizer: torch.optim.Optimizer) -> bool:
    """Whether torch has a fused step of an optimizer on GPUs and CPUs; where
    the model is at that time does not matter."""
    version = tuple(map(int, torch.__version__.split('.')[:2]))
    return 'fused' in optimizer.defaults and version >= (2, 4)
