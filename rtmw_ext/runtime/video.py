"""Videos and webcams in, and work done ahead in threads."""

import math
import queue
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..core.errors import VideoError
from ..core.media import (
    has_length,
    is_address,
    is_live,
    without_password,
)
from .readers import open_reader

DEFAULT_RATE = 30.0
#: Seconds by which the times of files are rounded at most.
CLOCK = 1e-6

Item = TypeVar('Item')
Result = TypeVar('Result')


def name_of(source: str | Path | int) -> str:
    """What messages call a source."""
    if isinstance(source, int):
        return f'webcam {source}'
    return without_password(str(source))


def is_stream(source: str | Path | int) -> bool:
    """Whether a source is live: a camera, or an address without an end.

    Raises:
        VideoError: An address of HTTP cannot be opened.
    """
    if is_live(source) or not is_address(source):
        return is_live(source)
    try:
        return not has_length(str(source))
    except ImportError:
        return True


class Video:
    """The frames of a video file, also of HTTP, (H, W, 3) uint8 BGR.

    With PyAV, every container and codec that FFmpeg knows, by content; without
    it OpenCV's.

    Args:
        source: A file or its address.
        start: Frames from this second on.
        end: Frames before this second.

    Attributes:
        name (str): Of the source.
        rate (float): Frames a second; ``DEFAULT_RATE`` where the file says none.
        count (int): Frames that the file announces; 0 if unknown.
        read (int): Frames read so far.
        times (collections.deque[float]): Seconds of the frames that were read,
            from the first of the file, as it says: frames may be unevenly spaced.
            Whoever takes the frames takes these, too.

    Raises:
        VideoError: It cannot be opened, or has no such seconds; at the end, too, if
            there was no frame.
    """

    def __init__(
        self, source: str | Path | int, start: float = 0.0, end: float | None = None
    ) -> None:
        self.name = name_of(source)
        if not isinstance(source, int) and not is_address(source):
            if not Path(source).is_file():
                raise VideoError(f'video {source} does not exist: check the path')
        self.start, self.end = start, math.inf if end is None else end
        self._reader = open_reader(source)
        self.rate = self._reader.rate
        if not math.isfinite(self.rate) or not 0 < self.rate <= 1000:
            warnings.warn(
                f'{self.name} says {self.rate:g} frames a second: '
                f'{DEFAULT_RATE:g} are assumed',
                stacklevel=2,
            )
            self.rate = DEFAULT_RATE
        duration = self._reader.duration
        if 0 < duration <= start:
            self._reader.close()
            raise VideoError(
                f'{self.name} lasts {duration:.3f} s: --start {start:g} is '
                'behind its end'
            )
        # Of a file that is cut, the longer one is right.
        self._all = self._reader.count or round(duration * self.rate)
        self.count = self._all
        if start or end is not None:
            until = min(self.end, duration or self._all / self.rate or self.end)
            known = math.isfinite(until)
            self.count = max(1, round((until - start) * self.rate)) if known else 0
        self.read = 0
        self.times: deque[float] = deque()
        self._last = -math.inf
        self._over = False

    def __iter__(self) -> Generator[np.ndarray, None, None]:
        try:
            for time, frame in self._reader.frames(self.start):
                # Some files say nothing, or go back.
                if time is None or time <= self._last:
                    time = max(self._last, -1 / self.rate) + 1 / self.rate
                self._last = time
                if time < self.start - CLOCK:
                    continue
                if time >= self.end - CLOCK:
                    self._over = True
                    break
                self.read += 1
                self.times.append(time)
                yield frame
        finally:
            self._reader.close()
        if not self.read:
            until = f'to {self.end:g} s' if math.isfinite(self.end) else 'on'
            raise VideoError(
                f'{self.name} has no frame from {self.start:g} s {until}: give another '
                '--start or --end'
                if self.start or self._over
                else f'{self.name} holds no frame that can be read: it is damaged; '
                'convert it to MP4'
            )

    @property
    def fault(self) -> str | None:
        """What is wrong with a file that was read to its end, in words; None if
        nothing is."""
        if self._over:
            return None
        missing = self._reader.duration - max(self._last, 0) - 1 / self.rate
        # Without a count, it is rounded by what a clock or a codec holds back.
        slack = 0.5 / self.rate + (0 if self._reader.count else 0.1)
        cut = missing > slack if self._reader.duration else not self.start
        if self.read < self.count and cut:
            return (
                f'ends after {self.read} of {self.count} frames: it is cut off; what '
                'there is was done'
            )
        if damaged := self._reader.damaged:
            return f'is damaged in {damaged} places: frames may be missing'
        return None


def interruptible(function: Callable[[], Result]) -> Result:
    """Calls a function in a thread that nobody waits for once a signal comes, as
    one that waits for a server. Raises its error."""
    done: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue()

    def work() -> None:
        try:
            done.put((function(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    result, error = done.get()
    if error is not None:
        raise error
    return result


_END = object()


def ahead(items: Iterable[Item], depth: int = 2) -> Generator[Item, None, None]:
    """Iterates in a thread of its own, up to ``depth`` items ahead, so that the
    work behind ``items`` and that of the caller overlap. Errors are raised in
    the caller; when the caller stops, so does the thread.

    Args:
        items: A generator is closed in its thread.
        depth: >= 1.
    """
    ready: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: Any, error: BaseException | None = None) -> None:
        while not stop.is_set():
            try:
                return ready.put((item, error), timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    break
            put(_END)
        except BaseException as error:
            put(_END, error)
        finally:
            if hasattr(items, 'close'):
                items.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stop.set()
        thread.join()


def side_by_side(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[tuple[Item, Callable[[], Result]], None, None]:
    """Calls ``function`` on items in ``workers`` threads.

    Yields:
        Each item, and a function that returns its result or raises its error, in
        the order of the items.
    """
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        try:
            for item in items:
                waiting.append((item, pool.submit(function, item)))
                if len(waiting) > workers:
                    item, future = waiting.popleft()
                    yield item, future.result
            for item, future in waiting:
                yield item, future.result
        finally:
            pool.shutdown(cancel_futures=True)
