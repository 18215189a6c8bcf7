"""Skeletons on pictures.

Shapes: images are (H, W, 3) uint8 BGR; K keypoints; L links.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from ..core.people import MIN_SCORE, People
from ..core.skeleton import NUM_KEYPOINTS, PARTS, keypoint_names
from .style import FINE, MIDDLE, PALETTE, SHOWN, THICK, bgr, shown_points, style_of
from .text import draw_text

SHIFT = 4  # OpenCV draws at sixteenths of a pixel
#: OpenCV takes 32-bit numbers; a point farther outside is not drawn.
FARTHEST = 1e5
#: Pixels that a person is tall for each pixel that its lines are wide, and the
#: widest lines as a share of the image.
TALL, WIDEST = 140, 1 / 100
#: Opacity of points at the threshold; that of points with SURE is 1.
FAINT, SURE = 0.35, 0.8
#: Opacity of the dark rim of thick lines, which makes them stand out.
RIM = 0.55
#: Dots of the body as a share of the width of lines, and how far they are white.
DOT, WHITE = 0.8, 0.55
#: Background of the labels of points, BGR.
LABEL = (40, 40, 40)
#: Rows of a layer that are blended at once.
BAND = 64
#: Lines of people must be so wide for dots on faces and hands.
DETAILED = 2


class _Brush(NamedTuple):
    """How K points and their L links are drawn.

    Attributes:
        links: (L, 2).
        colors: (L, 3) BGR.
        widths: (L, ), 1 for the body.
        dots: (K, 3) BGR.
        radii: (K, ) as a share of the width of lines.
        fine: (K, ) bool, faces and hands.
    """

    links: np.ndarray
    colors: np.ndarray
    widths: np.ndarray
    dots: np.ndarray
    radii: np.ndarray
    fine: np.ndarray


@cache
def _brush(count: int) -> _Brush:
    style = style_of(count)
    colors = np.array([bgr(row.color) for row in style], float).reshape(-1, 3)
    links = np.array([row.link for row in style], int).reshape(-1, 2)
    dots = np.tile(np.array(bgr(MIDDLE), float), (count, 1))
    # Of several links, the outer one: a shoulder has the colour of its arm.
    for (start, stop), color in zip(links, colors):
        dots[[start, stop]] = color
    fine = np.zeros(count, bool)
    if count == NUM_KEYPOINTS:
        for name, part in PARTS.items():
            fine[list(part)] = name not in THICK
    return _Brush(
        links,
        colors,
        np.array([row.width for row in style]),
        dots + WHITE * (255 - dots),
        np.where(fine, DOT * FINE, DOT),
        fine,
    )


def draw_people(
    image: np.ndarray,
    people: People,
    threshold: float = MIN_SCORE,
    boxes: bool = False,
    *,
    ids: bool = False,
    labels: Sequence[str] | None = None,
    parts: Sequence[str] = tuple(SHOWN),
    point_labels: bool = False,
    font: str | None = None,
) -> np.ndarray:
    """Draws the points of people and the links between them.
    Lines are as wide as people are large, and as opaque as their
    points are sure; the person's left is warm, its right cold.

    Args:
        image: (H, W, 3). It is not changed.
        people: In pixels of the image.
        threshold: Points with a lower score are left out.
        boxes: Draw the boxes, with the ids if there are any.
        ids: Draw the ids, if there are any.
        labels: A text for each person, in place of its id.
        parts: Of the 133 points, those of these parts: ``body``, ``face``,
            ``hands``, ``feet``.
        point_labels: Write the name and the score of each point beside it.
        font: TrueType or OpenType file for labels of scripts that the system's
            font lacks.

    Returns:
        A drawn copy.

    Raises:
        UsageError: The font cannot be read.
    """
    image = image.copy()
    count = people.keypoints.shape[1]
    shown = np.ones(count, bool)
    if count == NUM_KEYPOINTS:
        shown[:] = False
        shown[shown_points(tuple(parts))] = True
    if labels is None and (boxes or ids) and people.ids is not None:
        labels = [str(number) for number in people.ids]
    for number in range(len(people)):
        points, scores = people.keypoints[number], people.scores[number]
        visible = shown & (scores >= threshold) & (np.abs(points) < FARTHEST).all(1)
        if visible.any():
            _draw_skeleton(image, points, visible, opacity(scores, threshold))
            if point_labels:
                _label_points(image, points, scores, visible, font)
        if boxes or labels is not None:
            text = None if labels is None else labels[number]
            _draw_box(image, people, number, text, boxes, font)
    return image


def opacity(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Of points: from FAINT at the threshold to 1 at SURE."""
    sure = (scores - threshold) / max(SURE - threshold, 1e-6)
    return FAINT + (1 - FAINT) * np.clip(sure, 0, 1)


def stroke(extent: float, sides: tuple[int, int]) -> int:
    """Width of the lines of a person in pixels.

    Args:
        extent: Longer side of the person in pixels.
        sides: Of the image in pixels.
    """
    return round(max(1, min(extent / TALL, max(sides) * WIDEST)))


