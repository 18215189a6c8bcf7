"""Videos of requests: each is a job that runs when those before it are done."""

import logging
import queue
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import RTMWError, VideoError
from ..core.people import People
from ..output.folder import OutputFolder
from ..output.records import Source
from ..runtime.video import Video
from .limits import Refused, reason_of
from .service import Service

LOG = logging.getLogger(__name__)
#: Of the results, in a job's folder.
NAME = 'result'
#: How containers begin that hold all they show. Playlists and scripts, which FFmpeg
#: reads too, name other files and addresses.
SIGNATURES = re.compile(
    rb'.{4}(ftyp|moov|mdat|wide|free|skip)'  # MP4, MOV
    rb'|\x1a\x45\xdf\xa3'  # Matroska, WebM
    rb'|RIFF.{4}AVI |OggS|FLV\x01|GIF8|\0\0\x01[\xb3\xba]'
    rb'|\x47.{187}\x47'  # MPEG transport streams
    rb'|\x30\x26\xb2\x75\x8e\x66\xcf\x11',  # WMV
    re.DOTALL,
)
#: States of a job that has ended.
ENDED = ('done', 'failed', 'cancelled')


@dataclass
class Job:
    """A video.

    Attributes:
        folder: Holds the upload and, once it runs, the results.
        name: What messages call it.
        draw: Whether a drawn video is written.
        every: As of :meth:`WholeBody.video`.
        id: Names it; nobody can guess it.
        state: waiting, running, done, failed or cancelled.
        frames: Done so far.
        total: That the file announces, or None.
        error: Why it failed.
        ended: By the clock of ``time.monotonic``.
    """

    folder: Path
    name: str
    draw: bool
    every: int
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    state: str = 'waiting'
    frames: int = 0
    total: int | None = None
    error: str | None = None
    ended: float | None = None

    @property
    def upload(self) -> Path:
        return self.folder / 'upload'

    @property
    def results(self) -> Path:
        """JSON lines; they can be read while they grow."""
        return self.folder / 'out' / f'{NAME}.jsonl'

    @property
    def video(self) -> Path:
        return self.folder / 'out' / f'{NAME}.mp4'

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return dict(
            id=self.id,
            name=self.name,
            state=self.state,
            frames=self.frames,
            total=self.total,
            error=self.error,
        )


class Jobs:
    """Runs videos one after another in a thread of its own.

    Args:
        service: Finds the people.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._jobs: dict[str, Job] = {}
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def check_room(self) -> None:
        """
        Raises:
            Refused: Too many videos wait already.
        """
        waiting = self._open()
        if waiting >= self.service.limits.videos:
            raise Refused(503, f'{waiting} videos wait already: come again', retry=10)

    def add(self, job: Job) -> None:
        """Lets a job wait, whose upload is there.

        Raises:
            Refused: It is no video, or too many videos wait already.
        """
        self.check_room()
        with job.upload.open('rb') as file:
            if not SIGNATURES.match(file.read(256)):
                raise Refused(
                    415,
                    f'{job.name} is no MP4, MOV, MKV, WebM, AVI, OGG, FLV, WMV, MPEG '
                    'or GIF',
                )
        self._jobs[job.id] = job
        self._count()
        self._queue.put(job)

    def get(self, name: str) -> Job:
        """
        Raises:
            Refused: There is no such job, or none any more.
        """
        self.sweep()
        if name not in self._jobs:
            raise Refused(404, 'there is no such video, or it was removed')
        return self._jobs[name]

    def remove(self, job: Job) -> None:
        """Cancels a job that has not ended, and removes its files."""
        if job.state in ENDED:
            self.discard(job)
        else:
            # Its thread removes the files.
            job.state = 'cancelled'
            self._jobs.pop(job.id, None)
        self._count()

    def sweep(self) -> None:
        """Removes what was kept for long enough."""
        oldest = time.monotonic() - self.service.limits.keep
        for job in list(self._jobs.values()):
            if job.ended is not None and job.ended < oldest:
                self.discard(job)

    def close(self) -> None:
        """Cancels all jobs and waits for the thread."""
        for job in list(self._jobs.values()):
            self.remove(job)
        self._queue.put(None)
        self._thread.join()

    def _open(self) -> int:
        return sum(job.state not in ENDED for job in self._jobs.values())

    def _count(self) -> None:
        self.service.metrics.videos.set(self._open())

    def discard(self, job: Job) -> None:
        """Removes a job that does not run, and its files."""
        self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if job.state == 'waiting':
                job.state = 'running'
                try:
                    self._run(job)
                except Exception as error:
                    if not isinstance(error, RTMWError):
                        LOG.exception('a video failed')
                    job.error = reason_of(error).replace(str(job.upload), job.name)
            if job.state == 'cancelled':
                shutil.rmtree(job.folder, ignore_errors=True)
                continue
            job.upload.unlink(missing_ok=True)
            job.state, job.ended = 'failed' if job.error else 'done', time.monotonic()
            self._count()

    def _run(self, job: Job) -> None:
        limits, metrics = self.service.limits, self.service.metrics
        video = Video(job.upload, end=limits.video_seconds)
        job.total = video.count or None
        outputs = OutputFolder(job.folder / 'out', ['jsonl'], draw=job.draw)
        outputs.run = self.service.run

        def frames() -> Iterator[np.ndarray]:
            for frame in video:
                height, width = frame.shape[:2]
                if height * width > limits.image_pixels:
                    raise VideoError(
                        f'{job.name} has frames of {width} x {height} pixels: scale '
                        'it down'
                    )
                yield frame

        def each(people: People, *_: object) -> bool:
            job.frames += 1
            metrics.people.inc(len(people))
            return job.state == 'cancelled'

        try:
            outputs.add_video(
                Source(NAME, job.name, 'video'),
                video,
                self.service.estimator.video(frames(), job.every),
                job.upload,
                each=each,
            )
        finally:
            outputs.close()
        if fault := video.fault:
            job.error = f'{job.name} {fault}'
