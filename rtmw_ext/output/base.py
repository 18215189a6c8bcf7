"""What all formats of result files share.

Shapes: N persons, K keypoints.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np

from ..core.errors import RTMWError
from ..core.people import People
from ..core.skeleton import BODY_NAMES, HALPE26_NAMES, NUM_KEYPOINTS, SKELETONS
from .records import RecordFile, Run, Source

#: What is behind the name of a result file in that of its records.
RECORDS = '.meta.jsonl'
#: Stands for the number of a frame in the names of files.
ANY_FRAME = '*'


class ResultError(RTMWError, ValueError):
    """Results cannot be written or read; the text says why."""


class ResultFormat(ABC):
    """One format of result files. Its files are complete after ``close``,
    whatever was added by then. Nothing is written before the first ``add``.

    Args:
        folder: Where to write. It exists.

    Attributes:
        name: In :data:`FORMATS` and for ``rtmw infer --format``.
        description: One line for the help.
        run: What makes the results; set it before the first ``add``.
    """

    name: ClassVar[str]
    description: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = Run()
        #: Of what is added next.
        self._source: Source | None = None

    @classmethod
    def run_files(cls) -> list[str]:
        """The names of the files with the results of all images and videos."""
        return []

    @classmethod
    def files(cls, name: str, is_video: bool) -> list[str]:
        """The names of the files with the results of one image or video, with
        ``ANY_FRAME`` for the number of a frame.

        Args:
            name: Of the image or video, without suffix.
            is_video: It has frames.
        """
        return []

    def expect(self, names: list[str]) -> None:  # noqa: B027
        """Names of images that are to be added, before the first ``add``."""

    def begin(self, source: Source) -> None:
        """Says more of the image or video that is added next."""
        self._source = source

    @abstractmethod
    def add(
        self,
        name: str,
        frame: int | None,
        people: People,
        time: float | None = None,
    ) -> None:
        """Adds the people of one image or of one frame of a video.

        Args:
            name: Of the image or video, without suffix.
            frame: Number of the frame, from 0; None for an image.
            people: N persons; N may be 0.
            time: Of the frame, in seconds.

        Raises:
            ResultError: The format has no room for these keypoints.
            OutputError: A file cannot be written.
        """

    def end(self) -> None:  # noqa: B027
        """The image or video is over: its own files are completed."""

    @abstractmethod
    def close(self) -> None:
        """Completes the files."""


class RunFile(ResultFormat):
    """A format with one file for all images and videos, ``file_name``, and one
    with its records."""

    file_name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / self.file_name
        self._records: RecordFile | None = None

    @classmethod
    def run_files(cls) -> list[str]:
        return [cls.file_name, cls.file_name + RECORDS]

    @property
    def records(self) -> RecordFile:
        """The file of the records."""
        if self._records is None:
            self._records = RecordFile(records_of(self.path), self.run)
        return self._records

    def begin(self, source: Source) -> None:
        self.records.begin(source)


def records_of(path: Path) -> Path:
    """The file with the records of a result file."""
    return path.with_name(path.name + RECORDS)


#: {name: class} of every format.
FORMATS: dict[str, type[ResultFormat]] = {}

_Format = TypeVar('_Format', bound=type[ResultFormat])


def register(name: str, description: str) -> Callable[[_Format], _Format]:
    """A decorator that adds a :class:`ResultFormat` to :data:`FORMATS`."""

    def add(format_class: _Format) -> _Format:
        format_class.name, format_class.description = name, description
        FORMATS[name] = format_class
        return format_class

    return add


def scored_keypoints(people: People) -> np.ndarray:
    """(N, K, 3): x and y in pixels and the score of each point."""
    return np.concatenate([people.keypoints, people.scores[..., None]], axis=2)


def check_skeleton(people: People, purpose: str) -> None:
    """
    Raises:
        ResultError: The people have none of the skeletons with names.
    """
    count = people.keypoints.shape[1]
    if count not in SKELETONS:
        raise ResultError(
            f'{purpose} needs {NUM_KEYPOINTS} points (COCO-WholeBody), '
            f'{len(HALPE26_NAMES)} (Halpe) or {len(BODY_NAMES)} (COCO), but the model '
            f'finds {count}: write json, csv, npz or coco'
        )
