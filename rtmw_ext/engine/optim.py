"""Wrappers of the optimizer and of a distributed model, registered in MMEngine
on import."""

import contextlib
import ctypes
import platform

import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import MODEL_WRAPPERS
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS

PRECISIONS = ('auto', 'float32', 'bfloat16')


def keep_memory():
    """Keeps what a training step on a CPU frees for the next step, where the C
    library is glibc, which else gives it back and has it filled with zeros
    again: ``M_MMAP_MAX``, ``M_TRIM_THRESHOLD`` and, so that forward and
    backward share it, ``M_ARENA_MAX``."""
    if platform.libc_ver()[0] == 'glibc':
        libc = ctypes.CDLL(None)
        for option, limit in ((-4, 0), (-1, 2**31 - 1), (-8, 1)):
            libc.mallopt(option, limit)


def computes_in_bf16(device):
    """Whether a device ('cuda' or 'cpu') has instructions for bfloat16, which
    other devices only emulate."""
    if device == 'cuda':
        return torch.cuda.get_device_capability() >= (8, 0)
    supported = getattr(torch.cpu, '_is_avx512_bf16_supported', None)
    return device == 'cpu' and supported is not None and supported()


@OPTIM_WRAPPERS.register_module()
class PrecisionOptimWrapper(OptimWrapper):
    """MMEngine's wrapper with mixed precision in bfloat16, on GPUs and CPUs.
    It has the range of float32, so that no loss scaling is needed; weights,
    optimizer and losses stay in float32.

    Args:
        precision (str): 'bfloat16', 'float32', or 'auto': bfloat16 where the
            device has instructions for it.
        kwargs: As of MMEngine's ``OptimWrapper``.

    Raises:
        ValueError: The precision is none of these.
    """

    def __init__(self, *args, precision='auto', **kwargs):
        super().__init__(*args, **kwargs)
        if precision not in PRECISIONS:
            raise ValueError(
                f'precision={precision!r} of the optim_wrapper '
                f'is none of {", ".join(PRECISIONS)}'
            )
        self.precision = precision

    @contextlib.contextmanager
    def optim_context(self, model):
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
    """MMEngine's constructor gives each parameter a group of its own, which
    the optimizer steps one after the other. This one joins groups of the same
    options, and asks for the optimizer's fused step where torch has it."""

    def __call__(self, model):
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


def can_fuse(optimizer):
    """Whether torch has a fused step of an optimizer on GPUs and CPUs; where
    the model is at that time does not matter."""
    version = tuple(map(int, torch.__version__.split('.')[:2]))
    return 'fused' in optimizer.defaults and version >= (2, 4)


@MODEL_WRAPPERS.register_module()
class ChannelsLastDDP(MMDistributedDataParallel):
    """MMEngine's distributed model, laid out for speed before torch takes the
    layout of its weights for that of their gradients: changed afterwards, it
    mixes the gradients up without a word.

    Args:
        module (nn.Module): The model.
        channels_last (bool): Whether to lay it out so.
        kwargs: As of MMEngine's wrapper.
    """

    def __init__(self, module, channels_last=True, **kwargs):
        if channels_last:
            module = module.to(memory_format=torch.channels_last)
        super().__init__(module, **kwargs)
