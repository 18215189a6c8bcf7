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
from ..core.skeleton import NUM_KEYPOINTS


class ResultError(RTMWError, ValueError):
    """Results cannot be written in a format; the text says why."""


class ResultFormat(ABC):
    """One format of result files. Its files are complete after ``close``,
    whatever was added by then.

    Args:
        folder: Where to write. It exists.

    Attributes:
        name: In :data:`FORMATS` and for ``rtmw infer --format``.
        description: One line for the help.
    """

    name: ClassVar[str]
    description: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def add(self, name: str, frame: int | None, people: People) -> None:
        """Adds the people of one image or of one frame of a video.

        Args:
            name: Of the image or video, without suffix.
            frame: Number of the frame, from 0; None for an image.
            people: N persons; N may be 0.

        Raises:
            ResultError: The format has no room for these keypoints.
        """

    @abstractmethod
    def close(self) -> None:
        """Completes the files."""


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


def records(people: People) -> list[dict]:
    """Plain data with the keys of mmpose's JSON results.

    Returns:
        One dict per person: ``keypoints`` K x [x, y] in pixels,
        ``keypoint_scores``, ``bbox`` [x1, y1, x2, y2], ``bbox_score``, and,
        where there are any, ``id`` and K x [x, y, z] in metres,
        ``keypoints_3d`` from the hips and ``keypoints_3d_cam`` from the
        camera.
    """
    rows = []
    for number in range(len(people)):
        row = dict(
            keypoints=people.keypoints[number].tolist(),
            keypoint_scores=people.scores[number].tolist(),
            bbox=people.boxes[number].tolist(),
            bbox_score=float(people.box_scores[number]),
        )
        for name in ('keypoints_3d', 'keypoints_3d_cam'):
            if getattr(people, name) is not None:
                row[name] = getattr(people, name)[number].tolist()
        if people.ids is not None:
            row['id'] = int(people.ids[number])
        rows.append(row)
    return rows


def scored_keypoints(people: People) -> np.ndarray:
    """(N, K, 3): x and y in pixels and the score of each point."""
    return np.concatenate([people.keypoints, people.scores[..., None]], axis=2)


def check_whole_body(people: People, format_name: str) -> None:
    """
    Raises:
        ResultError: The people have other keypoints than the 133.
    """
    count = people.keypoints.shape[1]
    if count != NUM_KEYPOINTS:
        raise ResultError(
            f'{format_name} results need the {NUM_KEYPOINTS} whole-body '
            f'points, but the model finds {count}: write json, csv or npz'
        )
