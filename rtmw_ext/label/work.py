"""A unit of work becomes a shard: the same rows in whatever process does it.

A call of a network has one image in it, or a frame, and one thread of a CPU: what is
done beside it, and by how many workers, changes no bit.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import RTMWError, VideoError
from ..core.images import ImageError
from ..core.media import is_video
from ..core.people import People
from ..output.records import Run
from ..runtime import WholeBody, video
from .filters import Filter
from .inputs import Unit
from .places import Folder, as_file
from .reading import ContainerError, Item, decode, items_of
from .shards import schema_of, shard

#: Images that are read while networks work: those elsewhere take their time.
READERS = 8
#: What makes an input unreadable; others stop the run.
UNREADABLE = (ImageError, VideoError, ContainerError, FileNotFoundError)


class WorkerError(RTMWError, ValueError):
    """A worker has other networks than the run; the text names them."""


@dataclass(frozen=True)
class Facts:
    """What the networks of a run are; plain data, which JSON holds.

    Attributes:
        models: {role: file, SHA-256 and backend}.
        points: Keypoints of a person.
        is_3d: They have depth.
    """

    models: dict[str, Any]
    points: int
    is_3d: bool


@dataclass(frozen=True)
class Job:
    """What all workers of a run do.

    Attributes:
        build: Builds the networks; workers elsewhere get a copy.
        folder: Of the shards.
        stride: Frames from one look for people to the next.
        filter: People who count.
    """

    build: Callable[[], WholeBody]
    folder: Folder
    stride: int
    filter: Filter


@dataclass(frozen=True)
class Done:
    """A unit that is done: images or frames, people, and inputs that could not be
    read."""

    number: int
    images: int
    people: int
    errors: int


class Seen(NamedTuple):
    """The people of an image or frame; as of :meth:`ShardWriter.add`."""

    image: str
    size: tuple[int, int]
    people: People
    frame: int | None = None
    time: float | None = None


Errors = list[tuple[str, str]]


class Worker:
    """Turns units into shards, with networks of its own.

    Args:
        job: What to do.
        facts: What the networks must be; None takes them as they are.

    Raises:
        WorkerError: They are others.
    """

    def __init__(self, job: Job, facts: Facts | None = None) -> None:
        self.job = job
        self.estimator = job.build()
        self.facts = self._facts()
        if facts is not None and facts != self.facts:
            raise WorkerError(
                f'a worker has the networks {self.facts}, but the run {facts}: give '
                '--pose and --det files that all machines have'
            )
        self._streams = Semaphore(self.estimator.pose.network.streams)
        self._schema = schema_of(self.facts.points, self.facts.is_3d)

    def _facts(self) -> Facts:
        pose, networks = self.estimator.pose, self.estimator.networks
        prints = Run({role: Path(net.path) for role, net in networks.items()}).models
        models = {
            role: dict(
                file=prints[role]['file'],
                sha256=prints[role]['sha256'],
                backend=type(network).__name__.lower(),
            )
            for role, network in networks.items()
        }
        # The outputs need not say how many points there are.
        blank = pose(np.zeros((64, 64, 3), np.uint8))
        return Facts(models, blank.keypoints.shape[1], pose.is_3d)

    def __call__(
        self, unit: Unit, step: Callable[[int, int], None] = lambda images, people: None
    ) -> Done:
        """
        Args:
            unit: To do.
            step: Told of images and people as they are done.

        Raises:
            StorageError: What it is about cannot be reached; no shard is there.
        """
        job = self.job
        images = people = 0
        with shard(job.folder, unit, self._schema, self.facts.models) as opened:
            writer, errors, counts = opened
            with closing(self._found(unit, errors)) as found:
                for seen in found:
                    kept = job.filter(seen.people)
                    writer.add(seen.image, seen.size, kept, seen.frame, seen.time)
                    images, people = images + 1, people + len(kept)
                    step(1, len(kept))
            counts.update(images=images, people=people)
        return Done(unit.number, images, people, len(errors))

    def _found(self, unit: Unit, errors: Errors) -> Generator[Seen, None, None]:
        """The people of all images or frames of a unit, in order. What cannot be
        read is added to ``errors``."""
        (source, *_) = unit.sources
        try:
            if unit.kind != 'video':
                yield from self._images(items_of(unit), errors)
                return
            with as_file(source) as path:
                if is_video(path):
                    yield from self._frames(source, path, errors)
                else:
                    item = Item(source, Path(path).read_bytes)
                    yield from self._images(iter([item]), errors)
        except UNREADABLE as error:
            errors.append((source, str(error)))

    def _images(self, items: Iterator[Item], errors: Errors) -> Iterator[Seen]:
        def find(item: Item) -> Seen:
            image = decode(item.key, item.load())
            height, width = image.shape[:2]
            with self._streams:
                return Seen(item.key, (width, height), self.estimator(image))

        threads = READERS + self.estimator.pose.network.streams
        with closing(video.side_by_side(find, items, threads)) as results:
            for item, result in results:
                try:
                    yield result()
                except ImageError as error:
                    errors.append((item.key, str(error)))

    def _frames(self, source: str, path: str, errors: Errors) -> Iterator[Seen]:
        frames = video.Video(path)
        with closing(self.estimator.video(frames, self.job.stride)) as results:
            for number, (frame, people) in enumerate(results):
                height, width = frame.shape[:2]
                time = frames.times.popleft()
                yield Seen(source, (width, height), people, number, time)
        if fault := frames.fault:
            errors.append((source, f'{source} {fault}'))
