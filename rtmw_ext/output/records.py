"""What results say of themselves: JSON lines of the run, of each image or
video, and of each frame. ``docs/results.schema.json`` is their schema.

Shapes: N persons, K keypoints.
"""

import hashlib
import mmap
import os
import re
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ..core.geometry import Camera, camera_of
from ..core.people import COLUMNS_3D, Origin, People
from ..core.skeleton import HIPS, NUM_KEYPOINTS, PARTS, keypoint_names
from ..version import __version__
from .files import open_new, to_json

#: Of the records; it grows when a reader must know.
SCHEMA = 1
UNITS = dict(
    keypoints='pixels, x right, y down, (0, 0) the middle of the first pixel',
    keypoint_scores='0 to 1',
    bbox='pixels, x1, y1, x2, y2',
    bbox_score='0 to 1',
    keypoints_3d='metres from the root, x right, y down, z away',
    keypoints_3d_cam='metres from the camera, x right, y down, z away',
    world='metres, y up, the ground at 0',
    root_depth='metres',
    origin=', '.join(f'{item.value} {item.name.lower()}' for item in Origin),
    time='seconds',
)
#: In an ONNX file (protocol buffers), what is before the name of a file with
#: weights: the key, and the length of the name.
LOCATION = re.compile(rb'\x0a\x08location\x12([\x01-\x7f])', re.DOTALL)


@dataclass(frozen=True)
class Source:
    """An image, video, webcam or stream that results are of.

    Attributes:
        name: Of the results, without suffix.
        path: The file or address, or the webcam's number.
        kind: ``image``, ``video``, ``webcam`` or ``stream``.
        size: (w, h) in pixels.
        rate: Frames a second.
        frames: That the file announces.
    """

    name: str
    path: str | int | None = None
    kind: str = 'image'
    size: tuple[int, int] | None = None
    rate: float | None = None
    frames: int | None = None

    def record(self, is_3d: bool, given: Camera | None = None) -> dict[str, Any]:
        """Plain data; what is unknown is None.

        Args:
            is_3d: The results are, and name the camera.
            given: The camera; None is that assumed for 3D.
        """
        width, height = self.size or (None, None)
        camera = None
        if is_3d and width and height:
            camera = {
                key: np.asarray(value).tolist()
                for key, value in camera_of(width, height, given).items()
            }
        named = isinstance(self.path, (str, Path))
        return dict(
            type='source',
            name=self.name,
            path=str(self.path) if named else self.path,
            kind=self.kind,
            **_facts(Path(str(self.path)) if named else None),
            width=width,
            height=height,
            rate=self.rate,
            frames=self.frames,
            camera=camera,
        )


def _facts(path: Path | None) -> dict[str, Any]:
    """Size and time of a file."""
    try:
        status = path.stat() if path else None
    except OSError:
        status = None
    if status is None:
        return dict(bytes=None, modified=None)
    return dict(
        bytes=status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime, timezone.utc).isoformat(),
    )


@dataclass
class Run:
    """What made the results.

    Attributes:
        networks: {role: file}, such as ``pose`` and ``detector``. Their
            fingerprints are taken in a thread.
        settings: Plain data, such as the flags.
        camera: Of all images and videos, as of :mod:`rtmw_ext.core.geometry`.
    """

    networks: Mapping[str, Path] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    camera: Camera | None = None

    def __post_init__(self) -> None:
        self.created = datetime.now(timezone.utc).isoformat(timespec='seconds')
        with ThreadPoolExecutor(1) as pool:
            self._prints = {
                role: pool.submit(_fingerprint, Path(path))
                for role, path in self.networks.items()
            }
            # The threads go on.
            pool.shutdown(wait=False)

    @cached_property
    def models(self) -> dict[str, Any]:
        """{role: file, size, time and fingerprints}."""
        return {
            role: dict(
                file=Path(path).name, **_facts(Path(path)), sha256=prints.result()
            )
            for (role, path), prints in zip(
                self.networks.items(), self._prints.values()
            )
        }

    def record(self, people: People) -> dict[str, Any]:
        """Plain data.

        Args:
            people: Some of the results.
        """
        count = people.keypoints.shape[1]
        whole = count == NUM_KEYPOINTS
        return dict(
            type='run',
            schema=SCHEMA,
            program=f'rtmw_ext {__version__}',
            created=self.created,
            models=self.models,
            settings=dict(self.settings),
            is_3d=people.keypoints_3d is not None,
            points=list(keypoint_names(count)),
            parts={
                name: [part.start, part.stop] for name, part in PARTS.items() if whole
            },
            root=list(HIPS),
            units=UNITS,
        )


