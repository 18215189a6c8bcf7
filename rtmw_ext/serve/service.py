"""People in the images of many requests."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import cv2
import numpy as np

from ..core.images import ImageError, ImageTooLarge, check_pixels, read_image
from ..core.people import People
from ..output.draw2d import draw_people
from ..output.records import Run, Source, person_records
from ..runtime import Detector, OneStageModel, PoseModel, WholeBody
from ..runtime.estimator import largest
from .batching import share
from .limits import Limits, Refused
from .metrics import Metrics

#: Images that are decoded, cropped and drawn at once, a core.
THREADS_A_CORE = 4
KNOWN = 'JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC or AVIF'

Arguments = ParamSpec('Arguments')
Result = TypeVar('Result')


@dataclass(frozen=True)
class Answer:
    """The people of one image.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        people: N persons.
    """

    image: np.ndarray
    people: People

    def record(self, run: Run, name: str) -> dict:
        """Plain data: the run and the source as results say them, and ``people``
        as ``rtmw infer --format json`` writes them."""
        source = Source(name, size=self.image.shape[1::-1])
        is_3d = self.people.keypoints_3d is not None
        return dict(
            run=run.record(self.people),
            source=source.record(is_3d, run.camera),
            people=person_records(self.people),
        )

    def picture(self, threshold: float) -> bytes:
        """A JPEG of the image with the people drawn."""
        drawn = draw_people(self.image, self.people, threshold)
        return cv2.imencode('.jpg', drawn)[1].tobytes()


class Service:
    """Networks that all requests share, and threads for the rest.

    Args:
        estimator: Its networks are shared from now on.
        run: What makes the results.
        limits: What is taken.
    """

    def __init__(self, estimator: WholeBody, run: Run, limits: Limits) -> None:
        self.estimator, self.run, self.limits = estimator, run, limits
        self.metrics = Metrics()
        pose = estimator.pose
        models = [pose, estimator.detector, pose.second_look]
        for model in models:
            if isinstance(model, (Detector, OneStageModel, PoseModel)):
                model.network = share(model.network, self.metrics.batches.observe)
        self._pool = ThreadPoolExecutor(THREADS_A_CORE * (os.cpu_count() or 1))
        self._waiting = 0

    def check_room(self) -> None:
        """
        Raises:
            Refused: Too many images wait already.
        """
        if self._waiting >= self.limits.waiting:
            raise Refused(
                503, f'{self._waiting} images wait already: come again', retry=1
            )

    async def call(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Calls a function in a thread, for an image of a request.

        Raises:
            Refused: Too many wait already.
        """
        self.check_room()
        self._waiting += 1
        self.metrics.waiting.set(self._waiting)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._pool, lambda: function(*args, **kwargs)
            )
        finally:
            self._waiting -= 1
            self.metrics.waiting.set(self._waiting)

    def read(self, source: Path | bytes, name: str) -> np.ndarray:
        """Reads an image that somebody sent.

        Args:
            source: The file, or its content.
            name: What messages call it.

        Returns:
            (H, W, 3) uint8 BGR.

        Raises:
            Refused: It is no whole image of a known kind, or has too many pixels.
        """
        try:
            if not check_pixels(source, self.limits.image_pixels, name):
                # OpenCV reads more, and believes what their headers say.
                raise Refused(415, f'{name} is no {KNOWN}, or damaged')
            return read_image(source, name=name)
        except ImageError as error:
            status = 413 if isinstance(error, ImageTooLarge) else 422
            raise Refused(status, str(error)) from None

    def find(self, path: Path, name: str, max_people: int | None = None) -> Answer:
        """The people of an image file.

        Args:
            path: The file.
            name: What messages call it.
            max_people: Those with the largest boxes.

        Raises:
            Refused: As of :meth:`read`.
        """
        image = self.read(path, name)
        people = self.estimator(image)
        if max_people is not None:
            numbers = np.arange(len(people))
            people = people[largest(people.boxes, numbers, max_people)[1]]
        self.metrics.people.inc(len(people))
        return Answer(image, people)

    def close(self) -> None:
        """Ends its threads."""
        self._pool.shutdown(cancel_futures=True)
