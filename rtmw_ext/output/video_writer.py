"""Videos out.

Shapes: frames are (H, W, 3) uint8 BGR.
"""

import importlib
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import cv2
import numpy as np

from ..core.errors import VideoError
from .audio import Audio

#: The clock of OpenCV's writer ticks at most so often a second, PyAV's so often.
MAX_CLOCK, CLOCK = 65_535, 90_000
#: Longest side in pixels: of H.264 and others, and of MPEG-4, which OpenCV writes.
MAX_SIDE, MAX_MPEG4_SIDE = 16_384, 8_191
#: Fragments of a frame each: the file plays up to its last frame at any time.
#: Once it is closed, it is an MP4 as any other, with its length.
FRAGMENTS = dict(
    movflags='frag_every_frame+hybrid_fragmented+default_base_moof',
    flush_packets='1',
    # Frames do not wait for sound that does not come.
    max_interleave_delta='1',
)
#: FFmpeg's number of the matrix from RGB that it takes unless told otherwise.
BT601 = 6
#: Frames from one that is coded alone to the next, as OpenCV's writer has them:
#: one can jump to any of these.
GOP = 12


@dataclass(frozen=True)
class Codec:
    """How a codec is written: fast, with a quality that hides it, and each frame
    at once.

    Attributes:
        encoder: FFmpeg's name.
        options: Its options.
        pixels: Pixel format.
        tag: Its name in the MP4 where players ask for one that is not FFmpeg's.
        step: Sides are multiples of it.
        least: Shortest side in pixels.
    """

    encoder: str
    options: Mapping[str, str] = field(default_factory=dict)
    pixels: str = 'yuv420p'
    tag: str | None = None
    step: int = 2
    least: int = 2


#: {name: codec} of ``--codec``.
CODECS = {
    'h264': Codec('libx264', dict(preset='superfast', tune='zerolatency', crf='20')),
    'hevc': Codec(
        'libx265',
        {
            'preset': 'ultrafast',
            'tune': 'zerolatency',
            'crf': '22',
            'x265-params': 'log-level=none',
        },
        tag='hvc1',
        least=32,
    ),
    'vp9': Codec(
        'libvpx-vp9',
        {
            'deadline': 'realtime',
            'cpu-used': '8',
            'lag-in-frames': '0',
            'row-mt': '1',
            'crf': '24',
            'b': '0',
        },
    ),
    'av1': Codec(
        'libsvtav1',
        {'preset': '10', 'crf': '30', 'svtav1-params': 'pred-struct=1:lookahead=0'},
        least=64,
    ),
    'mjpeg': Codec('mjpeg', dict(qmin='3', qmax='3'), 'yuvj420p'),
}


class VideoWriter:
    """Writes an MP4; a context manager, so that the file is always closed. The
    file is made at the first frame: an MP4 without one cannot be read.

    With PyAV (``pip install av``) the file can be read while it is written, and
    if the program is killed, up to the last frame but one; frames keep their times
    and the source its sound. Without it OpenCV writes MPEG-4 without sound: a file
    is whole only once it is closed, frames are evenly spaced, and rates above 65.5
    are rounded to hundredths or tenths.

    Sides that the codec cannot have, such as odd ones, grow to the right and below
    by the last column and row.

    Args:
        path: To write; what is there is replaced.
        rate: Frames per second.
        codec: Of :data:`CODECS`; with PyAV.
        audio: A file whose sound is kept.
    """

    def __init__(
        self,
        path: str | Path,
        rate: float,
        codec: str = 'h264',
        audio: str | Path | None = None,
    ) -> None:
        self.path, self.rate, self.codec, self.audio = Path(path), rate, codec, audio
        self._writer: _AvWriter | _CvWriter | None = None

    def write(self, frame: np.ndarray, time: float | None = None) -> None:
        """Adds a frame; all must have the size of the first.

        Args:
            frame: (H, W, 3) uint8 BGR.
            time: Its second in the source; None spaces frames evenly.

        Raises:
            VideoError: The file cannot be written.
        """
        if self._writer is None:
            self._writer = self._open(frame.shape[1], frame.shape[0], time or 0.0)
        try:
            self._writer.write(frame, time)
        except OSError as error:
            raise self._disk_error(error) from None

    def _open(self, width: int, height: int, start: float) -> '_AvWriter | _CvWriter':
        pyav = _can_import('av')
        most = MAX_SIDE if pyav else MAX_MPEG4_SIDE
        if max(width, height) > most:
            raise VideoError(
                f'video {self.path} would have {width} x {height} pixels, an MP4 has '
                f'at most {most:,} a side: scale the video, or give --no-draw'
            )
        try:
            self.path.unlink(missing_ok=True)
            self.path.touch()
            if pyav:
                return _AvWriter(self, width, height, start)
            warnings.warn(
                f'{self.path} will be whole only once it is closed, has no sound, and '
                'is not played by browsers: pip install av',
                stacklevel=3,
            )
            return _CvWriter(self.path, self.rate, width, height)
        except OSError as error:
            raise self._disk_error(error) from None

    def _disk_error(self, error: OSError) -> VideoError:
        return VideoError(
            f'video {self.path} cannot be written ({error.strerror or error}): check '
            'the folder, its rights and the disk'
        )

    def __enter__(self) -> 'VideoWriter':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()


