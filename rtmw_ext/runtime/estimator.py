"""The whole of it: detect, crop, estimate, track.

Shapes: images are (H, W, 3) uint8 BGR.
"""

import numpy as np

from ..core.images import read_image
from ..core.skeleton import PARTS
from .detector import Detector
from .pose import PoseModel
from .tracking import MIN_SCORE, OneEuro, Tracker, points_box
from .video import ahead, side_by_side

#: A video is searched for people at every n-th frame.
EVERY = 8
#: Points of the body that a person whom the detector missed must show, and the
#: margin around all its points, in sides of their box.
LEAST_BODY, MARGIN = 6, 0.1


class WholeBody:
    """People in images and videos.

    Args:
        pose (PoseModel | str | Path): The pose network, or its file.
        detector (Detector | str | Path, optional): As for ``pose``; None
            takes every image for one person.
        fallback (bool): Where the detector finds nobody in an image, look
            for one person in the whole of it; see :meth:`whole_image`. Not
            in videos, and not with a pose network that does not say what
            its scores mean (``PoseModel.score_scale``).
        **network: For both, arguments of
            :func:`rtmw_ext.runtime.load_network`.

    Raises:
        NetworkError, PoseError, DetectorError: A file cannot be used.
    """

    def __init__(self, pose, detector=None, *, fallback=True, **network):
        self.pose = pose if isinstance(pose, PoseModel) else PoseModel(pose, **network)
        if detector is not None and not callable(detector):
            detector = Detector(detector, **network)
        self.detector = detector
        self.fallback = fallback

    def detect(self, image):
        """Boxes (N, 4) and scores (N, ) of the people in an image."""
        if self.detector is None:
            height, width = image.shape[:2]
            return (
                np.array([[0, 0, width, height]], np.float32),
                np.ones(1, np.float32),
            )
        return self.detector(image)

    def __call__(self, image, camera=None):
        """
        Args:
            image (str | Path | ndarray): As ``read_image`` takes it.
            camera (dict, optional): As of :mod:`rtmw_ext.core.geometry`.

        Returns:
            People: Of the image.
        """
        image = read_image(image)
        boxes, scores = self.detect(image)
        if not len(boxes) and self.fallback and self.pose.score_scale:
            return self.whole_image(image, camera)
        return self.pose(image, boxes, scores, camera=camera)

    def whole_image(self, image, camera=None):
        """One person or nobody, without a detector: the points found in the
        whole image give a box, in which they are found once more; the pass
        with the higher score counts.

        Args:
            image (ndarray): (H, W, 3) uint8 BGR.
            camera (dict, optional): As of :mod:`rtmw_ext.core.geometry`.

        Returns:
            People: Nobody if fewer than ``LEAST_BODY`` points of the body
            score ``MIN_SCORE`` of what a sure point scores; the score of the
            box is their mean.
        """
        height, width = image.shape[:2]
        people = self.pose(image, [(0, 0, width, height)], camera=camera)
        scale = self.pose.score_scale
        score = _body_score(people, scale)
        if not score:
            return people[:0]
        boxes, _ = points_box(people.keypoints, people.scores * scale)
        margins = MARGIN * np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        boxes = (boxes + margins * (-1, -1, 1, 1)).clip(
            0, (width, height, width, height)
        )
        # Points in a line, or outside the image, make no box.
        if (boxes[:, 2:] > boxes[:, :2]).all():
            again = self.pose(image, boxes, camera=camera)
            if _body_score(again, scale) >= score:
                people, score = again, _body_score(again, scale)
        people.box_scores[:] = score
        return people

    def images(self, images):
        """People of many images, as many at once as the networks have
        ``streams``: on a CPU more images a second than one by one.

        Args:
            images (iterable[str | Path | ndarray]): As ``__call__`` takes
                them.

        Yields:
            People: Of each image, in order.

        Raises:
            ImageError: At a broken image.
        """
        for _, people in side_by_side(self, images, self.pose.network.streams):
            yield people()

    def video(self, frames, every=EVERY, smooth=None, camera=None):
        """People of each frame of a video. Reading, detection, pose
        estimation and what the caller does overlap in threads.

        Args:
            frames (iterable[ndarray]): All of one size.
            every (int): Search every n-th frame, >= 1, and follow the people
                in between.
            smooth (float, optional): Frames a second: smooth the points by
                :class:`OneEuro`.
            camera (dict, optional): As of :mod:`rtmw_ext.core.geometry`.

        Yields:
            tuple[ndarray, People]: A frame and its people, with ids.
        """
        if every < 1:
            raise ValueError(f'every={every} must be 1 or more')
        found = ahead(self._detected(ahead(frames), every))
        yield from ahead(self._followed(found, smooth, camera))

    def _detected(self, frames, every):
        for number, frame in enumerate(frames):
            yield frame, None if number % every else self.detect(frame)

    def _followed(self, found, smooth, camera):
        tracker = Tracker()
        smoother = None if smooth is None else OneEuro(smooth)
        for frame, boxes in found:
            if boxes is not None:
                tracker.detect(*boxes)
            people = tracker.update(
                self.pose(frame, tracker.boxes, tracker.box_scores, camera)
            )
            yield frame, people if smoother is None else smoother(people)


def _body_score(people, scale):
    """Mean score in [0, 1] of the seen points of the first person's body; 0
    with fewer than ``LEAST_BODY``."""
    body = people.scores[0, PARTS['body']] * scale
    seen = body[body >= MIN_SCORE]
    return min(float(seen.mean()), 1.0) if len(seen) >= LEAST_BODY else 0.0
