"""Readers of video files and webcams: PyAV, Pillow for animated images, and OpenCV
for webcams and where PyAV is absent.

Shapes: frames are (H, W, 3) uint8 BGR.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol

import cv2
import numpy as np
from PIL import Image

from ..core.errors import VideoError
from ..core.media import (
    is_address,
    is_animated,
    is_device,
    open_video,
    video_stream,
)

#: Seconds before the wanted one that are sought, in turn; then all is decoded.
SEEK_BACK = (0.0, 10.0)
#: Seconds between frames of a stream, in the order in which they come; where there are
#: more, back or on, its clock was set.
LATE = 1.0
#: FFmpeg's names of formats of which segments of seconds come at once.
SEGMENTED = ('hls', 'dash')


class Reader(Protocol):
    """What a video's frames come from.

    Attributes:
        rate: Frames a second; 0 or nonsense where nothing is said.
        count: Frames that are announced; 0 if unknown.
        duration: Seconds that are announced; 0 if unknown.
        damaged: Places that could not be read so far.
    """

    rate: float
    count: int
    duration: float
    damaged: int

    def frames(self, start: float) -> Iterator[tuple[float | None, np.ndarray]]:
        """Seconds from the first frame of the file (None if unknown), and frames.

        Args:
            start: Earlier frames may be left out, in seconds.
        """

    def close(self) -> None:
        """Closes the file."""


def open_reader(source: str | Path | int, live: bool = False) -> Reader:
    """
    Args:
        source: A file, an address, or a webcam.
        live: The newest frame counts: none is held back.

    Raises:
        VideoError: It cannot be opened.
    """
    if isinstance(source, int) or is_device(source):
        return OpenCVReader(source)
    # FFmpeg knows no animated WebP, and takes some GIFs for one frame.
    if not is_address(source) and is_animated(source):
        return PillowReader(source)
    try:
        return AvReader(source, live)
    except ImportError:
        return OpenCVReader(source)


class AvReader:
    """PyAV's, of files and streams.

    Args:
        path: A file or an address.
        live: A frame is given as soon as it has come, without those that came
            while the source was opened.
    """

    def __init__(self, path: str | Path, live: bool = False) -> None:
        from av.video.reformatter import VideoReformatter

        # One for all frames: to make it takes as long as a frame.
        self._to_bgr = VideoReformatter().reformat
        self._path, self._live = path, live
        self.damaged = 0
        begin = monotonic()
        self._open()
        # Seconds that FFmpeg has looked at by now, and keeps.
        self._looked = monotonic() - begin
        stream = self._stream
        self.rate = float(stream.average_rate or stream.guessed_rate or 0)
        self.count = stream.frames
        self.duration = self._announced()
        self._first: float | None = None
        self._size: tuple[int, int] | None = None

    def _announced(self) -> float:
        """Seconds of the stream."""
        name, stream = self._container.format.name, self._stream
        if name == 'avi' and self.rate:
            # Else that of a cut file is what there is.
            return self.count / self.rate
        if stream.duration is not None:
            return float(stream.duration * stream.time_base)
        # Matroska has none of streams; those of other containers are rough.
        alone = 'matroska' in name and len(self._container.streams) == 1
        return (self._container.duration or 0) / 1e6 if alone else 0.0

    def _open(self) -> None:
        from av.codec.context import Flags

        self._container = open_video(self._path, self._live)
        self._stream = video_stream(self._container, self._path)
        # Threads for frames hold as many frames back.
        self._stream.thread_type = 'SLICE' if self._live else 'AUTO'
        if self._live:
            self._stream.codec_context.flags |= Flags.low_delay

    def frames(self, start: float) -> Iterator[tuple[float | None, np.ndarray]]:
        decoded = self._from(start) if start else self._decode()
        if self._live:
            decoded = self._newest(decoded)
        for time, frame in decoded:
            yield time, self._picture(frame)

    def _newest(
        self, decoded: Iterator[tuple[float | None, Any]]
    ) -> Iterator[tuple[float | None, Any]]:
        """Frames that are new when they come, in order, and at their time where
        many come at once."""
        old, newest, begin = self._looked, -math.inf, -math.inf
        at_once = self._container.format.name in SEGMENTED
        # The first one is old, and of RTSP has no time.
        next(decoded, None)
        for time, frame in decoded:
            if time is not None:
                if newest - LATE < time <= newest:
                    self._reorder()
                    continue
                newest = time
                if at_once:
                    wait = begin + time - monotonic()
                    if 0 <= wait <= LATE:
                        sleep(wait)
                    else:
                        begin = monotonic() - time
                elif 0 <= time < old:
                    continue
                old = 0.0
            yield time, frame

    def _reorder(self) -> None:
        """A stream has frames that are shown before one that came sooner (B-frames):
        its decoder puts them in order, from the next sequence on."""
        from av.codec.context import Flags

        self._stream.codec_context.flags &= ~Flags.low_delay

    def _from(self, start: float) -> Iterator[tuple[float | None, Any]]:
        """As :meth:`_decode`, from a little before a second on."""
        # Its time is that of the file's zero.
        next(self._decode(), None)
        for back in SEEK_BACK:
            if start > back and self._seek(start - back):
                decoded = self._decode()
                time, frame = next(decoded, (None, None))
                # Some formats are sought too far, or lose their times.
                if time is not None and time <= start:
                    yield time, frame
                    yield from decoded
                    return
        self.damaged = 0
        self._container.close()
        self._open()
        yield from self._decode()

    def _seek(self, time: float) -> bool:
        import av

        if self._first is None or not self._stream.time_base:
            return False
        place = math.floor((time + self._first) / self._stream.time_base)
        try:
            self._container.seek(place, stream=self._stream)
        except av.FFmpegError:
            return False
        return True

    def _decode(self) -> Iterator[tuple[float | None, Any]]:
        """Seconds and frames as PyAV has them, up to the end or to damage that
        ends the file."""
        import av

        packets = self._container.demux(self._stream)
        begun = False
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                self.damaged += 1
                packet = None
            try:
                decoded = self._stream.decode(packet)
            except av.EOFError:
                decoded = []
            except av.FFmpegError:
                # Before the first frame it is a recording that was cut.
                self.damaged += begun
                decoded = []
            for frame in decoded:
                begun = True
                yield self._seconds(frame), frame
            if packet is None or packet.dts is None and not packet.size:
                return

    def _seconds(self, frame: Any) -> float | None:
        time = frame.time
        if time is None:
            return None
        if self._first is None:
            self._first = time
            if self.duration and self._stream.start_time is not None:
                # Frames that come before one that is whole do not count.
                start = float(self._stream.start_time * self._stream.time_base)
                self.duration -= max(time - start, 0)
        return time - self._first

    def _picture(self, frame: Any) -> np.ndarray:
        """Upright, of the size of the first frame."""
        self._size = self._size or (frame.width, frame.height)
        width, height = self._size
        shown = self._to_bgr(frame, format='bgr24', width=width, height=height)
        return upright(shown.to_ndarray(), _display_matrix(frame))

    def close(self) -> None:
        self._container.close()


def _display_matrix(frame: Any) -> np.ndarray | None:
    """(2, 2) from stored to shown axes, or None."""
    from av.sidedata.sidedata import Type

    try:
        data = frame.side_data.get(Type.DISPLAYMATRIX)
    except ValueError:  # PyAV 18: a frame with side data that it has no name for.
        return None
    if data is None:
        return None
    rows = np.frombuffer(bytes(data), np.int32).reshape(3, 3)
    return rows[:2, :2].T


def upright(frame: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """A frame as it is to be shown.

    Args:
        frame: (H, W, 3).
        matrix: (2, 2) from stored x, y to shown ones, of a rotation by a multiple
            of 90 degrees and perhaps a mirror; others are taken as the nearest.
            None leaves the frame.
    """
    if matrix is None:
        return frame
    (xx, xy), (yx, yy) = matrix.tolist()
    if abs(xy) > abs(xx):
        frame, xx, yy = cv2.transpose(frame), xy, yx
    if xx < 0 or yy < 0:
        frame = cv2.flip(frame, -1 if xx < 0 and yy < 0 else int(xx < 0))
    return frame


class PillowReader:
    """Pillow's, of animated images."""

    def __init__(self, path: str | Path) -> None:
        try:
            self._image = Image.open(path)
            self._image.load()
            self.count = getattr(self._image, 'n_frames', 1)
        except Exception as error:  # Pillow raises any for what is damaged.
            raise VideoError(
                f'{path} cannot be opened ({error}): it is damaged; fetch it again'
            ) from None
        self.rate = 1 / self._shown()
        self.duration, self.damaged = 0.0, 0

    def frames(self, start: float) -> Iterator[tuple[float | None, np.ndarray]]:
        time = 0.0
        for number in range(self.count):
            try:
                self._image.seek(number)
                pixels = np.asarray(self._image.convert('RGB'))
            except Exception:
                self.damaged += 1
                return
            yield time, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
            time += self._shown()

    def _shown(self) -> float:
        """Seconds of the frame just read; where none are said, those of browsers."""
        return (self._image.info.get('duration') or 100) / 1000

    def close(self) -> None:
        self._image.close()


class OpenCVReader:
    """OpenCV's, of files and webcams."""

    def __init__(self, source: str | Path | int) -> None:
        self._webcam = isinstance(source, int) or is_device(source)
        if isinstance(source, int) and not 0 <= source < 2**31:
            raise VideoError(f'webcam {source} cannot be: they count from 0')
        self._capture = cv2.VideoCapture(source if self._webcam else str(source))
        if not self._capture.isOpened():
            raise VideoError(
                f'webcam {source} cannot be opened: is it plugged in, and free?'
                if self._webcam
                else f'{source} cannot be opened: it is damaged or no video; convert '
                'it to MP4'
            )
        self.rate = self._capture.get(cv2.CAP_PROP_FPS)
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.count = 0 if self._webcam or not 0 < count < 1e9 else int(count)
        self.duration, self.damaged = 0.0, 0

    def frames(self, start: float) -> Iterator[tuple[float | None, np.ndarray]]:
        while True:
            good, frame = self._capture.read()
            if not good:
                return
            time = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            yield None if self._webcam or not math.isfinite(time) else time, frame

    def close(self) -> None:
        self._capture.release()
