"""Skeletons on pictures.

Shapes: images are (H, W, 3) uint8 BGR.
"""

import cv2
import numpy as np

from ..core.skeleton import LINKS

#: BGR; left and right are the person's.
COLORS = {
    'body': (80, 200, 80),
    'feet': (200, 160, 40),
    'face': (235, 235, 235),
    'left_hand': (40, 130, 255),
    'right_hand': (220, 80, 220),
}
SHIFT = 4  # OpenCV draws at sixteenths of a pixel


def draw(image, people, threshold=0.3, boxes=False):
    """
    Args:
        image (ndarray): (H, W, 3), is not changed.
        people (People): With 133 points, links are drawn too.
        threshold (float): Points with a lower score are left out.
        boxes (bool): Draw the boxes, with the ids if there are any.

    Returns:
        ndarray: A drawn copy.
    """
    image = image.copy()
    width = max(1, round(max(image.shape[:2]) / 500))
    for number in range(len(people)):
        points = people.keypoints[number]
        seen = people.scores[number] >= threshold
        # OpenCV takes 32-bit numbers; a point far outside is not drawn.
        seen = seen & (np.abs(points) < 1e5).all(1)
        fixed = (
            np.round(np.where(seen[:, None], points, 0) * 2**SHIFT).astype(int).tolist()
        )
        if len(points) == 133:
            for part, links in LINKS.items():
                thin = max(1, width - (part not in ('body', 'feet')))
                for start, stop in links:
                    if seen[start] and seen[stop]:
                        cv2.line(
                            image,
                            fixed[start],
                            fixed[stop],
                            COLORS[part],
                            thin,
                            cv2.LINE_AA,
                            SHIFT,
                        )
        for place in np.flatnonzero(seen):
            small = width if place < 23 else max(1, width // 2)
            cv2.circle(
                image,
                fixed[place],
                small << SHIFT,
                (40, 40, 230),
                -1,
                cv2.LINE_AA,
                SHIFT,
            )
        if boxes:
            x1, y1, x2, y2 = people.boxes[number].round().astype(int).tolist()
            cv2.rectangle(image, (x1, y1), (x2, y2), (200, 200, 0), width)
            if people.ids is not None:
                cv2.putText(
                    image,
                    str(people.ids[number]),
                    (x1, y1 + 20),
                    cv2.FONT_HERSHEY_SIMPLEX,
                    0.7,
                    (200, 200, 0),
                    2,
                )
    return image
