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
KEEP = {
    # Large blocks come from the heap, which keeps them, not from the kernel.
    M_MMAP_MAX: 0,
    # The end of the heap is never given back.
    M_TRIM_THRESHOLD: 2**31 - 1,
    # Forward and backward, two threads, share what was freed.
    M_ARENA_MAX: 1,
}
#: glibc's own values.
DEFAULTS = {M_MMAP_MAX: 65536, M_TRIM_THRESHOLD: 128 * 1024, M_ARENA_MAX: 0}


@HOOKS.register_module()
class KeepMemoryHook(Hook):
    """Keeps what a training step on a CPU frees for the next step.

    glibc gives large blocks back to the kernel, which fills them with zeros
    again: 70,000 page faults, 7 % of the processor time, in a step of RTMW3D-t
    with 64 persons at 128x96. With another C library, and on a GPU, this hook
    does nothing.
    """

    def __init__(self) -> None:
        glibc = platform.libc_ver()[0] == 'glibc' and not torch.cuda.is_available()
        self.libc = ctypes.CDLL(None) if glibc else None

    def before_train(self, runner: Runner) -> None:
        self._set(KEEP)

    def after_train(self, runner: Runner) -> None:
        self._set(DEFAULTS)
        if self.libc is not None:
            self.libc.malloc_trim(0)

    def _set(self, options: dict[int, int]) -> None:
        if self.libc is not None:
            for option, value in options.items():
                self.libc.mallopt(option, value)
