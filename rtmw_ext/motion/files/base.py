"""What all files of motion share.

Shapes: T frames, K keypoints.
"""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from ...core.errors import RTMWError
from ...output.files import write_file
from ..track import Motion, MotionError, Track

#: Share of a frame by which times may miss a constant rate and count as even.
EVEN = 0.1


class LibraryMissingError(RTMWError, ImportError):
    """A package is not installed that writes the format."""


@dataclass(frozen=True)
class Writer:
    """A format of files of motion.

    Attributes:
        description: One line for the help.
        suffix: Of its files.
        encode: Gives the content of a file.
        one_person: A file holds one person, else all of the clip.
        is_3d: It needs 3D points.
        libraries: Modules of the extra ``motion`` that write it.
    """

    description: str
    suffix: str
    encode: Callable[[Motion], bytes]
    one_person: bool
    is_3d: bool
    libraries: tuple[str, ...]


#: {name: writer} of every format.
WRITERS: dict[str, Writer] = {}

_Encode = Callable[[Motion], bytes]


def register(
    name: str,
    suffix: str,
    description: str,
    *,
    one_person: bool = True,
    is_3d: bool = True,
    libraries: tuple[str, ...] = (),
) -> Callable[[_Encode], _Encode]:
    """A decorator that adds a function to :data:`WRITERS`."""

    def add(encode: _Encode) -> _Encode:
        WRITERS[name] = Writer(
            description, suffix, encode, one_person, is_3d, libraries
        )
        return encode

    return add


def write(motion: Motion, path: str | Path, format: str | None = None) -> list[Path]:
    """Writes files of motion. The folder is made where it is missing.

    Args:
        motion: What happens.
        path: Of the file. Where a file holds one person and there are several, its
            name gets the id: ``dance-3.bvh``.
        format: One of :data:`WRITERS`. None: that of the suffix.

    Returns:
        The files.

    Raises:
        MotionError: There is no such format, nobody to write, or the format needs
            more than is there, such as 3D.
        LibraryMissingError: The package that writes it is not installed.
        OutputError: A file cannot be written.
    """
    path = Path(path)
    if format is None:
        fitting = [
            name for name, item in WRITERS.items() if path.name.endswith(item.suffix)
        ]
        format = max(fitting, key=lambda name: len(WRITERS[name].suffix), default='')
    if format not in WRITERS:
        raise MotionError(
            f'{path} has no format of motion: name it, or end the file in '
            f'{", ".join(writer.suffix for writer in WRITERS.values())}'
        )
    writer = WRITERS[format]
    if not motion.tracks:
        raise MotionError(f'there is nobody to write to {path}')
    if writer.is_3d and not motion.is_3d:
        raise MotionError(
            f'{path} needs points in 3D: run a 3D model, such as rtmw3d-l'
        )
    contents = {path: motion}
    if writer.one_person and len(motion.tracks) > 1:
        suffix = writer.suffix if path.name.endswith(writer.suffix) else path.suffix
        stem = path.name.removesuffix(suffix)
        contents = {
            path.with_name(f'{stem}-{track.id}{suffix}'): motion.with_tracks([track])
            for track in motion.tracks
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, content in contents.items():
        write_file(file, writer.encode(content))
    return list(contents)


def check_libraries(formats: Iterable[str]) -> None:
    """Imports what writes some of :data:`WRITERS`, before there is anything to write.

    Raises:
        LibraryMissingError: A package is not installed.
    """
    for name in formats:
        for module in WRITERS[name].libraries:
            library(module)


def library(name: str) -> ModuleType:
    """Imports a package of the extra ``motion``.

    Raises:
        LibraryMissingError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        package = name.split('.')[0].replace('_', '-')
        raise LibraryMissingError(
            f'this format needs {package}: pip install rtmw_ext[motion]'
        ) from None


def only_track(motion: Motion) -> Track:
    """The one person of a file.

    Raises:
        MotionError: There are several, or nobody.
    """
    if len(motion.tracks) != 1:
        raise MotionError(
            f'the file holds one person, not {len(motion.tracks)}: take one track'
        )
    return motion.tracks[0]


def even_times(times: np.ndarray, rate: float) -> np.ndarray:
    """(N, ) seconds from the first time to the last at a constant rate; ``times``
    themselves where they are even."""
    count = int(np.floor((times[-1] - times[0]) * rate + EVEN)) + 1
    even = times[0] + np.arange(count) / rate
    if count == len(times) and np.abs(times - even).max() <= EVEN / rate:
        return times
    return even


def sample(times: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values on the line between those of two frames, NaN where one is NaN or there
    are none.

    Args:
        times: (T, ) seconds, strictly increasing.
        values: (T, ...).
        at: (N, ) seconds.
    """
    if at is times:
        return values
    places = np.interp(at, times, np.arange(len(times)))
    # What is a hair beside a frame is that of the frame.
    near = np.round(places)
    places = np.where(np.abs(places - near) < 1e-6, near, places)
    before = np.floor(places).astype(int)
    after = np.ceil(places).astype(int)
    share = (places - before).reshape(-1, *[1] * (values.ndim - 1))
    mixed = values[before] * (1 - share) + values[after] * share
    step = np.diff(times).min(initial=1.0)
    outside = (at < times[0] - EVEN * step) | (at > times[-1] + EVEN * step)
    mixed[outside] = np.nan
    return mixed.astype(values.dtype)
