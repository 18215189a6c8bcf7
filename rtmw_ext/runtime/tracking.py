"""Persons from frame to frame: boxes from keypoints, ids, smoothing.

Shapes: N persons, K keypoints; boxes are (N, 4) x1, y1, x2, y2 in pixels.
"""

import numpy as np

MIN_SCORE = 0.3
MIN_IOU = 0.3
#: A detector's box is taken to be at most this much larger than the person's
#: points on a side, in sides of the points' box.
MAX_MARGIN = 0.5


def iou(a, b):
    """Intersection over union: (N, 4), (M, 4) -> (N, M) in [0, 1]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clip(0).prod(-1)
    areas = [(box[:, 2:] - box[:, :2]).prod(-1) for box in (a, b)]
    return both / np.maximum(areas[0][:, None] + areas[1] - both, 1e-9)


def points_box(keypoints, scores, min_score=MIN_SCORE):
    """The boxes around points that are seen.

    Args:
        keypoints (ndarray): (N, K, 2).
        scores (ndarray): (N, K).
        min_score (float): Points with less are not seen.

    Returns:
        tuple[ndarray, ndarray]: (N, 4) and a mask (N, ) of the persons with
        two points or more and a box with an area.
    """
    seen = (scores >= min_score)[..., None]
    low = np.where(seen, keypoints, np.inf).min(1)
    high = np.where(seen, keypoints, -np.inf).max(1)
    good = (high > low).all(1)
    boxes = np.where(good[:, None], np.concatenate([low, high], 1), 0)
    return boxes.astype(np.float32), good


class Tracker:
    """Gives detected persons ids, and boxes to the frames in between.

    Between detections a person's box is that of its last points, with the
    margins that the detector's box had around them: so the crop stays as the
    detector would cut it.

    Args:
        min_score (float): Of points, in the unit of their scores.
        min_iou (float): Least overlap with the person of the last frame.
    """

    def __init__(self, min_score=MIN_SCORE, min_iou=MIN_IOU):
        self.min_score, self.min_iou = min_score, min_iou
        self.next_id = 0
        self.boxes = np.zeros((0, 4), np.float32)
        self.box_scores = np.zeros(0, np.float32)
        self.ids = np.zeros(0, int)
        self.margins = np.zeros((0, 4), np.float32)
        self.detected = True

    def detect(self, boxes, box_scores):
        """Takes a detector's boxes; persons that none overlaps are gone."""
        ids = np.full(len(boxes), -1)
        overlap = iou(boxes, self.boxes)
        while overlap.size and overlap.max() >= self.min_iou:
            new, old = np.unravel_index(overlap.argmax(), overlap.shape)
            ids[new] = self.ids[old]
            overlap[new], overlap[:, old] = 0, 0
        fresh = ids < 0
        ids[fresh] = self.next_id + np.arange(fresh.sum())
        self.next_id += int(fresh.sum())
        self.boxes, self.box_scores, self.ids = boxes, box_scores, ids
        self.detected = True

    def update(self, people):
        """Takes the points found in ``boxes`` and moves the boxes to them.

        Args:
            people (People): N persons, in the order of ``boxes``.

        Returns:
            People: Those with ids; between detections without the lost ones.
        """
        people.ids = self.ids
        tight, good = points_box(people.keypoints, people.scores, self.min_score)
        sides = np.maximum(tight[:, 2:] - tight[:, :2], 1e-6)
        sides = np.concatenate([sides, sides], 1)
        if self.detected:
            outward = np.array([-1, -1, 1, 1], np.float32)
            self.margins = ((people.boxes - tight) * outward / sides).clip(
                0, MAX_MARGIN
            ) * outward
            # A detected person is believed; its box stays if no point is seen.
            self.boxes = np.where(
                good[:, None], tight + self.margins * sides, self.boxes
            )
            self.detected = False
            return people
        self.boxes = (tight + self.margins * sides)[good]
        self.margins = self.margins[good]
        self.box_scores, self.ids = self.box_scores[good], self.ids[good]
        return people[good]


class OneEuro:
    """One-euro filter of keypoints: less trembling at rest, little lag in
    motion.

    Speeds count in sizes of the person (the longer side of its box) a
    second, so that one setting fits near and far people.

    Source: Casiez, Roussel, Vogel: 1 Euro Filter, CHI 2012.

    Args:
        rate (float): Frames a second, > 0.
        min_cutoff (float): Hz, > 0: at rest; lower is smoother.
        beta (float): Hz a size a second, >= 0: higher lags less.
        speed_cutoff (float): Hz, > 0, for the speed.
    """

    def __init__(self, rate, min_cutoff=1.5, beta=10.0, speed_cutoff=1.0):
        if not (rate > 0 and min_cutoff > 0 and speed_cutoff > 0 and beta >= 0):
            raise ValueError(
                f'OneEuro needs rate={rate}, min_cutoff={min_cutoff} and '
                f'speed_cutoff={speed_cutoff} > 0 and beta={beta} >= 0'
            )
        self.rate, self.min_cutoff = rate, min_cutoff
        self.beta, self.speed_cutoff = beta, speed_cutoff
        self.last = {}

    def _weight(self, cutoff):
        step = 2 * np.pi * cutoff / self.rate
        return step / (step + 1)

    def __call__(self, people):
        """Smooths the points in place, by id, in 2D and 3D."""
        last = {}
        for number, name in enumerate(people.ids.tolist()):
            size = max(np.ptp(people.boxes[number].reshape(2, 2), 0).max(), 1)
            parts = [(people.keypoints, size)]
            parts += [
                (values, 1.0)
                for values in (people.keypoints_3d, people.keypoints_3d_cam)
                if values is not None
            ]
            states = self.last.get(name, [None] * len(parts))
            last[name] = [
                self._step(values, number, unit, state)
                for (values, unit), state in zip(parts, states)
            ]
        self.last = last
        return people

    def _step(self, values, number, unit, state):
        now = values[number]
        if state is None:
            return now.copy(), np.zeros_like(now)
        before, speed = state
        weight = self._weight(self.speed_cutoff)
        speed = speed + weight * ((now - before) * self.rate / unit - speed)
        pace = np.linalg.norm(speed, axis=-1, keepdims=True)
        weight = self._weight(self.min_cutoff + self.beta * pace)
        values[number] = before + weight * (now - before)
        return values[number].copy(), speed
