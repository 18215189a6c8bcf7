"""All outputs of ``rtmw infer`` in one folder.

Shapes: images are (H, W, 3) uint8 BGR.
"""

import os
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import cv2
import numpy as np

from ..core.media import is_address
from ..core.paths import file_identity
from ..core.people import MIN_SCORE, People
from ..core.signals import uninterrupted
from .base import ANY_FRAME, FORMATS, ResultFormat
from .draw2d import draw_people
from .draw3d import add_scene
from .files import PART, OutputError, write_file
from .formats.json_lines import JsonLines
from .pose_map import DEFAULT_PARTS, draw_pose_map
from .records import Run, Source
from .style import SHOWN
from .video_writer import VideoWriter

#: Longest side of a JPEG in pixels.
JPEG_SIDE = 65_535
#: A number of a frame in the name of a file.
FRAME_NUMBER = r'\d{12}'


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


class Frames(Protocol):
    """What is known of a video that is read, as of ``rtmw_ext.runtime.video.Video``.

    Attributes:
        rate: Frames a second.
        count: That it announces, or 0.
        times: Seconds of the frames that were read and not added yet.
    """

    rate: float
    count: int
    times: deque[float]


class OutputFolder:
    """Pictures, videos and result files in a folder.

    Args:
        folder: Is made. None is the standard output: JSON lines, and no
            pictures or videos.
        formats: Names of :data:`rtmw_ext.output.FORMATS`.
        draw: Whether pictures and videos are written.
        picture: Suffix of pictures, ``jpg`` or ``png``.
        boxes: Draw them.
        threshold: Least score of a point that is drawn.
        scene: Draw the people in 3D, too, beside each picture; needs a 3D
            model.
        ids: Draw the ids of people in videos.
        labels: Write the name and the score of each point beside it.
        parts: ``body``, ``face``, ``hands``, ``feet``: what is drawn; None draws
            all, on pose maps those of :data:`.pose_map.DEFAULT_PARTS`.
        pose_map: Draw on black, as ControlNet's networks were taught
            (:mod:`.pose_map`), in place of pictures.
        pose_map_side: Their shorter side in pixels; None is the picture's.
        codec: Of videos, of :data:`.video_writer.CODECS`.

    Attributes:
        draws: Whether pictures and videos are written.
        names: Of the sources of :meth:`plan`.
        run: What makes the results; set it before the first ``add``.

    Raises:
        OutputError: The folder cannot be written.
    """

    def __init__(
        self,
        folder: Path | None,
        formats: Iterable[str] = ('json',),
        *,
        draw: bool = True,
        picture: str = 'jpg',
        boxes: bool = False,
        threshold: float = MIN_SCORE,
        scene: bool = False,
        ids: bool = False,
        labels: bool = False,
        parts: Sequence[str] | None = None,
        pose_map: bool = False,
        pose_map_side: int | None = None,
        codec: str = 'h264',
    ) -> None:
        if folder is not None:
            make_folder(folder)
        self.folder, self.picture = folder or Path(), picture
        self.draws = draw and folder is not None
        self.boxes, self.threshold = boxes, threshold
        self.scene, self.ids, self.parts = scene, ids, parts
        self.labels = labels
        self.pose_map, self.pose_map_side = pose_map, pose_map_side
        self.codec = codec
        self._formats: list[ResultFormat] = (
            [JsonLines(None)]
            if folder is None
            else [FORMATS[name](folder) for name in formats]
        )
        self._standard = folder is None
        self.names: list[str] = []
        self._taken = _keys(self._run_files())
        #: {name: files of frames of an earlier run}.
        self._earlier: dict[str, list[Path]] = {}
        self._listings: dict[str, list[str]] = {}
        self.run = Run()

    def plan(
        self,
        sources: Sequence[tuple[str | int, bool]],
        others: Iterable[str | Path] = (),
        overwrite: bool = False,
        folders: Sequence[str] = (),
    ) -> list[str]:
        """Names the outputs of all sources, and checks that they replace
        nothing that must stay. Nothing is opened or written.

        Args:
            sources: Files and webcams, and whether each has frames.
            others: Further files that are read, such as networks.
            overwrite: Earlier outputs may be replaced; inputs never.
            folders: Of the outputs of each source, below this one, with ``/``;
                they are made when they are needed. None puts all here.

        Returns:
            The name of each source, with its folder.

        Raises:
            OutputError: An output is an input, by any name, or is there already.
        """
        folders = folders or [''] * len(sources)
        # No file takes the name of a folder.
        self._taken |= _keys(
            above.as_posix() for folder in folders for above in _folders_of(folder)
        )
        names = [
            self.unique_name(source, frames, folder)
            for (source, frames), folder in zip(sources, folders)
        ]
        self.names = names
        self._listings.clear()
        for results in self._formats:
            results.expect(
                [name for name, (_, frames) in zip(names, sources) if not frames]
            )
        if self._standard:
            return names
        inputs = {
            key: path
            for path in (*(source for source, _ in sources), *others)
            if not isinstance(path, int) and (key := file_identity(Path(path)))
        }
        there = self._present(self._run_files(), inputs)
        for name, (_, frames) in zip(names, sources):
            files = self._files(name, frames)
            numbered = [file for file in files if ANY_FRAME in file]
            self._earlier[name] = self._present(numbered, inputs)
            there += self._earlier[name]
            there += self._present(
                [file for file in files if file not in numbered], inputs
            )
        if there and not overwrite:
            more = f' and {len(there) - 1} more' if len(there) > 1 else ''
            raise OutputError(
                f'{there[0]}{more} would be replaced: allow it by --overwrite, or '
                'choose another --out'
            )
        return names

    def _present(
        self, files: list[str], inputs: dict[tuple[int, int], str | Path]
    ) -> list[Path]:
        """Outputs that are there already, finished or not.

        Args:
            files: Names of the outputs.
            inputs: {identity: file}.

        Raises:
            OutputError: One is an input.
        """
        paths: list[Path] = []
        for file in files:
            folder, name = os.path.split(self.folder / file)
            if ANY_FRAME in name:
                pattern = re.escape(name).replace(re.escape(ANY_FRAME), FRAME_NUMBER)
                names = self._listed(folder)
                found = [other for other in names if re.fullmatch(pattern, other)]
            else:
                found = [name, name + PART]
            paths += [Path(folder, other) for other in found]
        paths = [path for path in paths if os.path.lexists(path)]
        for path in paths:
            if (key := file_identity(path)) in inputs and key:
                raise OutputError(
                    f'output {path} would replace the input {inputs[key]}: choose '
                    'another --out'
                )
        return paths

    def _listed(self, folder: str) -> list[str]:
        """Names of the files in a folder, which :meth:`plan` reads once."""
        if folder not in self._listings:
            there = os.path.isdir(folder)
            self._listings[folder] = sorted(os.listdir(folder)) if there else []
        return self._listings[folder]

    def _run_files(self) -> list[str]:
        """Names of the files with the outputs of all sources."""
        return [file for results in self._formats for file in results.run_files()]

    def _files(self, name: str, frames: bool) -> list[str]:
        """Names of the files with the outputs of one source."""
        files = [
            file for results in self._formats for file in results.files(name, frames)
        ]
        if self.draws:
            files.append(f'{name}.mp4' if frames else f'{name}.{self.picture}')
        return files

    def unique_name(
        self, source: str | Path | int, frames: bool = False, folder: str = ''
    ) -> str:
        """The name of the outputs of a file or a webcam: its stem, with a
        number behind it if an earlier one has that stem, or a file would stand
        for two, on any file system.

        Args:
            source: The file, or the number of the webcam.
            frames: Whether it has frames.
            folder: Of the outputs, below this one; part of the name.
        """
        stem = f'webcam{source}' if isinstance(source, int) else _stem(str(source))
        stem = f'{folder}/{stem}' if folder else stem
        name, number = stem, 1
        while self._taken & (keys := _keys([name, *self._files(name, frames)])):
            number += 1
            name = f'{stem}_{number}'
        self._taken |= keys
        return name

    def begin(self, source: Source) -> None:
        """Says more of the image or video that is added next; frames of an
        earlier run go."""
        for path in self._earlier.pop(source.name, ()):
            # Else frames of a longer video would stand among its own.
            path.unlink(missing_ok=True)
        self._make_room(source.name)
        for results in self._formats:
            results.run = self.run
            results.begin(source)

    def add(
        self,
        name: str,
        frame: int | None,
        people: People,
        time: float | None = None,
    ) -> None:
        """Adds people to the result files, as of
        :meth:`rtmw_ext.output.ResultFormat.add`."""
        for results in self._formats:
            results.add(name, frame, people, time)

    def end(self) -> None:
        """Completes the files of the image or video that was added last."""
        for results in self._formats:
            results.end()

    def add_video(
        self,
        source: Source,
        video: Frames,
        results: Generator[tuple[np.ndarray, People], None, None],
        audio: str | Path | None = None,
        *,
        draw: bool = False,
        each: Callable[[People, float, np.ndarray | None], bool] = lambda *_: False,
    ) -> int:
        """Adds the frames of a video, and writes the drawn one if there is to be one.

        Args:
            source: Its name, path and kind; the rest is that of the frames.
            video: Where the frames come from.
            results: Frames, (H, W, 3), and their people. It is closed, unless a
                signal comes: files need not wait for frames that it leaves undone.
            audio: A file whose sound is kept.
            draw: Draw for ``each``, even if nothing drawn is written.
            each: Gets the people of each frame, once they are written, its second,
                and the drawn frame, if any. True ends it.

        Returns:
            Frames.

        Raises:
            VideoError: The drawn video cannot be written; also what ``results`` and
                ``each`` raise.
            OutputError: A result file cannot be written.
            ResultError: As of :meth:`rtmw_ext.output.ResultFormat.add`.
        """
        count = 0

        def close(kind: type[BaseException] | None, *_: object) -> None:
            if kind is None or not issubclass(kind, KeyboardInterrupt):
                results.close()

        with ExitStack() as stack:
            stack.push(close)
            writer = stack.enter_context(
                self.video_writer(source.name, video.rate, audio)
            )
            for count, (frame, people) in enumerate(results, 1):
                drawn = self.draw(frame, people) if draw or self.draws else None
                with uninterrupted():
                    if count == 1:
                        self.begin(
                            replace(
                                source,
                                size=frame.shape[1::-1],
                                rate=video.rate,
                                frames=video.count or None,
                            )
                        )
                    time = video.times.popleft()
                    self.add(source.name, count - 1, people, time)
                    if drawn is not None and self.draws:
                        writer.write(drawn, time)
                if each(people, time, drawn):
                    break
        with uninterrupted():
            self.end()
        return count

    def draw(self, image: np.ndarray, people: People) -> np.ndarray:
        """A drawn copy of an image, with the scene beside it if asked for; or
        its pose map.

        Raises:
            ResultError: Pose maps need 133, 26 or 17 points.
        """
        if self.pose_map:
            return draw_pose_map(
                people,
                image.shape[1::-1],
                DEFAULT_PARTS if self.parts is None else self.parts,
                self.threshold,
                self.pose_map_side,
            )
        drawn = draw_people(
            image,
            people,
            self.threshold,
            self.boxes,
            ids=self.ids,
            point_labels=self.labels,
            parts=tuple(SHOWN) if self.parts is None else self.parts,
        )
        if not self.scene or people.keypoints_3d_cam is None:
            return drawn
        # The scene is drawn in RGB.
        return add_scene(
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
        if self.picture == 'jpg' and max(image.shape[:2]) > JPEG_SIDE:
            raise OutputError(
                f'picture {path} has {image.shape[1]} x {image.shape[0]} pixels, a '
                f'JPEG at most {JPEG_SIDE:,} a side: give --picture png'
            )
        whole, content = cv2.imencode(path.suffix, image)
        if not whole:
            raise OutputError(f'picture {path} cannot be encoded by OpenCV')
        write_file(path, content.tobytes())

    def video_writer(
        self, name: str, rate: float, audio: str | Path | None = None
    ) -> VideoWriter:
        """A writer of ``NAME.mp4`` with ``rate`` frames per second and the sound of
        a file."""
        self._make_room(name)
        return VideoWriter(self.folder / f'{name}.mp4', rate, self.codec, audio)

    def _make_room(self, name: str) -> None:
        """Makes the folder of a source's outputs."""
        if not self._standard and '/' in name:
            make_folder((self.folder / name).parent)

    def close(self) -> None:
        """Completes the result files."""
        for results in self._formats:
            results.close()


def _folders_of(folder: str) -> list[Path]:
    """A folder and those above it, as far as it says."""
    path = Path(folder)
    return [above for above in (path, *path.parents) if above.name]


def _stem(source: str) -> str:
    """The stem of a file, or of an address, of which the end of the path counts."""
    if not is_address(source):
        return Path(source).stem
    address = urlsplit(source)
    name = Path(address.path).stem or address.hostname or 'stream'
    return re.sub(r'[^\w.+-]', '_', name)


def _keys(files: Iterable[str]) -> set[str]:
    """Alike for names that are the same to a file system, and for the frames of
    a video."""
    return {
        unicodedata.normalize(
            'NFC', re.sub(f'_{FRAME_NUMBER}_', f'_{ANY_FRAME}_', file)
        ).casefold()
        for file in files
    }
