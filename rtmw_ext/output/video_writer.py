"""Videos out.

Shapes: frames are (H, W, 3) uint8 BGR.
"""

from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from ..core.errors import VideoError


class VideoWriter:
    """Writes an MP4; a context manager, so that the file is always closed and
    plays, up to the last frame written. The file is made at the first frame:
    an MP4 without one cannot be read.

    Args:
        path: To write.
        rate: Frames per second.
    """

    def __init__(self, path: str | Path, rate: float) -> None:
        self.path, self.rate = path, rate
        self._writer: cv2.VideoWriter | None = None

    def write(self, frame: np.ndarray) -> None:
        """Adds a frame; all must have the size of the first.

        Raises:
            VideoError: The file cannot be written.
        """
        if self._writer is None:
            self._writer = self._open(frame.shape[1], frame.shape[0])
        self._writer.write(frame)

    def _open(self, width: int, height: int) -> cv2.VideoWriter:
        writer = cv2.VideoWriter(
            str(self.path),
            cv2.VideoWriter.fourcc(*'mp4v'),
            self.rate,
            (width, height),
        )
        if not writer.isOpened():
            raise VideoError(
                f'video {self.path} cannot be written: check the folder, its '
                'rights and the disk'
            )
        return writer

    def __enter__(self) -> 'VideoWriter':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.release()
