"""Videos and webcams in, and work done ahead in threads."""

import math
import queue
import threading
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2

from ..core.errors import VideoError

SUFFIXES = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg')
DEFAULT_RATE = 30.0


class Video:
    """The frames of a video file or webcam, (H, W, 3) uint8 BGR.

    Args:
        source (str | Path | int): A file, or a webcam's number.

    Attributes:
        name (str): Of the source.
        rate (float): Frames a second; 30 where the file says none.
        count (int): Frames that the file promises; 0 if unknown.
        read (int): Frames read so far.

    Raises:
        VideoError: It cannot be opened.
    """

    def __init__(self, source):
        webcam = isinstance(source, int)
        self.name = f'webcam {source}' if webcam else str(source)
        if not webcam and not Path(source).is_file():
            raise VideoError(f'video {source} does not exist: check the path')
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

    def __iter__(self):
        try:
            while True:
                good, frame = self._capture.read()
                if not good:
                    return
                self.read += 1
                yield frame
        finally:
            self._capture.release()

    @property
    def ends_early(self):
        """Whether fewer frames came than the file promises."""
        return self.read < self.count


_END = object()


def ahead(items, depth=2):
    """Iterates in a thread of its own, up to ``depth`` items ahead, so that
    the work behind ``items`` and that of the caller overlap. Errors arrive at
    the caller; when the caller stops, the thread does.

    Args:
        items (iterable): A generator is closed in its thread.
        depth (int): >= 1.
    """
    ready = queue.Queue(depth)
    stop = threading.Event()

    def put(item):
        while not stop.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue

    def work():
        try:
            for item in items:
                put((item, None))
                if stop.is_set():
                    break
            put((_END, None))
        except BaseException as error:
            put((_END, error))
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


def side_by_side(function, items, workers):
    """Calls ``function`` on items in ``workers`` threads.

    Yields:
        tuple: Each item and a function that returns its result or raises its
        error, in the order of the items.
    """
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque()
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
