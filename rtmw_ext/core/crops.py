"""Crops of boxes: where they lie, what they show, and the way back.

Shapes: N boxes, K keypoints, A axes (x, y and in 3D z), (w, h) a crop in
pixels. Boxes are (N, 4) x1, y1, x2, y2 in pixels of the image; images are
(H, W, 3) uint8 BGR.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike

from .errors import RTMWError

#: Sides of the crop in sides of the box (RTMPose, arXiv 2303.07399).
PADDING = 1.25


class BoxError(RTMWError, ValueError):
    """A box cannot be cropped; the text names it."""


def check_boxes(
    boxes: ArrayLike, image_size: tuple[int, int] | None = None
) -> np.ndarray:
    """
    Args:
        boxes: (N, 4), or (N, 5) with scores. N may be 0, of any shape.
        image_size: (W, H) of the image that the boxes must overlap; None
            does not ask for that.

    Returns:
        The boxes as (N, 4) float32.

    Raises:
        BoxError: They have another shape, or a box has no area, is not finite or
            lies outside the image.
    """
    checked = _table(boxes)[:, :4]
    low, high = checked[:, :2], checked[:, 2:]
    bad = ~(np.isfinite(checked).all(1) & (low < high).all(1))
    if bad.any():
        number = int(bad.argmax())
        raise BoxError(
            f'box {number} is {checked[number].tolist()}: it must be finite with '
            'x1 < x2 and y1 < y2'
        )
    if image_size is not None:
        outside = (low >= image_size).any(1) | (high <= 0).any(1)
        if outside.any():
            number = int(outside.argmax())
            raise BoxError(
                f'box {number}, {checked[number].tolist()}, lies outside the image '
                f'of {image_size[0]} x {image_size[1]} pixels'
            )
    return checked


def box_scores(boxes: ArrayLike) -> np.ndarray:
    """
    Args:
        boxes: As :func:`check_boxes` takes them.

    Returns:
        (N, ) float32, the fifth column; 1 without one.

    Raises:
        BoxError: A score is not finite.
    """
    table = _table(boxes)
    scores = table[:, 4] if table.shape[1] == 5 else np.ones(len(table), np.float32)
    if not np.isfinite(scores).all():
        raise BoxError(f'scores of boxes are {scores.tolist()}: they must be finite')
    return scores


def _table(boxes: ArrayLike) -> np.ndarray:
    """(N, 4) or (N, 5) float32."""
    try:
        table = np.asarray(boxes, np.float32)
    except (TypeError, ValueError):
        raise BoxError(
            f'boxes are {boxes!r:.80}, not (N, 4) or (N, 5) numbers'
        ) from None
    if not table.size:
        return np.zeros((0, 4), np.float32)
    if table.ndim != 2 or table.shape[1] not in (4, 5):
        raise BoxError(
            f'boxes have the shape {table.shape}, not (N, 4), x1, y1, x2, y2, or '
            '(N, 5) with scores'
        )
    return table


def crop_matrices(
    boxes: np.ndarray,
    size: tuple[int, int],
    tilts: np.ndarray | None = None,
    mirrored: np.ndarray | None = None,
) -> np.ndarray:
    """The crops of boxes: ``PADDING`` times as large, about the same centre,
    and extended to the shape of ``size``.

    Args:
        boxes: (N, 4).
        size: (w, h).
        tilts: (N, ) in radians, clockwise: the direction in the image that is
            upright in the crop. None is 0.
        mirrored: (N, ) bool, the crops to mirror. None is none.

    Returns:
        (N, 2, 3) float64, pixels of the crop -> pixels of the image.
    """
    pixels = np.array(size, np.float64)
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64) * PADDING
    scales = (sides / pixels).max(1)
    if tilts is None:
        tilts = np.zeros(len(boxes))
    cos, sin = scales * np.cos(tilts), scales * np.sin(tilts)
    matrices = np.zeros((len(boxes), 2, 3))
    matrices[:, 0, 0], matrices[:, 0, 1] = cos, -sin
    matrices[:, 1, 0], matrices[:, 1, 1] = sin, cos
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    matrices[:, :, 2] = centers - matrices[:, :, :2] @ (pixels / 2)
    if mirrored is not None:
        # About the middle of the pixel grid, as an image is flipped.
        flip = np.array([[-1, 0, pixels[0] - 1], [0, 1, 0], [0, 0, 1]])
        matrices[mirrored] = matrices[mirrored] @ flip
    return matrices


def crop_image(
    image: np.ndarray, matrices: np.ndarray, size: tuple[int, int], rgb: bool = True
) -> np.ndarray:
    """
    Args:
        image: (H, W, 3) uint8 BGR.
        matrices: (N, 2, 3) of :func:`crop_matrices`.
        size: (w, h).
        rgb: Order of the channels that are returned: RGB, else BGR.

    Returns:
        (N, 3, h, w) float32 in [0, 255], 0 outside the image.
    """
    width, height = size
    crops = np.empty((len(matrices), 3, height, width), np.float32)
    for crop, matrix in zip(crops, matrices):
        pixels = cv2.warpAffine(
            image, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        crop[:] = pixels.transpose(2, 0, 1)[:: -1 if rgb else 1]
    return crops


def points_to_image(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """
    Args:
        matrices: (N, 2, 3) of :func:`crop_matrices`.
        points: (N, K, A), x and y in pixels of the crop.

    Returns:
        (N, K, A) float64, x and y in pixels of the image; z is unchanged.
    """
    moved = points.astype(np.float64)
    moved[..., :2] = (
        moved[..., :2] @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]
    )
    return moved


def variances_to_image(matrices: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """As :func:`points_to_image`, for the variances of points, in pixels
    squared."""
    moved = variances.astype(np.float64)
    moved[..., :2] = moved[..., :2] @ (matrices[:, :, :2] ** 2).transpose(0, 2, 1)
    return moved