def _draw_skeleton(
    image: np.ndarray, points: np.ndarray, visible: np.ndarray, alpha: np.ndarray
) -> None:
    """Draws one person on a layer, which covers no pixel twice: where lines
    cross, they are not more opaque."""
    low, high = points[visible].min(0), points[visible].max(0)
    width = stroke(float((high - low).max()), image.shape[:2])
    size = image.shape[1::-1]
    first = np.clip(np.floor(low - 2 * width - 2), 0, size).astype(int)
    last = np.clip(np.ceil(high + 2 * width + 3), 0, size).astype(int)
    if (first >= last).any():
        return
    # BGR times opacity, and opacity.
    layer = np.zeros((last[1] - first[1], last[0] - first[0], 4), np.uint8)
    fixed = np.where(visible[:, None], points, 0) - first
    fixed = np.round(fixed * 2**SHIFT).astype(int).tolist()
    brush = _brush(len(points))

    both = visible[brush.links].all(1)
    opaque = alpha[brush.links].min(1)[:, None]
    colors = (np.hstack([brush.colors, np.full((len(both), 1), 255)]) * opaque).tolist()
    rims = (opaque[:, 0] * RIM * 255).tolist()
    widths = np.maximum(1, np.round(brush.widths * width)).astype(int).tolist()
    links = brush.links.tolist()
    drawn = np.flatnonzero(both).tolist()
    for link in drawn:
        if brush.widths[link] == 1:
            start, stop = links[link]
            color = (0, 0, 0, rims[link])
            _line(layer, fixed[start], fixed[stop], color, widths[link] + 2)
    for link in drawn:
        start, stop = links[link]
        _line(layer, fixed[start], fixed[stop], colors[link], widths[link])

    dotted = visible & ~brush.fine if width < DETAILED else visible
    dots = np.hstack([brush.dots, np.full((len(points), 1), 255)]) * alpha[:, None]
    radii = np.round(np.maximum(brush.radii * width, 0.8) * 2**SHIFT).astype(int)
    for point in np.flatnonzero(dotted).tolist():
        cv2.circle(
            layer,
            fixed[point],
            int(radii[point]),
            dots[point].tolist(),
            cv2.FILLED,
            cv2.LINE_AA,
            SHIFT,
        )
    _blend(image[first[1] : last[1], first[0] : last[0]], layer)


def _line(
    layer: np.ndarray,
    start: Sequence[int],
    stop: Sequence[int],
    color: Sequence[float],
    width: int,
) -> None:
    cv2.line(layer, start, stop, color, width, cv2.LINE_AA, SHIFT)


def _blend(image: np.ndarray, layer: np.ndarray) -> None:
    """Lays (h, w, 4) over (h, w, 3), where anything is drawn: in each band of rows,
    from the first column to the last."""
    for top in range(0, len(layer), BAND):
        alpha = cv2.extractChannel(layer[top : top + BAND], 3)
        columns = np.flatnonzero(alpha.max(0))
        if not len(columns):
            continue
        inside = slice(columns[0], columns[-1] + 1)
        above, below = (pixels[top : top + BAND, inside] for pixels in (layer, image))
        through = cv2.bitwise_not(alpha[:, inside])
        through = cv2.cvtColor(through, cv2.COLOR_GRAY2BGR)
        through = cv2.multiply(below, through, scale=1 / 255)
        cv2.add(through, cv2.cvtColor(above, cv2.COLOR_BGRA2BGR), below)


def _label_points(
    image: np.ndarray,
    points: np.ndarray,
    scores: np.ndarray,
    visible: np.ndarray,
    font: str | None,
) -> None:
    names = keypoint_names(len(points))
    extent = float(np.ptp(points[visible], axis=0).max())
    # As large as a label of the person at most.
    size = round(min(max(9, extent / 30), max(9, max(image.shape[:2]) / 60)))
    aside = stroke(extent, image.shape[:2]) + 1
    height, width = image.shape[:2]
    for number in np.flatnonzero(visible):
        x, y = points[number]
        # Text is moved into the picture, where it would name what is not there.
        if 0 <= x < width and 0 <= y < height:
            text = f'{names[number]} {scores[number]:.2f}'
            draw_text(image, text, (x + aside, y), (255, 255, 255), size, LABEL, font)


def _draw_box(
    image: np.ndarray,
    people: People,
    number: int,
    text: str | None,
    boxes: bool,
    font: str | None,
) -> None:
    box = people.boxes[number]
    if not (np.abs(box) < FARTHEST).all():
        return
    x1, y1, x2, y2 = box.round().astype(int).tolist()
    identity = number if people.ids is None else int(people.ids[number])
    color = bgr(PALETTE[identity % len(PALETTE)])
    extent = max(x2 - x1, y2 - y1)
    width = max(1, stroke(extent, image.shape[:2]) // 2)
    if boxes:
        cv2.rectangle(image, (x1, y1), (x2, y2), color, width, cv2.LINE_AA)
    if text:
        size = round(min(max(12, extent / 14), max(12, max(image.shape[:2]) / 40)))
        draw_text(image, text, (x1, y1), (255, 255, 255), size, color, font)
