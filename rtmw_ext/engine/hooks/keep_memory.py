"""Memory of the C library between the steps of a training on a CPU."""

import ctypes
import platform

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

# Options of mallopt, see malloc/malloc.h of glibc and mallopt(3).
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
M_ARENA_MAX = -8
OPTIONS = {
    # Large blocks come from the heap, which keeps them, not from the kernel.
    M_MMAP_MAX: 0,
    # The end of the heap is never given back.
    M_TRIM_THRESHOLD: 2**31 - 1,
    # Forward and backward, two threads, share what was freed.
    M_ARENA_MAX: 1,
}


@HOOKS.register_module()
class KeepMemoryHook(Hook):
    """Keeps what a training step on a CPU frees for the next step.

    Where the C library is glibc, it gives large blocks back to the kernel,
    which fills them with zeros again: 70,000 page faults, 7 % of the processor
    time, in a step of RTMW3D-t with 64 persons at 128x96. Elsewhere, and on a
    GPU, this hook does nothing.
    """

    def before_train(self, runner: Runner) -> None:
        if not torch.cuda.is_available():
            keep_memory()


def keep_memory() -> bool:
    """Sets ``OPTIONS`` for this process; False where there is no glibc."""
    if platform.libc_ver()[0] != 'glibc':
        return False
    libc = ctypes.CDLL(None)
    return all(libc.mallopt(option, value) for option, value in OPTIONS.items())
