"""Videos out.

Shapes: frames are (H, W, 3) uint8 BGR.
"""

import warnings
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from ..core.errors import VideoError

#: The clock of MPEG-4 video ticks at most so often a second.
MAX_CLOCK = 65_535
#: Longest side of an MPEG-4 picture in pixels.
MAX_SIDE = 8_191
#: Fragments of a frame each: the file plays up to its last frame at any time.
FRAGMENTS = dict(
    movflags='frag_every_frame+empty_moov+default_base_moof', flush_packets='1'
)
#: Frames from one that is coded alone to the next, and the quantiser: as
#: OpenCV's writer has them.
GOP, QUANTISER = 12, 3


class VideoWriter:
    """Writes an MP4; a context manager, so that the file is always closed. The
    file is made at the first frame: an MP4 without one cannot be read.

    With PyAV (``pip install av``) the file can be read while it is written, and
    if the program is killed, up to the last frame but one, and a frame rate is
    kept to a millionth. Without it OpenCV writes: a file is whole only once it is
    closed, and rates above 65.5 are rounded to hundredths or tenths.

    Args:
        path: To write; what is there is replaced.
        rate: Frames per second.
    """

    def __init__(self, path: str | Path, rate: float) -> None:
        self.path, self.rate = Path(path), rate
        self._writer: _AvWriter | _CvWriter | None = None

    def write(self, frame: np.ndarray) -> None:
        """Adds a frame; all must have the size of the first.

        Raises:
            VideoError: The file cannot be written.
        """
        if self._writer is None:
            self._writer = self._open(frame.shape[1], frame.shape[0])
        try:
            self._writer.write(frame)
        except OSError as error:
            raise self._disk_error(error) from None

    def _open(self, width: int, height: int) -> '_AvWriter | _CvWriter':
        if max(width, height) > MAX_SIDE:
            raise VideoError(
                f'video {self.path} would have {width} x {height} pixels, an MP4 has '
                f'at most {MAX_SIDE:,} a side: scale the video, or give --no-draw'
            )
        try:
            self.path.unlink(missing_ok=True)
            self.path.touch()
            try:
                return _AvWriter(self.path, self.rate, width, height)
            except ImportError:
                warnings.warn(
                    f'{self.path} will be whole only once it is closed: '
                    'pip install av for videos that outlast a crash',
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
    """PyAV's."""

    def __init__(self, path: Path, rate: float, width: int, height: int) -> None:
        import av

        self._frame: Any = av.VideoFrame.from_ndarray
        step = Fraction(1 / rate).limit_denominator(MAX_CLOCK)
        self._step = max(step, Fraction(1, MAX_CLOCK))
        self._count = 0
        # Without "file:", FFmpeg takes some names for addresses.
        self._container = av.open(f'file:{path}', 'w', format='mp4', options=FRAGMENTS)
        self._stream = self._container.add_stream('mpeg4', rate=1 / self._step)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = 'yuv420p'
        context = self._stream.codec_context
        context.gop_size, context.time_base = GOP, self._step
        context.qmin = context.qmax = QUANTISER

    def write(self, frame: np.ndarray) -> None:
        picture = self._frame(np.ascontiguousarray(frame), format='bgr24')
        picture.pts, picture.time_base = self._count, self._step
        self._count += 1
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()


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

    def write(self, frame: np.ndarray) -> None:
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
