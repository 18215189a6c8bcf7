"""Skeletons on pictures.

Shapes: images are (H, W, 3) uint8 BGR; K keypoints.
"""

import cv2
import numpy as np

from ..core.people import MIN_SCORE, People
from ..core.skeleton import PARTS, links_of

#: BGR; left and right are the person's.
COLORS = {
    'body': (80, 200, 80),
    'feet': (200, 160, 40),
    'face': (235, 235, 235),
    'left_hand': (40, 130, 255),
    'right_hand': (220, 80, 220),
}
POINT_COLOR = (40, 40, 230)
BOX_COLOR = (200, 200, 0)
#: Parts that are drawn with thick lines and large points.
THICK = ('body', 'feet')
SHIFT = 4  # OpenCV draws at sixteenths of a pixel
#: OpenCV takes 32-bit numbers; a point farther outside is not drawn.
FARTHEST = 1e5


def draw_people(
    image: np.ndarray,
    people: People,
    threshold: float = MIN_SCORE,
    boxes: bool = False,
) -> np.ndarray:
    """Draws the points of people and the links between them.

    Args:
        image: (H, W, 3). It is not changed.
        people: In pixels of the image.
        threshold: Points with a lower score are left out.
        boxes: Draw the boxes, with the ids if there are any.

    Returns:
        A drawn copy.
    """
    image = image.copy()
    width = max(1, round(max(image.shape[:2]) / 500))
    for number in range(len(people)):
        points = people.keypoints[number]
        visible = people.scores[number] >= threshold
        visible = visible & (np.abs(points) < FARTHEST).all(1)
        _draw_skeleton(image, points, visible, width)
        if boxes:
            _draw_box(image, people, number, width)
    return image


def _draw_skeleton(
    image: np.ndarray, points: np.ndarray, visible: np.ndarray, width: int
) -> None:
    fixed = np.round(np.where(visible[:, None], points, 0) * 2**SHIFT)
    fixed = fixed.astype(int).tolist()
    for part, links in links_of(len(points)).items():
        thickness = width if part in THICK else max(1, width - 1)
        for start, stop in links:
            if visible[start] and visible[stop]:
                cv2.line(
                    image,
                    fixed[start],
                    fixed[stop],
                    COLORS[part],
                    thickness,
                    cv2.LINE_AA,
                    SHIFT,
                )
    for point in np.flatnonzero(visible):
        radius = width if point < PARTS['feet'].stop else max(1, width // 2)
        cv2.circle(
            image,
            fixed[point],
            radius << SHIFT,
            POINT_COLOR,
            cv2.FILLED,
            cv2.LINE_AA,
            SHIFT,
        )


def _draw_box(image: np.ndarray, people: People, number: int, width: int) -> None:
    x1, y1, x2, y2 = people.boxes[number].round().astype(int).tolist()
    cv2.rectangle(image, (x1, y1), (x2, y2), BOX_COLOR, width)
    if people.ids is not None:
        cv2.putText(
            image,
            str(people.ids[number]),
            (x1, y1 + 20),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.7,
            BOX_COLOR,
            2,
        )