def _fingerprint(path: Path) -> dict[str, str]:
    """{name: SHA-256} of a network's file and of those of its weights."""
    prints = {}
    for file in (path, *_weights(path)):
        digest = hashlib.sha256()
        with file.open('rb') as content:
            while block := content.read(1 << 20):
                digest.update(block)
        prints[file.name] = digest.hexdigest()
    return prints


def _weights(path: Path) -> list[Path]:
    """Files beside an OpenVINO or ONNX file that hold its weights."""
    if path.suffix == '.xml':
        names = {path.with_suffix('.bin').name}
    else:
        with (
            path.open('rb') as graph,
            mmap.mmap(graph.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            names = {
                os.fsdecode(content[found.end() : found.end() + found[1][0]])
                for found in LOCATION.finditer(content)
            }
    return [file for name in sorted(names) if (file := path.parent / name).is_file()]


def plain(array: np.ndarray | np.floating) -> Any:
    """Python numbers, in nested lists; None stands for what is not finite."""
    values = np.asarray(array)
    if np.isfinite(values).all():
        return values.tolist()
    whole = values.astype(object)
    whole[~np.isfinite(values)] = None
    return whole.tolist()


def person_records(people: People) -> list[dict[str, Any]]:
    """Plain data with the keys of mmpose's JSON results.

    Returns:
        One dict per person: ``keypoints`` K x [x, y] in pixels,
        ``keypoint_scores``, ``bbox`` [x1, y1, x2, y2], ``bbox_score``, and,
        where there are any, ``id`` and K x [x, y, z] in metres,
        ``keypoints_3d`` from the hips and ``keypoints_3d_cam`` from the
        camera, and ``root_depth``, the metres from the camera to the hips;
        ``origin``, K of :class:`rtmw_ext.core.people.Origin`, and ``world``, K x
        [x, y, z] in metres.
    """
    rows = []
    for number in range(len(people)):
        row: dict[str, Any] = dict(
            keypoints=plain(people.keypoints[number]),
            keypoint_scores=plain(people.scores[number]),
            bbox=plain(people.boxes[number]),
            bbox_score=plain(people.box_scores[number]),
        )
        for name in COLUMNS_3D:
            if getattr(people, name) is not None:
                row[name] = plain(getattr(people, name)[number])
        if (depth := people.root_depth) is not None:
            row['root_depth'] = plain(depth[number])
        if people.origin is not None:
            row['origin'] = plain(people.origin[number])
        if people.ids is not None:
            row['id'] = int(people.ids[number])
        rows.append(row)
    return rows


class RecordFile:
    """JSON lines: the run, then each source, followed by its images or frames.
    Every line is written at once.

    Args:
        path: To write; it is made at the first record. None is the standard
            output.
        run: What makes the results.
    """

    def __init__(self, path: Path | None, run: Run) -> None:
        self.path, self.run = path, run
        self._file: TextIO | None = None
        self._source: Source | None = None
        self._written: str | None = None

    def begin(self, source: Source) -> None:
        """What the next images or frames are of."""
        self._source, self._written = source, None

    def add(
        self,
        name: str,
        frame: int | None,
        time: float | None,
        people: People,
        more: Mapping[str, Any] = {},
    ) -> None:
        """Adds an image or frame.

        Args:
            name: Of the source.
            frame: Number of the frame, from 0; None for an image.
            time: In seconds.
            people: Those in it.
            more: Further values of the record.
        """
        if self._file is None:
            self._file = sys.stdout if self.path is None else open_new(self.path)
            self._write(self.run.record(people))
        if name != self._written:
            source = self._source
            if source is None or source.name != name:
                source = Source(name, kind='image' if frame is None else 'video')
            is_3d = people.keypoints_3d is not None
            self._write(source.record(is_3d, self.run.camera))
            self._written = name
        self._write(
            dict(
                type='frame',
                source=name,
                frame=frame,
                time=time,
                persons=len(people),
                **more,
            )
        )

    def _write(self, record: dict[str, Any]) -> None:
        assert self._file is not None
        self._file.write(to_json(record) + '\n')
        self._file.flush()

    def close(self) -> None:
        """Completes the file."""
        if self._file is not None and self.path is not None:
            self._file.close()
        self._file = None
