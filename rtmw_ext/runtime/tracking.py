"""Persons from frame to frame: boxes from keypoints, ids, smoothing.

Shapes: N persons, K keypoints; boxes are (N, 4) x1, y1, x2, y2 in pixels.
"""

from typing import Any

import numpy as np

from ..core.errors import UsageError
from ..core.people import MIN_SCORE, People
from .identity import Identities, duplicates, iou
from .video import DEFAULT_RATE

#: Largest margin of a detector's box around the person's points, on each side,
#: in sides of the points' box.
MAX_MARGIN = 0.5
#: A box that would move by less on each side, in sides of the box, stays: the points of
#: another crop of the same image are about 1 % of it away.
STEADY = 0.05
#: Seconds for which somebody whom the detector misses is followed on, by its points.
HOLD = 0.6
#: Overlap of boxes from which on they are of one person.
SAME_BOX = 0.3
#: A person whose mean score falls below this share of that at its detection has
#: left: where nobody is, some points score MIN_SCORE by chance.
LEAST_SHARE = 0.5


def points_box(
    keypoints: np.ndarray, scores: np.ndarray, min_score: float = MIN_SCORE
) -> tuple[np.ndarray, np.ndarray]:
    """The boxes around the points of persons.

    Args:
        keypoints: (N, K, 2).
        scores: (N, K).
        min_score: Points with less do not count.

    Returns:
        (N, 4) float32, and a mask (N, ) of the persons with two points or more
        and a box with an area.
    """
    counted = (scores >= min_score)[..., None]
    low = np.where(counted, keypoints, np.inf).min(1)
    high = np.where(counted, keypoints, -np.inf).max(1)
    good = (high > low).all(1)
    boxes = np.where(good[:, None], np.concatenate([low, high], 1), 0)
    return boxes.astype(np.float32), good


class Tracker:
    """Gives detected persons ids, and boxes to the frames in between.

    Between detections a person's box is that of its last points, with the
    margins that the detector's box had around them, so that the crop is what
    the detector would give. Boxes of people who stand still do not move. Whom a
    detection misses stays for ``HOLD`` seconds, as long as its points say that somebody
    is there. Ids are those of :class:`Identities`.

    Args:
        min_score: Of points, in [0, 1]; less sure ones do not count.
        rate: Frames a second, > 0.
        detected: Boxes are a detector's, which may give two to a person, or none. Those
            that are not are true.

    Attributes:
        boxes: (N, 4), in which the points of the next frame are to be predicted.
        box_scores: (N, ).
        ids: (N, ).
        kept: (M, ) bool: which of the M persons of the last :meth:`update` are left.
    """

    def __init__(
        self,
        min_score: float = MIN_SCORE,
        rate: float = DEFAULT_RATE,
        detected: bool = True,
    ) -> None:
        self.min_score, self.rate, self.detected = min_score, rate, detected
        self.identities = Identities()
        self.boxes = np.zeros((0, 4), np.float32)
        self.box_scores = np.zeros(0, np.float32)
        self.ids = np.zeros(0, int)
        self.kept = np.zeros(0, bool)
        # Of each person: whether its box is new, the second of the last detection of
        # it, its margins in that, and the least mean score.
        self._new = np.zeros(0, bool)
        self._times = np.zeros(0)
        self._margins = np.zeros((0, 4), np.float32)
        self._least = np.zeros(0, np.float32)
        self._looked = True
        self._frames = 0

    @property
    def _time(self) -> float:
        """Seconds of the next frame."""
        return (self._frames + 1) / self.rate

    def detect(
        self, boxes: np.ndarray, box_scores: np.ndarray, most: int | None = None
    ) -> None:
        """Takes a detector's boxes, (N, 4), and their scores, (N, ). Persons whom it
        does not find stay for a while behind them, ``most`` at most in all."""
        left = np.zeros(len(self.boxes), bool)
        if self.detected and len(left):
            left = self._time - self._times <= HOLD
            if len(boxes):
                left &= iou(self.boxes, boxes).max(1) < SAME_BOX
            if most is not None:
                left &= np.cumsum(left) <= most - len(boxes)
        new = np.arange(len(boxes) + left.sum()) < len(boxes)

        def both(values: np.ndarray, before: np.ndarray) -> np.ndarray:
            return np.concatenate([values, before[left]]).astype(before.dtype)

        count = len(boxes)
        self.boxes = both(boxes, self.boxes)
        self.box_scores = both(box_scores, self.box_scores)
        self._times = both(np.full(count, self._time), self._times)
        self._margins = both(np.zeros((count, 4)), self._margins)
        self._least = both(np.zeros(count), self._least)
        self._new, self._looked = new, True

    def update(self, people: People) -> People:
        """Takes the points predicted in ``boxes`` and moves the boxes to them.

        Args:
            people: N persons, in the order of ``boxes``.

        Returns:
            The persons with ids, without those who are there twice or lost.
        """
        time, new, looked = self._time, self._new, self._looked
        self._frames += 1
        tight, good = points_box(people.keypoints, people.scores, self.min_score)
        sides = np.maximum(tight[:, 2:] - tight[:, :2], 1e-6)
        sides = np.concatenate([sides, sides], 1)
        outward = np.array([-1, -1, 1, 1], np.float32)
        margins = ((people.boxes - tight) * outward / sides).clip(0, MAX_MARGIN)
        self._margins = np.where(new[:, None], margins * outward, self._margins)
        means = people.scores.mean(1)
        self._least = np.where(new, means * LEAST_SHARE, self._least)
        boxes = tight + self._margins * sides
        # A detected person is kept even if none of its points counts.
        stay = is_steady(boxes, self.boxes) | ~good[:, None]
        boxes = np.where(stay, self.boxes, boxes)
        kept = new | (good & (means >= self._least))
        if looked:
            # Of two boxes of a person, the detected one says more.
            rank = means + new
        else:
            # Of two boxes that slid onto one person, that of the other one goes.
            rank = self.identities.continuity(people, self.ids, time)
        if self.detected or not looked:
            kept[kept] = ~duplicates(people[kept], rank[kept])
        people = people[kept]
        if looked:
            self.ids = self.identities(people, time)
        else:
            self.ids = self.ids[kept]
            self.identities.follow(people, self.ids, time)
        self.kept = kept
        self.boxes, self.box_scores = boxes[kept], self.box_scores[kept]
        self._margins, self._least = self._margins[kept], self._least[kept]
        self._times, self._new = self._times[kept], np.zeros(int(kept.sum()), bool)
        self._looked = False
        people.ids = self.ids
        return people


