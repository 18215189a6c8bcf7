"""Signals that stop a run: what is done is written to its end first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Stopped(KeyboardInterrupt):
    """A signal came that asks to stop, as Ctrl-C does.

    Attributes:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


#: What ``docker stop``, batch systems and closed terminals send. Not everywhere.
ASKING = [
    getattr(signal, name) for name in ('SIGTERM', 'SIGHUP') if hasattr(signal, name)
]


def _stop(number: int, _: FrameType | None) -> None:
    raise Stopped(number)


@contextmanager
def stoppable() -> Iterator[None]:
    """Within the block, SIGTERM and SIGHUP raise :class:`Stopped`, unless they
    are ignored (as by ``nohup``) or handled by others."""
    changed = []
    if threading.current_thread() is threading.main_thread():
        changed = [
            number for number in ASKING if signal.getsignal(number) is signal.SIG_DFL
        ]
    for number in changed:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def handlers_kept() -> Iterator[None]:
    """What handles SIGTERM and SIGHUP after the block is what did before it: libraries,
    such as Ray, bring handlers of their own."""
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in ASKING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP wait for the end of the block: no file is half
    written, and all of them hold the same frames."""
    # The main thread alone may set handlers, and only it is interrupted.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before: dict[int, Any] = {}
    for number in (signal.SIGINT, *ASKING):
        # Others' handlers, of C code, cannot be put back.
        if callable(handler := signal.getsignal(number)):
            before[number] = handler
            signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
