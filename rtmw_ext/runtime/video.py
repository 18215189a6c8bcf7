"""Videos and webcams in, and work done ahead in threads."""

import math
import queue
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np

from ..core.errors import VideoError

SUFFIXES = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg')
DEFAULT_RATE = 30.0

Item = TypeVar('Item')
Result = TypeVar('Result')


def is_video(source: str | Path | int) -> bool:
    """Whether a source is a webcam's number or has the suffix of a video."""
    return isinstance(source, int) or Path(source).suffix.lower() in SUFFIXES


class Video:
    """The frames of a video file or webcam, (H, W, 3) uint8 BGR.

    Args:
        source: A file, or a webcam's number.

    Attributes:
        name (str): Of the source.
        rate (float): Frames a second; ``DEFAULT_RATE`` where the file says none.
        count (int): Frames that the file announces; 0 if unknown.
        read (int): Frames read so far.
        times (collections.deque[float]): Seconds of the frames that were read,
            from the first: as the file says (frames may be unevenly spaced), by
            the clock for a webcam. Whoever takes the frames takes these, too.

    Raises:
        VideoError: It cannot be opened.
    """

    def __init__(self, source: str | Path | int) -> None:
        webcam = isinstance(source, int)
        self.name = f'webcam {source}' if webcam else str(source)
        if not isinstance(source, int) and not Path(source).is_file():
            raise VideoError(f'video {source} does not exist: check the path')
        if isinstance(source, int) and not 0 <= source < 2**31:
            raise VideoError(f'webcam {source} cannot be: they count from 0')
        self._capture = cv2.VideoCapture(source if webcam else str(source))
        if not self._capture.isOpened():
            raise VideoError(
                f'{self.name} cannot be opened: '
                + (
                    'is it plugged in, and free?'
                    if webcam
                    else 'it is damaged or no video; convert it to MP4'
                )
            )
        self.rate = self._capture.get(cv2.CAP_PROP_FPS)
        if not math.isfinite(self.rate) or not 0 < self.rate <= 1000:
            warnings.warn(
                f'{self.name} says {self.rate:g} frames a second: '
                f'{DEFAULT_RATE:g} are assumed',
                stacklevel=2,
            )
            self.rate = DEFAULT_RATE
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.count = 0 if webcam or not 0 < count < 1e9 else int(count)
        self.read = 0
        self.times: deque[float] = deque()
        self._webcam = webcam
        self._start = self._last = 0.0

    def _time(self) -> float:
        """Seconds of the frame just read."""
        if self._webcam:
            self._start = self._start or time.monotonic()
            return time.monotonic() - self._start
        seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        # Some files and backends say nothing, or go back.
        if not math.isfinite(seconds) or self.read > 1 and seconds <= self._last:
            seconds = (self.read - 1) / self.rate
        self._last = seconds
        return seconds

    def __iter__(self) -> Generator[np.ndarray, None, None]:
        try:
            while True:
                good, frame = self._capture.read()
                if not good:
                    return
                self.read += 1
                self.times.append(self._time())
                yield frame
        finally:
            self._capture.release()

    @property
    def ends_early(self) -> bool:
        """Whether fewer frames came than the file announces."""
        return self.read < self.count


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
