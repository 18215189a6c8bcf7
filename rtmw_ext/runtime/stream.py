"""Live sources: webcams and streams, of which the newest frame counts."""

import contextlib
import math
import threading
from collections import deque
from collections.abc import Callable, Generator
from time import monotonic

import numpy as np

from ..core.errors import VideoError
from .readers import Reader, open_reader
from .video import DEFAULT_RATE, name_of

#: Seconds before the first and the last tries to connect again: twice as many each
#: time.
FIRST_WAIT, LAST_WAIT = 0.5, 8.0
#: Seconds that a thread has to end; one that waits for a server ends with the process.
CLOSING = 0.2


class Stream:
    """The frames of a live source, (H, W, 3) uint8 BGR. A thread reads it all the
    time and keeps the newest frame only: who is slow gets fewer frames, never old
    ones. A source that is lost is connected again.

    Args:
        source: A webcam's number, its file, or an address.
        max_seconds: Ends after so many; None goes on.
        patience: Seconds for which a lost source is tried again.
        say: Takes a line when it is lost or back.

    Attributes:
        name (str): Of the source, without passwords.
        rate (float): Frames a second; ``DEFAULT_RATE`` where nothing is said.
        count (int): 0, as none is announced.
        read (int): Frames given so far.
        dropped (int): Frames that newer ones replaced.
        times (collections.deque[float]): Seconds by the clock at which the frames
            given were read, from the first. Whoever takes the frames takes these.

    Raises:
        VideoError: It cannot be opened; at the end, too, if there was no frame.
    """

    def __init__(
        self,
        source: str | int,
        max_seconds: float | None = None,
        patience: float = 60.0,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.name, self.count, self.read, self.dropped = name_of(source), 0, 0, 0
        self._source, self._patience, self._say = source, patience, say
        self._until = math.inf if max_seconds is None else monotonic() + max_seconds
        self._reader: Reader | None = open_reader(source, live=True)
        rate = self._reader.rate
        self.rate = rate if 0 < rate <= 1000 else DEFAULT_RATE
        self.times: deque[float] = deque()
        self._size: tuple[int, ...] | None = None
        self._changed = threading.Condition()
        self._newest: tuple[float, np.ndarray] | None = None
        self._stop, self._over = threading.Event(), False
        self._error: Exception | None = None
        #: Why it ended by itself, in words.
        self.fault: str | None = None

    def __iter__(self) -> Generator[np.ndarray, None, None]:
        yield from self._frames()
        if not self.read:
            why = self.fault or 'gave no frame in --max-seconds'
            raise VideoError(f'{self.name} {why}: check it')

    def _frames(self) -> Generator[np.ndarray, None, None]:
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        first = None
        try:
            while True:
                with self._changed:
                    while self._newest is None and not self._over:
                        left = self._until - monotonic()
                        if left <= 0:
                            return
                        self._changed.wait(None if left == math.inf else left)
                    if self._newest is None and self._error is not None:
                        raise self._error
                    if self._newest is None or monotonic() >= self._until:
                        return
                    (time, frame), self._newest = self._newest, None
                first = time if first is None else first
                self.read += 1
                self.times.append(time - first)
                yield frame
        finally:
            self._stop.set()
            thread.join(CLOSING)

    def _work(self) -> None:
        try:
            self._read()
        except Exception as error:
            # Else who takes the frames would wait for ever.
            self._error = error
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _read(self) -> None:
        """Keeps the newest frame until it is told to stop, or patience ends."""
        last, wait, lost = monotonic(), FIRST_WAIT, False
        while not self._stop.is_set():
            why = 'it ended'
            try:
                if self._reader is None:
                    self._reader = open_reader(self._source, live=True)
                for _, frame in self._reader.frames(0.0):
                    if self._stop.is_set():
                        break
                    if lost:
                        self._say(
                            f'{self.name} is back after {monotonic() - last:.1f} s'
                        )
                    last, wait, lost = monotonic(), FIRST_WAIT, False
                    self._put(last, frame)
            except VideoError as error:
                why = str(error)
            finally:
                if self._reader is not None:
                    with contextlib.suppress(Exception):
                        self._reader.close()
                    self._reader = None
            if self._stop.is_set():
                break
            if monotonic() + wait - last > self._patience:
                self.fault = f'was lost ({why}), and did not come back'
                break
            self._say(f'{self.name} is lost ({why}): connecting again in {wait:g} s')
            lost = True
            self._stop.wait(wait)
            wait = min(2 * wait, LAST_WAIT)

    def _put(self, time: float, frame: np.ndarray) -> None:
        with self._changed:
            self._size = self._size or frame.shape
            if frame.shape != self._size:
                frame = _fitted(frame, self._size)
            self.dropped += self._newest is not None
            self._newest = time, frame
            self._changed.notify_all()


def _fitted(frame: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A frame of a source that came back with another size."""
    import cv2

    return cv2.resize(frame, (size[1], size[0]))