class _AvWriter:
    """PyAV's.

    Args:
        settings: What to write.
        width, height: Of the frames, in pixels.
        start: Second of the first frame in the source.
    """

    def __init__(
        self, settings: VideoWriter, width: int, height: int, start: float
    ) -> None:
        import av

        self._frame: Any = av.VideoFrame.from_ndarray
        codec = CODECS[settings.codec]
        self._start, self._step = start, 1 / settings.rate
        self._count, self._last = 0, -1
        sides = [_side(side, codec) for side in (height, width)]
        self._border = (0, sides[0] - height, 0, sides[1] - width)
        # SVT-AV1 says much, unless its own variable is set.
        os.environ.setdefault('SVT_LOG', '1')
        # Without "file:", FFmpeg takes some names for addresses.
        self._container = av.open(
            f'file:{settings.path}', 'w', format='mp4', options=FRAGMENTS
        )
        rate = Fraction(settings.rate).limit_denominator(1_001)
        try:
            # Its type depends on the name.
            self._stream = cast(
                Any,
                self._container.add_stream(
                    codec.encoder,
                    rate=max(rate, Fraction(1, 1_001)),
                    options=dict(codec.options),
                ),
            )
            context = self._stream.codec_context
            context.height, context.width = sides
            context.pix_fmt = codec.pixels
            context.gop_size, context.time_base = GOP, Fraction(1, CLOCK)
            # What FFmpeg converts to without being asked, said to players.
            context.colorspace = BT601
            if codec.tag:
                context.codec_tag = codec.tag
            with same_priority():
                context.open()
        except (av.FFmpegError, ValueError) as error:
            raise VideoError(
                f'video {settings.path} cannot be written as {settings.codec} with '
                f'{width} x {height} pixels by this PyAV ({error}): give another '
                '--codec'
            ) from None
        self._audio = None
        if settings.audio is not None:
            self._audio = Audio(settings.audio, self._container, start)

    def write(self, frame: np.ndarray, time: float | None) -> None:
        if any(self._border):
            frame = cv2.copyMakeBorder(frame, *self._border, cv2.BORDER_REPLICATE)
        seconds = self._count * self._step if time is None else time - self._start
        self._count += 1
        picture = self._frame(np.ascontiguousarray(frame), format='bgr24')
        picture.pts = self._last = max(round(seconds * CLOCK), self._last + 1)
        picture.time_base = Fraction(1, CLOCK)
        picture.duration = round(self._step * CLOCK)
        if self._audio is not None:
            # First: a frame is written once sound of a later time is there.
            self._audio.write(self._last / CLOCK + self._step)
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        self._container.mux(self._stream.encode())
        if self._audio is not None:
            self._audio.close()
        self._container.close()


@contextmanager
def same_priority() -> Iterator[None]:
    """SVT-AV1 makes the thread that opens it a real-time one where it may, as root:
    all threads begun later would be so, too, and starve other processes."""
    if not hasattr(os, 'sched_getscheduler'):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)


def _can_import(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _side(pixels: int, codec: Codec) -> int:
    """The length of a side in a video, >= its pixels."""
    return max(codec.least, pixels + -pixels % codec.step)


class _CvWriter:
    """OpenCV's."""

    def __init__(self, path: Path, rate: float, width: int, height: int) -> None:
        self._writer = cv2.VideoWriter(
            str(path),
            cv2.VideoWriter.fourcc(*'mp4v'),
            _decimal_rate(rate),
            (width, height),
        )
        if not self._writer.isOpened():
            raise VideoError(
                f'video {path} cannot be written by OpenCV with {width} x {height} '
                f'pixels and {rate:g} frames a second: pip install av'
            )

    def write(self, frame: np.ndarray, time: float | None) -> None:
        self._writer.write(frame)

    def close(self) -> None:
        self._writer.release()


def _decimal_rate(rate: float) -> float:
    """The nearest rate that OpenCV's clock, which counts in tenths, hundredths
    and thousandths, does not take beyond ``MAX_CLOCK``."""
    for digits in (3, 2, 1):
        if round(rate, digits) * 10**digits <= MAX_CLOCK:
            return max(round(rate, digits), 10**-digits)
    return min(round(rate), MAX_CLOCK)
