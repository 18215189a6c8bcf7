"""All outputs of ``rtmw infer`` in one folder.

Shapes: images are (H, W, 3) uint8 BGR.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from ..core.errors import RTMWError
from ..core.people import MIN_SCORE, People
from .base import FORMATS
from .draw2d import draw_people
from .video_writer import VideoWriter


class OutputError(RTMWError, ValueError):
    """An output cannot be written; the text names it."""


def make_folder(folder: Path) -> None:
    """Makes a folder for outputs, unless it is there.

    Raises:
        OutputError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f'folder {folder} cannot be made ({error}): choose another --out'
        ) from None
    if not os.access(folder, os.W_OK):
        raise OutputError(f'folder {folder} cannot be written: choose another --out')


class OutputFolder:
    """Pictures, videos and result files in a folder.

    Args:
        folder: Is made.
        formats: Names of :data:`rtmw_ext.output.FORMATS`.
        draw: Whether pictures and videos are written.
        picture: Suffix of pictures, ``jpg`` or ``png``.
        boxes: Draw them.
        threshold: Least score of a point that is drawn.
        scene: Draw the people in 3D, too, beside each picture; needs a 3D
            model and matplotlib.

    Attributes:
        draws: Whether pictures and videos are written.

    Raises:
        OutputError: The folder cannot be written, or matplotlib is missing.
    """

    def __init__(
        self,
        folder: Path,
        formats: Iterable[str] = ('json',),
        *,
        draw: bool = True,
        picture: str = 'jpg',
        boxes: bool = False,
        threshold: float = MIN_SCORE,
        scene: bool = False,
    ) -> None:
        make_folder(folder)
        self.folder, self.picture, self.draws = folder, picture, draw
        self.boxes, self.threshold = boxes, threshold
        self._add_scene = _load_add_scene() if scene else None
        self._formats = [FORMATS[name](folder) for name in formats]
        self._names: set[str] = set()

    def unique_name(self, source: str | Path | int) -> str:
        """The name of the outputs of a file or a webcam: its stem, with a
        number behind it if an earlier one has that stem."""
        stem = f'webcam{source}' if isinstance(source, int) else Path(source).stem
        name, number = stem, 1
        while name in self._names:
            number += 1
            name = f'{stem}_{number}'
        self._names.add(name)
        return name

    def add(self, name: str, frame: int | None, people: People) -> None:
        """Adds people to the result files, as of
        :meth:`rtmw_ext.output.ResultFormat.add`."""
        for results in self._formats:
            results.add(name, frame, people)

    def draw(self, image: np.ndarray, people: People) -> np.ndarray:
        """A drawn copy of an image, with the scene beside it if asked for."""
        drawn = draw_people(image, people, self.threshold, self.boxes)
        if self._add_scene is None:
            return drawn
        # The scene is drawn in RGB.
        return self._add_scene(
            drawn[..., ::-1],
            people.keypoints_3d_cam,
            people.scores >= self.threshold,
        )[..., ::-1]

    def write_picture(self, name: str, image: np.ndarray) -> None:
        """
        Raises:
            OutputError: The file cannot be written.
        """
        path = self.folder / f'{name}.{self.picture}'
        if not cv2.imwrite(str(path), image):
            raise OutputError(
                f'picture {path} cannot be written: check the folder, its '
                'rights and the disk'
            )

    def video_writer(self, name: str, rate: float) -> VideoWriter:
        """A writer of ``NAME.mp4`` with ``rate`` frames per second."""
        return VideoWriter(self.folder / f'{name}.mp4', rate)

    def close(self) -> None:
        """Completes the result files."""
        for results in self._formats:
            results.close()


def _load_add_scene() -> Callable[..., np.ndarray]:
    try:
        from .draw3d import add_scene
    except ImportError:
        raise OutputError(
            '--scene draws with matplotlib: pip install matplotlib'
        ) from None
    return add_scene
