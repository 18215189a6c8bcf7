"""A second look at faces and hands, in crops of their own.

In the crop of a person, a face or a hand is about a tenth as wide as the input.
The first prediction says where the part is. A network for faces and hands then
sees the part enlarged, so its error in pixels of the image is smaller. It runs
three times; each time the crop is closer, around the merged prediction so far.

Predictions are merged by the inverse of the variance of their distributions
over bins: the mean with the least variance, if their errors are independent.
The prediction so far also normalises the crops: parts are upright, and right
hands are mirrored into left ones.

Shapes: N persons, K = 133 keypoints, P parts of ``ROOTS``, A axes (x, y and in
3D z).
"""

from collections.abc import Callable

import numpy as np

from .skeleton import CROP_POINTS, MIRRORED, PARTS, ROOTS, UPRIGHT

#: Side of the box of each further prediction, in longer sides of the part.
CONTEXTS = (3.0, 2.0, 1.5)

#: Points, scores and variances of the points.
Prediction = tuple[np.ndarray, np.ndarray, np.ndarray]


def refine_parts(
    first: Prediction,
    boxes: np.ndarray,
    predict: Callable[[np.ndarray, np.ndarray, np.ndarray], Prediction],
) -> tuple[np.ndarray, np.ndarray]:
    """
    Args:
        first: Points (N, K, A), x and y in pixels of the image, scores (N, K)
            and variances (N, K, A).
        boxes: (N, 4) x1, y1, x2, y2 of the persons.
        predict: Boxes (N * P, 4), their tilts (N * P, ) in radians and whether
            their crops are mirrored, (N * P, ) bool -> the same as ``first``
            for these boxes.

    Returns:
        Points and scores of all predictions merged.
    """
    mirrored = [MIRRORED.get(name, False) for name in ROOTS]
    merged = first
    for context in CONTEXTS:
        points, scores, _ = merged
        parts = part_boxes(points, scores, boxes, context)
        again = predict(
            parts.reshape(-1, 4),
            part_tilts(points, scores).reshape(-1),
            np.tile(mirrored, len(parts)),
        )
        again_points, again_scores, again_variances = (
            value.reshape(*parts.shape[:2], *value.shape[1:]) for value in again
        )
        merged = merge(merged, (again_points, again_scores, again_variances))
    return merged[:2]


def part_boxes(
    points: np.ndarray, scores: np.ndarray, boxes: np.ndarray, context: float
) -> np.ndarray:
    """Square boxes around the parts.

    Args:
        points: (N, K, A), x and y in pixels.
        scores: (N, K); points count whose score is positive.
        boxes: (N, 4) x1, y1, x2, y2 of the persons, which stand in for parts
            without such a point.
        context: Side of a box, in longer sides of the part.

    Returns:
        (N, P, 4) x1, y1, x2, y2.
    """
    # Points in one spot are no box.
    least = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 100
    squares = []
    for part in map(PARTS.__getitem__, ROOTS):
        known = (scores[:, part] > 0)[..., None]
        lost = ~known.any(1)
        xy = points[:, part, :2]
        low = np.where(lost, boxes[:, :2], np.where(known, xy, np.inf).min(1))
        high = np.where(lost, boxes[:, 2:], np.where(known, xy, -np.inf).max(1))
        side = np.maximum((high - low).max(1, keepdims=True), least)
        center, reach = (low + high) / 2, side * context / 2
        squares.append(np.concatenate([center - reach, center + reach], 1))
    return np.stack(squares, 1)


def part_tilts(points: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """How far each part is tilted from upright (``UPRIGHT``).

    Args:
        points: (N, K, A), x and y in pixels.
        scores: (N, K); where one of the two points has no positive score, the
            tilt is 0.

    Returns:
        (N, P) in radians, clockwise.
    """
    lower, upper = np.transpose([UPRIGHT[name] for name in ROOTS])
    x, y = np.moveaxis(points[:, upper, :2] - points[:, lower, :2], -1, 0)
    known = (scores[:, lower] > 0) & (scores[:, upper] > 0)
    return np.where(known, np.arctan2(x, -y), 0)


def merge(first: Prediction, again: Prediction) -> Prediction:
    """
    Args:
        first: Points (N, K, A), x and y in pixels of the image and z in any
            unit, scores (N, K), and variances (N, K, A) in these units squared.
        again: Predictions for the crops of the parts: (N, P, K, A), (N, P, K)
            and (N, P, K, A). Their z may have another origin: only its
            difference to the part's root counts, and the root stays where it
            is in ``first``. The points of a mirrored hand are those of the
            other hand.

    Returns:
        As ``first``. Of the points in ``CROP_POINTS``, points and variances are
        merged and scores are averaged; the others are unchanged.
    """
    points, scores, variances = (value.copy() for value in first)
    axes = min(points.shape[2], again[0].shape[3])
    for number, (name, root) in enumerate(ROOTS.items()):
        part = list(CROP_POINTS[name])
        shown = 'left_hand' if MIRRORED.get(name) else name
        moved, part_scores, part_variances = (
            value[:, number, list(CROP_POINTS[shown])] for value in again
        )
        moved, part_variances = moved[..., :axes], part_variances[..., :axes]
        offset = points[:, root, 2:axes] - again[0][:, number, ROOTS[shown], 2:axes]
        moved[..., 2:] += offset[:, None]
        before, variance = (value[:, part, :axes] for value in (points, variances))
        share = variance / (variance + part_variances)
        points[:, part, :axes] = before + share * (moved - before)
        variances[:, part, :axes] = share * part_variances
        scores[:, part] = (scores[:, part] + part_scores) / 2
    return points, scores, variances
