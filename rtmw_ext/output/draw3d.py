"""3D skeletons with equal axes on a grid of metres, as a picture.

Shapes: N persons, K = 133 keypoints; (N, K, 3) is in metres in camera axes (x
right, y down, z away), in scenes x right, y away, z up; pictures are (H, W, 3)
uint8 RGB.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ..core.skeleton import NUM_KEYPOINTS
from .style import STYLE, rgb
from .text import draw_text

#: (name, elevation, azimuth): seen as the camera does, and from its left.
VIEWS = (('front', 8, -90), ('side', 12, -155))
#: Metres from one line of the grid to the next, and around people.
STEP = 0.5
MARGIN = 0.1
#: Lines of the grid along an axis at most; beyond, they are farther apart.
MAX_LINES = 40
#: A point farther from the camera, in metres, is not drawn.
FARTHEST = 1e4
HEIGHT = 480
#: Metres that lines of the body are wide.
BODY_WIDTH = 0.035
#: Distance of the eye from the middle, in diagonals of the scene.
EYE = 1.6
GRID, EDGE, TEXT = (222, 226, 230), (173, 181, 189), (73, 80, 87)
FLOOR, SHADOW, JOINT = (248, 249, 250), (206, 212, 218), (52, 58, 64)
SHIFT = 4  # OpenCV draws at sixteenths of a pixel

LINK_ENDS = np.array([row.link for row in STYLE])
LINK_COLORS = [rgb(row.color) for row in STYLE]
LINK_WIDTHS = np.array([row.width for row in STYLE])


def draw_scene(
    people: np.ndarray,
    visible: np.ndarray | None = None,
    size: tuple[int, int] = (640, 480),
    views: tuple[tuple[str, float, float], ...] = VIEWS,
) -> np.ndarray:
    """All persons in one scene, once for each view.

    Args:
        people: (N, K, 3) in metres. N may be 0.
        visible: (N, K) bool, the points to draw; None draws all. Points that
            are not finite are never drawn.
        size: (W, H) of the picture in pixels.
        views: (name, elevation, azimuth) of each, in degrees.

    Returns:
        (H, W, 3) uint8 RGB, the views side by side.
    """
    people = np.asarray(people, np.float64).reshape(-1, NUM_KEYPOINTS, 3)
    drawn = np.ones(people.shape[:2], bool) if visible is None else np.array(visible)
    drawn &= (np.abs(people) < FARTHEST).all(2)
    points = np.where(drawn[..., None], people, 0)[..., [0, 2, 1]] * (1, 1, -1)
    box = _limits(points[drawn])
    picture = np.full((size[1], size[0], 3), 255, np.uint8)
    edges = np.linspace(0, size[0], len(views) + 1).round().astype(int)
    for (name, elevation, azimuth), left, right in zip(views, edges, edges[1:]):
        panel = picture[:, left:right]
        view = _View.of(elevation, azimuth, box, (right - left, size[1]))
        _draw_grid(panel, view, box, side_on=abs(azimuth + 90) > 45)
        _draw_people(panel, view, points, drawn, box[0][2])
        text = max(10, size[1] // 34)
        draw_text(panel, name, ((right - left) / 2 - text, 2 * text), TEXT, text)
    return picture


def add_scene(
    picture: np.ndarray, people: np.ndarray, visible: np.ndarray | None = None
) -> np.ndarray:
    """A picture with the 3D scene to its right (paper, Figure 4). The scene
    is as high as the picture; a picture of less than 480 pixels is enlarged to
    them first.

    Args:
        picture: (H, W, 3) uint8 RGB.
        people: As of :func:`draw_scene`.
        visible: As of :func:`draw_scene`.

    Returns:
        (H', W', 3) uint8 RGB.
    """
    height = max(HEIGHT, picture.shape[0])
    width = round(picture.shape[1] * height / picture.shape[0])
    return np.hstack(
        [
            cv2.resize(picture, (width, height)),
            draw_scene(people, visible, (round(height * 1.5), height)),
        ]
    )


def _limits(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners (3,), (3,) of the scene, on the grid."""
    if not len(points):
        points = np.zeros((1, 3))
    low = np.floor((points.min(0) - MARGIN) / STEP) * STEP
    high = np.ceil((points.max(0) + MARGIN) / STEP) * STEP
    # The floor is where the lowest point is, not on the grid.
    low[2] = points[:, 2].min()
    high[2] = low[2] + np.ceil((points[:, 2].max() + MARGIN - low[2]) / STEP) * STEP
    return low, high


