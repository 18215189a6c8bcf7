"""A second look at faces and hands, in crops of their own.

In the crop of a person a face or a hand is a tenth as wide as the input. The
first look says where it is; then a network that knows faces and hands alone
sees it larger, and so errs less in pixels of the image; it looks twice more,
nearer each time, around what all have found. Looks count by how sure they are:
by the inverse of the variance of their distributions over bins, which is the
mean with the least variance, if their errors are independent. What is known of
a part by then makes its crops alike: they show it upright, and right hands in
a mirror, as left ones.

Shapes: N persons, K keypoints (the 133), P parts of ``ROOTS``, A axes, x, y
and in 3D z, W bins of an axis.
"""

import numpy as np

from .skeleton import CROP_POINTS, MIRRORED, PARTS, ROOTS, UPRIGHT

#: Side of the box of each further look, in longer sides of the part so far.
CONTEXTS = (3.0, 2.0, 1.5)
#: Of the softmax, where a model does not say: RTMW's (its released configs).
BETA = 10.0


def look_again(first, boxes, look):
    """
    Args:
        first (tuple[ndarray]): Points (N, K, A), scores (N, K) and variances
            (N, K, A) of the first look, as :func:`merge` takes them.
        boxes (ndarray): (N, 4) x1, y1, x2, y2 of the persons.
        look (callable): Boxes (N * P, 4), their tilts (N * P, ) in radians
            and (N * P, ) bool, which of them to show in a mirror -> the same
            of what is seen there, places being those of the image.

    Returns:
        tuple[ndarray, ndarray]: Points and scores of all looks.
    """
    mirrored = [MIRRORED.get(name, False) for name in ROOTS]
    found = first
    for context in CONTEXTS:
        where = squares(*found[:2], boxes, context)
        again = look(
            where.reshape(-1, 4),
            tilts(*found[:2]).reshape(-1),
            np.tile(mirrored, len(where)),
        )
        found = merge(
            *found,
            [value.reshape(*where.shape[:2], *value.shape[1:]) for value in again],
        )
    return found[:2]


def squares(points, scores, boxes, context):
    """The boxes of another look.

    Args:
        points (ndarray): (N, K, A), x and y in pixels.
        scores (ndarray): (N, K); only positive ones count.
        boxes (ndarray): (N, 4) x1, y1, x2, y2 of the persons; that of a part
            none of whose points counts.
        context (float): Their sides, in longer sides of the part.

    Returns:
        ndarray: (N, P, 4) x1, y1, x2, y2.
    """
    least = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 100
    found = []
    for part in map(PARTS.get, ROOTS):
        seen = (scores[:, part] > 0)[..., None]
        none = ~seen.any(1)
        low = np.where(
            none, boxes[:, :2], np.where(seen, points[:, part, :2], np.inf).min(1)
        )
        high = np.where(
            none, boxes[:, 2:], np.where(seen, points[:, part, :2], -np.inf).max(1)
        )
        # Points on one spot are no box.
        side = np.maximum((high - low).max(1, keepdims=True), least)
        center, reach = (low + high) / 2, side * context / 2
        found.append(np.concatenate([center - reach, center + reach], 1))
    return np.stack(found, 1)


def tilts(points, scores):
    """How far each part is off upright (``UPRIGHT``).

    Args:
        points (ndarray): (N, K, A), x and y in pixels.
        scores (ndarray): (N, K); with others than positive ones it is 0.

    Returns:
        ndarray: (N, P) in radians, clockwise.
    """
    start, stop = np.transpose([UPRIGHT[name] for name in ROOTS])
    x, y = np.moveaxis(points[:, stop, :2] - points[:, start, :2], -1, 0)
    known = (scores[:, start] > 0) & (scores[:, stop] > 0)
    return np.where(known, np.arctan2(x, -y), 0)


def variance(logits, beta):
    """About the highest bin, by the softmax of ``beta`` times the logits,
    (N, K, W) -> (N, K) in squared bins, at least that of one bin."""
    heights = np.exp((logits - logits.max(-1, keepdims=True)) * beta)
    off = np.arange(logits.shape[-1]) - logits.argmax(-1)[..., None]
    return (heights * off**2).sum(-1) / heights.sum(-1) + 1 / 12


def merge(points, scores, variances, again):
    """
    Args:
        points (ndarray): (N, K, A) so far: x and y in pixels of the image, z
            in any unit.
        scores (ndarray): (N, K).
        variances (ndarray): (N, K, A), in those units squared.
        again (sequence[ndarray]): The same of another look, (N, P, K, A),
            (N, P, K) and (N, P, K, A). Its z may have another origin: what
            counts is that from the part's root, which stays where it was. A
            hand seen in a mirror is where the other's points are.

    Returns:
        tuple[ndarray, ndarray, ndarray]: Points, scores and variances; the
        scores of what is seen again (``CROP_POINTS``) are the means of both.
    """
    points, scores, variances = (value.copy() for value in (points, scores, variances))
    axes = min(points.shape[2], again[0].shape[3])
    for number, (name, root) in enumerate(ROOTS.items()):
        part = list(CROP_POINTS[name])
        shown = 'left_hand' if MIRRORED.get(name) else name
        moved, sure, spread = (
            value[:, number, list(CROP_POINTS[shown])] for value in again
        )
        moved, spread = moved[..., :axes], spread[..., :axes]
        offset = points[:, root, 2:axes] - again[0][:, number, ROOTS[shown], 2:axes]
        moved[..., 2:] += offset[:, None]
        before, wide = (value[:, part, :axes] for value in (points, variances))
        share = wide / (wide + spread)
        points[:, part, :axes] = before + share * (moved - before)
        variances[:, part, :axes] = share * spread
        scores[:, part] = (scores[:, part] + sure) / 2
    return points, scores, variances
