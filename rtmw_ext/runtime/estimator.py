"""Detection, crops, pose estimation and tracking in one object.

Shapes: images are (H, W, 3) uint8 BGR.
"""

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core.crops import box_scores, check_boxes
from ..core.errors import UsageError
from ..core.geometry import Camera
from ..core.images import ImageSource, read_image
from ..core.people import MIN_SCORE, People
from ..core.skeleton import PARTS
from .detector import Detector
from .identity import duplicates
from .network import Network
from .one_stage import OneStageModel, load_pose
from .pose import PoseModel
from .still import StillPeople
from .tracking import OneEuro, Tracker, points_box
from .video import DEFAULT_RATE, ahead, side_by_side

#: The detector runs on every n-th frame of a video.
EVERY = 8
#: Images whose crops share batches: one person each fills those of two threads.
TOGETHER = 8
#: Points of the body that a person whom the detector missed must show, and the
#: margin around all its points, in sides of their box.
LEAST_BODY, MARGIN = 6, 0.1

#: Boxes (N, 4) and scores (N, ).
Boxes = tuple[np.ndarray, np.ndarray]
DetectorFunction = Callable[[np.ndarray], Boxes]


class WholeBody:
    """People in images and videos.

    Args:
        pose: The pose network, or its file. One of one stage (RTMO) finds the
            people, too.
        detector: The detector, its file, or a function from an image to boxes
            and scores as :meth:`detect` returns them. None takes every image
            for one person, unless ``pose`` is of one stage.
        fallback: Where the detector finds nobody in an image, look for one
            person in the whole of it; see :meth:`whole_image`. Not in videos.
        max_people: Where more are detected, those with the largest boxes count:
            the people in front. None takes all.
        **network: For both, arguments of
            :func:`rtmw_ext.runtime.load_network`.

    Raises:
        NetworkError, PoseError, DetectorError: A file cannot be used.
        UsageError: ``max_people`` is less than 1, or there is a detector for a
            network of one stage.
    """

    def __init__(
        self,
        pose: PoseModel | OneStageModel | str | Path,
        detector: DetectorFunction | str | Path | None = None,
        *,
        fallback: bool = True,
        max_people: int | None = None,
        **network: Any,
    ) -> None:
        self.pose = (
            load_pose(pose, **network) if isinstance(pose, (str, Path)) else pose
        )
        self._refuse(detector)
        if isinstance(detector, (str, Path)):
            detector = Detector(detector, **network)
        self.detector = detector
        self.fallback = fallback
        if max_people is not None and max_people < 1:
            raise UsageError(f'max_people={max_people} must be 1 or more')
        self.max_people = max_people

    @property
    def networks(self) -> dict[str, Network]:
        """{role: network}: ``pose``, and ``detector`` and ``second_look`` where they
        are of a file."""
        models = dict(
            pose=self.pose,
            detector=self.detector,
            second_look=self.pose.second_look,
        )
        return {
            role: model.network
            for role, model in models.items()
            if isinstance(model, (PoseModel, OneStageModel, Detector))
        }

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (N, 4) x1, y1, x2, y2 in pixels, and scores (N, ) of the people
        in an image (H, W, 3), of ``max_people`` at most."""
        return self._boxes(image, self.max_people)

    def _boxes(self, image: np.ndarray, most: int | None) -> Boxes:
        """As :meth:`detect`, of ``most`` at most."""
        if isinstance(self.pose, OneStageModel):
            people = self._at_once(self.pose, image)
            return people.boxes, people.box_scores
        if self.detector is None:
            height, width = image.shape[:2]
            return (
                np.array([[0, 0, width, height]], np.float32),
                np.ones(1, np.float32),
            )
        return largest(*self.detector(image), most)

    def __call__(
        self,
        image: ImageSource,
        camera: Camera | None = None,
        boxes: ArrayLike | None = None,
    ) -> People:
        """
        Args:
            image: As :func:`rtmw_ext.core.images.read_image` takes it.
            camera: As of :mod:`rtmw_ext.core.geometry`.
            boxes: Of the people, in place of the detector's: (N, 4) x1, y1, x2, y2
                in pixels, or (N, 5) with scores. N may be 0, which is nobody.

        Raises:
            ImageError: The image is broken.
            BoxError: A given box has no area, is not finite or lies outside.
            UsageError: There are boxes for a network of one stage.
        """
        image = read_image(image)
        if isinstance(self.pose, OneStageModel):
            self._refuse(boxes)
            return self._at_once(self.pose, image)
        if boxes is not None:
            return self.pose(image, *self._given(image, boxes), camera=camera)
        return next(self._together([(image, self._look(image))], camera))

    def _look(self, image: np.ndarray) -> Boxes:
        """Boxes of people, of whom some may have two."""
        return self._boxes(image, self.max_people and 2 * self.max_people)

    def _at_once(self, pose: OneStageModel, image: np.ndarray) -> People:
        """The people that a network of one stage finds, ``max_people`` at most."""
        return self._in_front(pose(image))

    def _in_front(self, people: People) -> People:
        """Those with the largest boxes, ``max_people`` at most."""
        numbers = np.arange(len(people))
        return people[largest(people.boxes, numbers, self.max_people)[1]]

    def _refuse(self, finder: object) -> None:
        """
        Args:
            finder: Boxes or a detector, or None.

        Raises:
            UsageError: The network is of one stage, which needs none.
        """
        if finder is not None and isinstance(self.pose, OneStageModel):
            raise UsageError(
                f'{self.pose.network.path} finds the people itself: leave boxes and '
                'the detector out'
            )

    def _given(self, image: np.ndarray, boxes: ArrayLike) -> Boxes:
        """Given boxes, as of :meth:`detect`."""
        checked = check_boxes(boxes, image.shape[1::-1])
        return largest(checked, box_scores(boxes), self.max_people)

    def whole_image(self, image: np.ndarray, camera: Camera | None = None) -> People:
        """One person or nobody, without a detector.

        The points predicted in the whole image give a box, and a second pass
        predicts them in that box; the pass with the higher score counts.

        Args:
            image: (H, W, 3) uint8 BGR.
            camera: As of :mod:`rtmw_ext.core.geometry`.

        Returns:
            Nobody if fewer than ``LEAST_BODY`` points of the body score
            ``MIN_SCORE``; the score of the box is their mean.
        """
        if isinstance(self.pose, OneStageModel):
            return self.pose(image)[:1]
        height, width = image.shape[:2]
        people = self.pose(image, [(0, 0, width, height)], camera=camera)
        score = _body_score(people)
        if not score:
            return people[:0]
        boxes, _ = points_box(people.keypoints, people.scores)
        margins = MARGIN * np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        boxes = (boxes + margins * (-1, -1, 1, 1)).clip(
            0, (width, height, width, height)
        )
        # Points in a line, or outside the image, make no box.
        if (boxes[:, 2:] > boxes[:, :2]).all():
            again = self.pose(image, boxes, camera=camera)
            if _body_score(again) >= score:
                people, score = again, _body_score(again)
        people.box_scores[:] = score
        return people

    def images(self, images: Iterable[ImageSource]) -> Generator[People, None, None]:
        """People of many images: on a CPU more images a second than one by one.
        ``TOGETHER`` are held in memory, whose crops share batches; as many as the
        networks have ``streams`` are read and looked at side by side.

        Args:
            images: As ``__call__`` takes them.

        Yields:
            The people of each image, in order.

        Raises:
            ImageError: At a broken image.
        """
        streams = self.pose.network.streams
        if isinstance(self.pose, OneStageModel):
            for _, people in side_by_side(self, images, streams):
                yield people()
            return

        def look(source: ImageSource) -> tuple[np.ndarray, Boxes]:
            image = read_image(source)
            return image, self._look(image)

        looked = side_by_side(look, images, streams)
        while True:
            group: list[tuple[np.ndarray, Boxes]] = []
            error: Exception | None = None
            try:
                group.extend(
                    result() for _, result in itertools.islice(looked, TOGETHER)
                )
            except Exception as failed:
                error = failed
            yield from self._together(group)
            if error is not None:
                raise error
            if len(group) < TOGETHER:
                return

    def _together(
        self, group: list[tuple[np.ndarray, Boxes]], camera: Camera | None = None
    ) -> Iterator[People]:
        """The people of images and boxes, whose crops share batches."""
        assert isinstance(self.pose, PoseModel)
        shown = [
            (image, *boxes)
            for image, boxes in group
            if len(boxes[0]) or not self.fallback
        ]
        images, boxes, scores = zip(*shown) if shown else ((), (), ())
        found = iter(self.pose.images(images, boxes, scores, camera) if shown else [])
        for image, (rows, _) in group:
            if len(rows) or not self.fallback:
                people = next(found)
                yield self._in_front(people[~duplicates(people)])
            else:
                yield self.whole_image(image, camera)

    def video(
        self,
        frames: Iterable[np.ndarray],
        every: int = EVERY,
        smooth: float | None = None,
        camera: Camera | None = None,
        boxes: Iterable[ArrayLike] | None = None,
        live: bool = False,
        skip_still: bool = False,
    ) -> Generator[tuple[np.ndarray, People], None, None]:
        """People of each frame of a video. Reading, detection, pose
        estimation and what the caller does overlap in threads.

        Args:
            frames: (H, W, 3) uint8 BGR, all of one size.
            every: Detect in every n-th frame, >= 1, and track in between. Networks
                of one stage detect in all.
            smooth: Frames a second: smooth the points by :class:`OneEuro`.
                None does not smooth.
            camera: As of :mod:`rtmw_ext.core.geometry`.
            boxes: Those of each frame, as ``__call__`` takes them, in place of the
                detector's; ``every`` does not count.
            live: A frame is taken when the one before is done: results are of the
                newest one, and nothing overlaps.
            skip_still: Who stands still keeps its points, see
                :class:`rtmw_ext.runtime.still.StillPeople`. Not for networks of one
                stage.

        Yields:
            A frame and its people, with ids.

        Raises:
            UsageError: ``every`` is less than 1, ``boxes`` ends before the frames,
                or a network of one stage is given some, or ``skip_still``.
            BoxError: A given box has no area, is not finite or lies outside.
        """
        if every < 1:
            raise UsageError(f'every={every} must be 1 or more')
        self._refuse(boxes)
        if skip_still and isinstance(self.pose, OneStageModel):
            raise UsageError(
                f'{self.pose.network.path} finds all people at once, moving or not: '
                'leave skip_still out'
            )
        read = frames if live else ahead(frames)
        detections = (
            self._detect_every(read, every)
            if boxes is None
            else self._take_given(read, boxes)
        )
        tracker = Tracker(rate=smooth or DEFAULT_RATE, detected=boxes is None)
        tracked = self._track(
            detections if live else ahead(detections),
            tracker,
            camera,
            pairs=not live and not skip_still,
            skip_still=skip_still,
        )
        smoother = None if smooth is None else OneEuro(smooth)
        for frame, people in tracked if live else ahead(tracked):
            yield frame, people if smoother is None else smoother(people)

    def _detect_every(
        self, frames: Iterable[np.ndarray], every: int
    ) -> Iterator[tuple[np.ndarray, Boxes | None]]:
        alone = isinstance(self.pose, OneStageModel)
        for number, frame in enumerate(frames):
            yield frame, None if alone or number % every else self.detect(frame)

    def _take_given(
        self, frames: Iterable[np.ndarray], boxes: Iterable[ArrayLike]
    ) -> Iterator[tuple[np.ndarray, Boxes]]:
        rows = iter(boxes)
        for number, frame in enumerate(frames):
            try:
                row = next(rows)
            except StopIteration:
                raise UsageError(
                    f'boxes end before frame {number}: give those of every frame, [] '
                    'for nobody'
                ) from None
            yield frame, self._given(frame, row)

    def _track(
        self,
        detections: Iterable[tuple[np.ndarray, Boxes | None]],
        tracker: Tracker,
        camera: Camera | None,
        pairs: bool,
        skip_still: bool,
    ) -> Iterator[tuple[np.ndarray, People]]:
        """
        Args:
            detections: Frames, and the boxes of those that were looked at.
            tracker: Knows nobody yet.
            camera: As of :meth:`video`.
            pairs: Two frames may share a batch, in the boxes of the first one.
            skip_still: As of :meth:`video`.
        """
        if isinstance(self.pose, OneStageModel):
            for frame, _ in detections:
                people = self._at_once(self.pose, frame)
                # Nobody else has points.
                tracker.detect(people.boxes, people.box_scores, 0)
                yield frame, tracker.update(people)
            return
        still = StillPeople(self.pose) if skip_still else None
        frames = iter(detections)
        item = next(frames, None)
        while item is not None:
            frame, boxes = item
            if boxes is not None:
                tracker.detect(*boxes, self.max_people)
            group, item, error = [frame], None, None
            # One person leaves half of two threads idle, two leave none.
            if pairs and 0 < 2 * len(tracker.boxes) <= self.pose.network.at_once:
                try:
                    item = next(frames, None)
                except Exception as failed:
                    error = failed
                if item is not None and item[1] is None:
                    group.append(item[0])
                    item = None
            rows, scores = tracker.boxes, tracker.box_scores
            if len(group) == 1:
                found = [(still or self.pose)(frame, rows, scores, camera)]
            else:
                found = self.pose.images(group, [rows] * 2, [scores] * 2, camera)
            left = np.arange(len(tracker.boxes))
            for frame, people in zip(group, found):
                # Who is lost in the first frame has points in the second one.
                people = tracker.update(people[left])
                left = left[tracker.kept]
                yield frame, people
            if error is not None:
                raise error
            if item is None:
                item = next(frames, None)


def largest(boxes: np.ndarray, scores: np.ndarray, count: int | None) -> Boxes:
    """The boxes, (N, 4), with the largest areas and their scores, (N, ), in their
    order.

    Args:
        boxes: x1, y1, x2, y2.
        scores: Of equal ones, the first count.
        count: That are kept at most; None keeps all.
    """
    if count is None or len(boxes) <= count:
        return boxes, scores
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    kept = np.sort(np.argsort(-areas, kind='stable')[:count])
    return boxes[kept], scores[kept]


def _body_score(people: People) -> float:
    """Mean score of the points of the first person's body that score
    ``MIN_SCORE``; 0 if there are fewer than ``LEAST_BODY``."""
    body = people.scores[0, PARTS['body']]
    counted = body[body >= MIN_SCORE]
    return float(counted.mean()) if len(counted) >= LEAST_BODY else 0.0