def is_steady(boxes: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Which boxes, (N, 4), hardly moved: (N, 1) bool."""
    sides = np.tile(before[:, 2:] - before[:, :2], 2)
    return (np.abs(boxes - before) < STEADY * sides).all(1, keepdims=True)


#: Smoothed points and speeds of a person; None for a new one.
State = tuple[np.ndarray, np.ndarray] | None


class OneEuro:
    """One-euro filter of keypoints: less jitter at rest, little lag in motion.

    Speeds are in sizes of the person (the longer side of its box) a second, so
    that one setting fits near and far people.

    Source: Casiez, Roussel, Vogel: 1 Euro Filter, CHI 2012.

    Args:
        rate: Frames a second, > 0.
        min_cutoff: Hz, > 0, at rest; lower is smoother.
        beta: Hz a size a second, >= 0; higher lags less.
        speed_cutoff: Hz, > 0, for the speed.

    Raises:
        UsageError: An argument is out of range.
    """

    def __init__(
        self,
        rate: float,
        min_cutoff: float = 1.5,
        beta: float = 10.0,
        speed_cutoff: float = 1.0,
    ) -> None:
        if not (rate > 0 and min_cutoff > 0 and speed_cutoff > 0 and beta >= 0):
            raise UsageError(
                f'OneEuro needs rate={rate}, min_cutoff={min_cutoff} and '
                f'speed_cutoff={speed_cutoff} > 0 and beta={beta} >= 0'
            )
        self.rate, self.min_cutoff = rate, min_cutoff
        self.beta, self.speed_cutoff = beta, speed_cutoff
        self.last: dict[int, list[State]] = {}

    def _weight(self, cutoff: Any) -> Any:
        step = 2 * np.pi * cutoff / self.rate
        return step / (step + 1)

    def __call__(self, people: People) -> People:
        """Smooths the points in place, by id, in 2D and 3D.

        Args:
            people: N persons with ids.
        """
        if people.ids is None:
            raise UsageError('OneEuro needs people with ids: give those of a Tracker')
        last: dict[int, list[State]] = {}
        for number, person in enumerate(people.ids.tolist()):
            size = max(np.ptp(people.boxes[number].reshape(2, 2), 0).max(), 1)
            parts: list[tuple[np.ndarray, float]] = [(people.keypoints, size)]
            parts += [
                (values, 1.0)
                for values in (people.keypoints_3d, people.keypoints_3d_cam)
                if values is not None
            ]
            states = self.last.get(person, [None] * len(parts))
            last[person] = [
                self._step(values, number, unit, state)
                for (values, unit), state in zip(parts, states)
            ]
        self.last = last
        return people

    def _step(
        self, values: np.ndarray, number: int, unit: float, state: State
    ) -> State:
        current = values[number]
        if state is None:
            return current.copy(), np.zeros_like(current)
        before, speed = state
        weight = self._weight(self.speed_cutoff)
        speed = speed + weight * ((current - before) * self.rate / unit - speed)
        pace = np.linalg.norm(speed, axis=-1, keepdims=True)
        weight = self._weight(self.min_cutoff + self.beta * pace)
        values[number] = before + weight * (current - before)
        return values[number].copy(), speed
