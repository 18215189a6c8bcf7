"""A second look at faces and hands, in crops of their own.

In the crop of a person a face or a hand is a tenth as wide as the input. The
first look says where it is; the second sees it larger, and so errs less in
pixels of the image. Both count by how sure they are: by the inverse of the
variance of their distributions over bins, which is the mean with the least
variance, if their errors are independent.

Shapes: N persons, K keypoints (the 133), P parts of ``ROOTS``, A axes, x, y
and in 3D z, W bins of an axis.
"""
import numpy as np

from .skeleton import PARTS, ROOTS, SEEN

#: Side of a second look's box, in longer sides of the first look's part.
CONTEXT = 3.5
#: Of the softmax, where a model does not say: RTMW's (its released configs).
BETA = 10.
NUM_KEYPOINTS = PARTS['right_hand'].stop


def squares(points, scores, boxes):
    """The boxes of the second look.

    Args:
        points (ndarray): (N, K, A), x and y in pixels.
        scores (ndarray): (N, K); only positive ones count.
        boxes (ndarray): (N, 4) x1, y1, x2, y2 of the persons; that of a part
            none of whose points counts.

    Returns:
        ndarray: (N, P, 4) x1, y1, x2, y2.
    """
    least = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 100
    found = []
    for part in map(PARTS.get, ROOTS):
        seen = (scores[:, part] > 0)[..., None]
        none = ~seen.any(1)
        low = np.where(none, boxes[:, :2], np.where(
            seen, points[:, part, :2], np.inf).min(1))
        high = np.where(none, boxes[:, 2:], np.where(
            seen, points[:, part, :2], -np.inf).max(1))
        # Points on one spot are no box.
        side = np.maximum((high - low).max(1, keepdims=True), least)
        center, reach = (low + high) / 2, side * CONTEXT / 2
        found.append(np.concatenate([center - reach, center + reach], 1))
    return np.stack(found, 1)


def variance(logits, beta):
    """About the highest bin, by the softmax of ``beta`` times the logits,
    (N, K, W) -> (N, K) in squared bins, at least that of one bin."""
    heights = np.exp((logits - logits.max(-1, keepdims=True)) * beta)
    off = np.arange(logits.shape[-1]) - logits.argmax(-1)[..., None]
    return (heights * off**2).sum(-1) / heights.sum(-1) + 1 / 12


def merge(points, scores, variances, again):
    """
    Args:
        points (ndarray): (N, K, A) of the first look: x and y in pixels of
            the image, z in any unit.
        scores (ndarray): (N, K).
        variances (ndarray): (N, K, A), in those units squared.
        again (sequence[ndarray]): The same of the second look, (N, P, K, A),
            (N, P, K) and (N, P, K, A). Its z may have another origin: what
            counts is that from the part's root, which stays where it was.

    Returns:
        tuple[ndarray, ndarray]: Points and scores, (N, K, A) and (N, K); the
        scores of what is seen again (``SEEN``) are the means of both looks.
    """
    points, scores = points.copy(), scores.copy()
    for number, (name, root) in enumerate(ROOTS.items()):
        part = list(SEEN[name])
        second, second_scores, second_variances = (
            value[:, number] for value in again)
        moved = second[:, part]
        moved[..., 2:] += (points[:, root] - second[:, root])[:, None, 2:]
        share = variances[:, part] / (
            variances[:, part] + second_variances[:, part])
        points[:, part] += share * (moved - points[:, part])
        scores[:, part] = (scores[:, part] + second_scores[:, part]) / 2
    return points, scores
