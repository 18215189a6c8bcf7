"""3D skeletons with equal axes on a grid of metres, as a picture.

Shapes: N persons, K = 133 keypoints; (N, K, 3) is in metres in camera axes (x
right, y down, z away); pictures are (H, W, 3) uint8 RGB.
"""

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3DCollection

from ..core.skeleton import LINKS, NUM_KEYPOINTS, PARTS

LEFT, RIGHT, MIDDLE = '#e8590c', '#1971c2', '#2f9e44'
FACE = '#7048e8'
#: (name, elevation, azimuth): seen as the camera does, and from its left.
VIEWS = (('front', 8, -90), ('side', 12, -155))
STEP = 0.5
MARGIN = 0.1
HEIGHT = 480


def _color(part: str, link: tuple[int, int]) -> str:
    """The person's left is orange, the right is blue."""
    if part == 'face':
        return FACE
    if part.endswith('hand'):
        return LEFT if part == 'left_hand' else RIGHT
    if part == 'feet':
        return LEFT if link[0] == 15 else RIGHT
    # In the body, odd points are left ones; the nose is neither.
    sides = {point % 2 for point in link if point}
    return MIDDLE if len(sides) == 2 else (LEFT, RIGHT)[sides == {0}]


STYLE = [
    (link, _color(part, link), 2.2 if part in ('body', 'feet') else 0.9)
    for part, links in LINKS.items()
    for link in links
]


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
    drawn &= np.isfinite(people).all(2)
    # Plots have z upwards: right, away, up.
    points = people[..., [0, 2, 1]] * (1, 1, -1)
    low, high = _limits(points[drawn])
    dpi = 100
    figure = Figure(figsize=(size[0] / dpi, size[1] / dpi), dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    share = 1 / len(views)
    for number, (name, elevation, azimuth) in enumerate(views):
        axes: Axes3D = figure.add_axes(
            (number * share, 0, share, 0.95), projection='3d'
        )
        axes.view_init(elevation, azimuth)
        axes.set_title(name, fontsize=10, pad=0)
        _draw_people(axes, points, drawn)
        _draw_grid(axes, low, high, side_on=abs(azimuth + 90) > 45)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


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


def _draw_people(axes: Axes3D, points: np.ndarray, visible: np.ndarray) -> None:
    for person, drawn in zip(points, visible):
        style = [row for row in STYLE if drawn[list(row[0])].all()]
        if style:  # matplotlib takes no empty collection
            axes.add_collection3d(
                Line3DCollection(
                    [person[list(link)] for link, _, _ in style],
                    colors=[color for _, color, _ in style],
                    linewidths=[width for _, _, width in style],
                )
            )
        body = [point for point in (*PARTS['body'], *PARTS['feet']) if drawn[point]]
        axes.scatter(*person[body].T, s=5, c='#343a40', depthshade=False)


def _draw_grid(axes: Axes3D, low: np.ndarray, high: np.ndarray, side_on: bool) -> None:
    """Equal axes with a floor of half metres."""
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    axes.set_box_aspect(high - low, zoom=0.95)
    axes.set_proj_type('persp', focal_length=2)
    for number, axis in enumerate((axes.xaxis, axes.yaxis, axes.zaxis)):
        axis.set_ticks(np.arange(low[number], high[number] + 1e-6, STEP))
        axis.pane.set_alpha(0.06 if number < 2 else 0.15)
    # The labels of an axis that points at the viewer are unreadable.
    away = axes.xaxis if side_on else axes.yaxis
    away.set_ticklabels([])
    (axes.set_ylabel if side_on else axes.set_xlabel)(
        'z away, m' if side_on else 'x right, m', fontsize=7
    )
    axes.zaxis.set_ticklabels(
        [f'{tick:.1f}' for tick in np.arange(0, high[2] - low[2] + 1e-6, STEP)]
    )
    if side_on:
        axes.set_zlabel('up, m', fontsize=7)
    axes.tick_params(labelsize=6, pad=-2)