class _View(NamedTuple):
    """A perspective view of the scene in a panel.

    Attributes:
        axes: (3, 3), rows right, down and away of the eye.
        middle: (3, ) of the scene.
        distance: Of the eye from it in metres.
        focal: Pixels of a metre at the middle.
        center: (2, ) pixels of the middle.
    """

    axes: np.ndarray
    middle: np.ndarray
    distance: float
    focal: float
    center: np.ndarray

    @classmethod
    def of(
        cls,
        elevation: float,
        azimuth: float,
        box: tuple[np.ndarray, np.ndarray],
        size: tuple[int, int],
    ) -> '_View':
        """The view in which the box fills a panel of (W, H) pixels."""
        up, turn = np.radians((elevation, azimuth))
        eye = np.array(
            [np.cos(up) * np.cos(turn), np.cos(up) * np.sin(turn), np.sin(up)]
        )
        right = np.array([-np.sin(turn), np.cos(turn), 0])
        axes = np.stack([right, np.cross(-eye, right), -eye])
        low, high = box
        middle = (low + high) / 2
        view = cls(
            axes, middle, EYE * float(np.linalg.norm(high - low)), 1.0, np.zeros(2)
        )
        corners = np.stack(np.meshgrid(*zip(low, high)), -1).reshape(-1, 3)
        pixels = view.project(corners)[0]
        first, last = pixels.min(0), pixels.max(0)
        # Beside the scene and above it is room for text.
        room = np.array([0.1 * size[0], 0.09 * size[1]])
        focal = float(((np.array(size) - 2 * room) / (last - first)).min())
        center = np.array(size) / 2 - focal * (first + last) / 2
        return view._replace(focal=focal, center=center)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(..., 3) -> (..., 2) pixels, and (...) the pixels of a metre there."""
        seen = (points - self.middle) @ self.axes.T
        scale = self.focal * self.distance / (self.distance + seen[..., 2])
        return self.center + seen[..., :2] * scale[..., None], scale

    def lines(
        self, picture: np.ndarray, points: np.ndarray, color: tuple[int, int, int]
    ) -> None:
        """Draws thin lines through (L, P, 3)."""
        fixed = np.round(self.project(points)[0] * 2**SHIFT).astype(np.int32)
        cv2.polylines(picture, list(fixed), False, color, 1, cv2.LINE_AA, SHIFT)


def _draw_people(
    picture: np.ndarray,
    view: _View,
    points: np.ndarray,
    visible: np.ndarray,
    floor: float,
) -> None:
    """Far links first, and their shadows on the floor before all."""
    persons, links = np.nonzero(visible[:, LINK_ENDS].all(2))
    ends = points[persons[:, None], LINK_ENDS[links]]
    shadows = ends.copy()
    shadows[..., 2] = floor
    if len(ends):
        view.lines(picture, shadows[LINK_WIDTHS[links] == 1], SHADOW)
    pixels, scale = view.project(ends)
    fixed = np.round(pixels * 2**SHIFT).astype(int).tolist()
    widths = BODY_WIDTH * scale.mean(1) * LINK_WIDTHS[links]
    rounded = np.maximum(1, np.round(widths)).astype(int).tolist()
    for row in np.argsort(scale.mean(1)).tolist():
        start, stop = fixed[row]
        if rounded[row] > 2:
            cv2.line(
                picture,
                start,
                stop,
                (255, 255, 255),
                rounded[row] + 2,
                cv2.LINE_AA,
                SHIFT,
            )
        color = LINK_COLORS[links[row]]
        cv2.line(picture, start, stop, color, rounded[row], cv2.LINE_AA, SHIFT)
        if rounded[row] > 2:
            for joint in (start, stop):
                radius = int(widths[row] * 0.35 * 2**SHIFT)
                cv2.circle(
                    picture, joint, radius, JOINT, cv2.FILLED, cv2.LINE_AA, SHIFT
                )


def _draw_grid(
    picture: np.ndarray,
    view: _View,
    box: tuple[np.ndarray, np.ndarray],
    side_on: bool,
) -> None:
    """A floor of half metres with a scale along its near edge, and the height
    along its left corner."""
    low, high = box
    step = STEP
    while (high - low).max() / step > MAX_LINES:
        step *= 2
    ticks = [np.arange(low[axis], high[axis] + 1e-6, step) for axis in range(3)]
    (x1, y1, floor), (x2, y2, _) = low, high
    corners = np.array(
        [[x1, y1, floor], [x1, y2, floor], [x2, y2, floor], [x2, y1, floor]]
    )
    outline = np.round(view.project(corners)[0]).astype(np.int32)
    cv2.fillConvexPoly(picture, outline, FLOOR, cv2.LINE_AA)
    across = [[[x, y1, floor], [x, y2, floor]] for x in ticks[0]]
    along = [[[x1, y, floor], [x2, y, floor]] for y in ticks[1]]
    view.lines(picture, np.array(across + along), GRID)

    size = max(9, picture.shape[0] // 48)
    near = [
        [x1, value, floor] if side_on else [value, y1, floor]
        for value in ticks[side_on]
    ]
    last = np.full(2, np.inf)
    for place, value in zip(view.project(np.array(near))[0], ticks[side_on][:-1]):
        # Far away they would lie on each other.
        if abs(place - last).max() > 3 * size:
            at = (place[0] - size, place[1] + 2 * size)
            draw_text(picture, f'{value + 0:g}', at, TEXT, size)
            last = place
    name = 'z away, m' if side_on else 'x right, m'
    place = view.project(np.array(near))[0].mean(0)
    draw_text(picture, name, (place[0] - 3 * size, place[1] + 4 * size), TEXT, size)

    left = corners[view.project(corners)[0][:, 0].argmin()]
    rise = np.array([[*left[:2], z] for z in ticks[2]])
    view.lines(picture, rise[None], EDGE)
    marks = [f'{z:.1f}' for z in ticks[2] - floor]
    for (x, y), mark in zip(view.project(rise)[0], marks):
        draw_text(picture, mark, (x - 3 * size, y + size), TEXT, size)
    draw_text(picture, 'up, m', (x - 2 * size, y - size), TEXT, size)
