"""Pose maps: people on black, as ControlNet's networks were taught.

Colours, order, widths and rounding are those of controlnet_aux's DWPose
annotator (https://github.com/huggingface/controlnet_aux, version 0.0.10). Feet,
which it leaves out, are OpenPose's BODY_25.

Shapes: N persons, K keypoints; pictures are (H, W, 3) uint8 BGR.
"""

import colorsys
import math
from collections.abc import Sequence

import cv2
import numpy as np

from ..core.people import MIN_SCORE, People
from ..core.skeleton import KEYPOINT_NAMES, LINKS, PARTS, keypoint_names
from .base import check_skeleton, scored_keypoints
from .draw2d import FARTHEST
from .formats.openpose_json import COCO_18, select

Color = tuple[int, int, int]

#: Limbs of COCO_18, in the order in which they are drawn.
LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7)),
    *((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
#: Links of feet as points of ours, and the colour of each foot.
FEET = {
    ((15, 17), (17, 18), (15, 19)): (255, 0, 0),
    ((16, 20), (20, 21), (16, 22)): (255, 255, 0),
}
#: Half the width of limbs, and how bright they are.
HALF_WIDTH, DIMMED = 4, 0.6
#: Radii of dots, and the width of fingers.
BODY_DOT, HAND_DOT, FACE_DOT, FINGER = 4, 4, 3, 2
HAND_COLOR, FACE_COLOR = (255, 0, 0), (255, 255, 255)
#: Parts that the annotator draws.
DEFAULT_PARTS = ('body', 'face', 'hands')
#: Sides of its pictures are multiples of this.
MULTIPLE = 64


def _hues(count: int) -> list[Color]:
    """``count`` colours around the circle of hues, in BGR."""
    colors = []
    for number in range(count):
        red, green, blue = colorsys.hsv_to_rgb(number / count, 1, 1)
        colors.append((round(255 * blue), round(255 * green), round(255 * red)))
    return colors


BODY_COLORS = _hues(len(COCO_18))
FINGER_COLORS = _hues(len(LINKS['left_hand']))


def map_size(size: tuple[int, int], side: int | None) -> tuple[int, int]:
    """(W, H) of the pose map of a picture.

    Args:
        size: (W, H) of the picture.
        side: Of the shorter side, about; both are rounded to multiples of 64.
            None takes the picture's size.
    """
    if side is None:
        return size
    scale = side / min(size)
    width, height = (
        max(1, round(length * scale / MULTIPLE)) * MULTIPLE for length in size
    )
    return width, height


def draw_pose_map(
    people: People,
    size: tuple[int, int],
    parts: Sequence[str] = DEFAULT_PARTS,
    threshold: float = MIN_SCORE,
    side: int | None = None,
) -> np.ndarray:
    """Draws people on black.

    Args:
        people: With the 133 points, Halpe's 26 or COCO's 17, in pixels of the
            picture. What they lack is not drawn.
        size: (W, H) of the picture.
        parts: ``body``, ``face``, ``hands``, ``feet``.
        threshold: Points with a lower score are left out.
        side: As of :func:`map_size`.

    Returns:
        (H, W, 3) of :func:`map_size`.

    Raises:
        ResultError: The people have other keypoints.
    """
    check_skeleton(people, 'pose map')
    width, height = map_size(size, side)
    picture = np.zeros((height, width, 3), np.uint8)
    names, known = keypoint_names(people.keypoints.shape[1]), scored_keypoints(people)
    points = np.full((len(people), len(KEYPOINT_NAMES), 3), -np.inf, known.dtype)
    for number, name in enumerate(KEYPOINT_NAMES):
        if name in names:
            points[:, number] = known[:, names.index(name)]
    points[..., :2] *= (width / size[0], height / size[1])
    points[~(np.abs(points[..., :2]) < FARTHEST).all(2)] = (0, 0, -np.inf)
    bodies = [select(person, COCO_18) for person in points]
    if 'body' in parts:
        for limb, color in zip(LIMBS, BODY_COLORS):
            for body in bodies:
                _draw_limb(picture, body[list(limb)], color, threshold)
    if 'feet' in parts:
        for links, color in FEET.items():
            for person in points:
                for link in links:
                    _draw_limb(picture, person[list(link)], color, threshold)
        for links, color in FEET.items():
            for person in points:
                for _, toe in links:
                    _draw_dot(picture, person[toe], BODY_DOT, color, threshold)
    if 'body' in parts:
        for number, color in enumerate(BODY_COLORS):
            for body in bodies:
                _draw_dot(picture, body[number], BODY_DOT, color, threshold)
    if 'hands' in parts:
        for part in ('left_hand', 'right_hand'):
            for person in points:
                _draw_hand(picture, person, part, threshold)
    if 'face' in parts:
        for person in points:
            for point in PARTS['face']:
                if _inside(person[point]):
                    _draw_dot(picture, person[point], FACE_DOT, FACE_COLOR, threshold)
    return picture


def _draw_limb(
    picture: np.ndarray, ends: np.ndarray, color: Color, threshold: float
) -> None:
    """An ellipse between (2, 3) x, y, score."""
    if ends[:, 2].min() < threshold:
        return
    across, down = ends[0, :2] - ends[1, :2]
    middle = ends[:, :2].mean(0)
    outline = cv2.ellipse2Poly(
        (int(middle[0]), int(middle[1])),
        (int(math.hypot(across, down) / 2), HALF_WIDTH),
        int(math.degrees(math.atan2(down, across))),
        0,
        360,
        1,
    )
    cv2.fillConvexPoly(
        picture, np.array(outline), [int(value * DIMMED) for value in color]
    )


def _draw_dot(
    picture: np.ndarray,
    point: np.ndarray,
    radius: int,
    color: Color,
    threshold: float,
) -> None:
    if point[2] >= threshold:
        cv2.circle(picture, (int(point[0]), int(point[1])), radius, color, cv2.FILLED)


def _inside(point: np.ndarray) -> bool:
    """Of faces and hands, points of the first row and column do not count."""
    return bool((point[:2] >= 1).all())


def _draw_hand(
    picture: np.ndarray, person: np.ndarray, part: str, threshold: float
) -> None:
    drawn = {
        point
        for point in PARTS[part]
        if person[point, 2] >= threshold and _inside(person[point])
    }
    for (start, stop), color in zip(LINKS[part], FINGER_COLORS):
        if start in drawn and stop in drawn:
            first, last = person[[start, stop], :2].astype(int).tolist()
            cv2.line(picture, first, last, color, FINGER)
    for point in sorted(drawn):
        _draw_dot(picture, person[point], HAND_DOT, HAND_COLOR, threshold)
