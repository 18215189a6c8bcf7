"""Pixels <-> camera space, and how far away a person is.

Shapes: N persons, K keypoints. Pixels are x right and y down with whole
numbers at pixel centres; camera axes are x right, y down, z away, in metres.
A camera is a dict with ``K``, (3, 3) intrinsics in pixels of the full image,
and optionally ``distortion``, OpenCV's 4, 5, 8, 12 or 14 numbers k1, k2, p1, p2, k3,
..., and ``size``, the (width, height) of the images that it was calibrated with.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike

from .errors import RTMWError
from .skeleton import HIPS

# Between keypoints, in body heights: means over the real Human3.6M frames of
# mmpose's sample, for a height of 1.75 m.
LIMBS = {
    (5, 7): 0.160,
    (6, 8): 0.160,
    (7, 9): 0.142,
    (8, 10): 0.142,
    (11, 13): 0.253,
    (12, 14): 0.253,
    (13, 15): 0.252,
    (14, 16): 0.252,
    (5, 11): 0.250,
    (6, 12): 0.250,
}
PERSON_HEIGHT = 1.7
# OpenCV 4 has the variant with stop criteria under a name of its own.
_undistort = getattr(cv2, 'undistortPointsIter', cv2.undistortPoints)
#: Numbers of distortion that OpenCV takes.
DISTORTIONS = (4, 5, 8, 12, 14)
#: Mean depth of the hips in the training data of the released checkpoints.
DEFAULT_DEPTH = 5.14388


class CameraError(RTMWError, ValueError):
    """A camera or depth cannot be used; the text says why."""


#: ``K`` and perhaps ``distortion`` and ``size``.
Camera = dict[str, Any]


def check_camera(camera: Camera | ArrayLike) -> dict[str, np.ndarray]:
    """
    Args:
        camera: A camera, or its ``K`` alone.

    Returns:
        The camera in float64: ``K`` (3, 3) and ``distortion``, five zeros if not
        given, without ``size``.

    Raises:
        CameraError: ``K`` is missing, not (3, 3), not finite, has no focal
            length or is not upper triangular with a last row of 0, 0, 1;
            ``distortion`` has another length or is not finite.
    """
    if not isinstance(camera, dict):
        camera = dict(K=camera)
    if camera.get('K') is None:
        raise CameraError(
            f'camera with {sorted(camera)} has no "K": give the (3, 3) '
            'intrinsics in pixels of the full image, or no camera at all for '
            'the default'
        )
    matrix = np.array(camera['K'], np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise CameraError(f'K is {matrix.tolist()}, not (3, 3) finite numbers')
    if (
        matrix[0, 0] <= 0
        or matrix[1, 1] <= 0
        or (matrix[2] != (0, 0, 1)).any()
        or matrix[1, 0]
    ):
        raise CameraError(
            f'K is {matrix.tolist()}: it must be [[fx, s, cx], [0, fy, cy], '
            '[0, 0, 1]] with fx and fy > 0'
        )
    distortion = camera.get('distortion')
    distortion = (
        np.zeros(5)
        if distortion is None
        else np.asarray(distortion, np.float64).reshape(-1)
    )
    if len(distortion) not in DISTORTIONS or not np.isfinite(distortion).all():
        raise CameraError(
            f'distortion is {distortion.tolist()}, not 4, 5, 8, 12 or 14 finite '
            "numbers, OpenCV's k1, k2, p1, p2, k3, ..."
        )
    return dict(K=matrix, distortion=distortion)


def fit_camera(
    camera: Camera | ArrayLike, width: int, height: int
) -> dict[str, np.ndarray]:
    """The camera of an image of (``width``, ``height``) pixels: if the image was
    scaled after the calibration, so is ``K``.

    Args:
        camera: A camera, or its ``K`` alone. Without ``size`` it is of this image.
        width: Of the image.
        height: Likewise.

    Returns:
        As of :func:`check_camera`.

    Raises:
        CameraError: The camera is unusable, or of images of another shape.
    """
    fitted = check_camera(camera)
    size = camera.get('size') if isinstance(camera, dict) else None
    if size is None:
        return fitted
    across, down = size
    if not (across > 0 and down > 0):
        raise CameraError(
            f'size of the camera is {size}, not (width, height) in pixels'
        )
    # Sides of a scaled image are whole numbers.
    if abs(width * down - height * across) > across + down:
        raise CameraError(
            f'the camera is of {across} x {down} pixels, the image has {width} x '
            f'{height}, which is no scaled one: give the camera of such images'
        )
    scale = np.array([width / across, height / down])
    fitted['K'][:2] *= scale[:, None]
    # The outer edges stay: they are half a pixel before the first centre.
    fitted['K'][:2, 2] += (scale - 1) / 2
    return fitted


def default_camera(width: int, height: int) -> dict[str, np.ndarray]:
    """The camera assumed for an image of (``width``, ``height``) pixels that
    comes without one: its focal length is the image's diagonal (53 degrees of
    view across it), and its axis goes through the middle."""
    focal = np.hypot(width, height)
    return dict(
        K=np.array(
            [[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]]
        )
    )


def camera_of(
    width: int, height: int, camera: Camera | ArrayLike | None = None
) -> dict[str, np.ndarray]:
    """The camera of an image: the given one, as of :func:`fit_camera`, else
    :func:`default_camera`."""
    if camera is None:
        return default_camera(width, height)
    return fit_camera(camera, width, height)


def project(points: ArrayLike, camera: Camera) -> np.ndarray:
    """Camera space -> pixels.

    Args:
        points: (..., 3) in metres, in front of the camera (z > 0).
        camera: As of the module.

    Returns:
        (..., 2) float64.

    Raises:
        CameraError: The camera is unusable, or a point is not in front of it.
    """
    camera = check_camera(camera)
    points = np.asarray(points, np.float64)
    if not (points[..., 2] > 0).all():
        raise CameraError(
            'a point to project is not in front of the camera '
            f'(least z: {points[..., 2].min()} m)'
        )
    if not points.size:
        return np.zeros((*points.shape[:-1], 2))
    # OpenCV leaves out the skew of K, so K is applied here.
    flat, _ = cv2.projectPoints(
        points.reshape(-1, 1, 3),
        np.zeros(3),
        np.zeros(3),
        np.eye(3),
        camera['distortion'],
    )
    pixels = flat.reshape(-1, 2) @ camera['K'][:2, :2].T + camera['K'][:2, 2]
    return pixels.reshape(*points.shape[:-1], 2)


def rays(pixels: ArrayLike, camera: Camera) -> np.ndarray:
    """Pixels -> the points of their rays at a depth of 1 m.

    Args:
        pixels: (..., 2).
        camera: As of the module.

    Returns:
        (..., 2) float64, x and y in metres at z = 1.
    """
    camera = check_camera(camera)
    pixels = np.asarray(pixels, np.float64)
    if not pixels.size:
        return pixels.copy()
    flat = np.linalg.solve(
        camera['K'][:2, :2], (pixels.reshape(-1, 2) - camera['K'][:2, 2]).T
    )
    if camera['distortion'].any():
        flat = _undistort(
            flat.T[:, None].copy(),
            np.eye(3),
            camera['distortion'],
            R=np.eye(3),
            P=np.eye(3),
            criteria=(cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-12),
        )[:, 0].T
    return flat.T.reshape(pixels.shape)


def back_project(pixels: ArrayLike, depth: ArrayLike, camera: Camera) -> np.ndarray:
    """Pixels and depth -> camera space.

    Args:
        pixels: (..., 2).
        depth: (...), z in metres.
        camera: As of the module.

    Returns:
        (..., 3) float64 in metres.
    """
    depth = np.asarray(depth, np.float64)[..., None]
    return np.concatenate([rays(pixels, camera) * depth, depth], axis=-1)


def estimate_root_depth(
    pixels: np.ndarray,
    z: np.ndarray,
    known: np.ndarray,
    camera: Camera,
    height: float = PERSON_HEIGHT,
) -> np.ndarray:
    """The depth of the hips at which a person has the size of an adult.

    The sum of the squared lengths of the known limbs in camera space is a
    quadratic function of the root's depth. The depth is where the sum equals
    that of a person of the given height (``LIMBS``), and ``DEFAULT_DEPTH`` if
    no limb is known or no depth fits.

    Args:
        pixels: (N, K, 2).
        z: (N, K), depth from the root in metres.
        known: (N, K) bool, the points to use.
        camera: As of the module.
        height: Of the person, in metres, > 0.

    Returns:
        (N, ), in metres, such that every known point is in front of the
        camera.

    Raises:
        CameraError: The height is not > 0, or the camera is unusable.
    """
    if not height > 0:
        raise CameraError(f'person_height={height} must be > 0 metres')
    start, stop = np.transpose(list(LIMBS))
    lengths = height * np.array(list(LIMBS.values()))
    directions = rays(pixels, camera)
    z = np.asarray(z, np.float64)
    offsets = directions * z[..., None]
    use = (known[:, start] & known[:, stop]).astype(np.float64)
    step = directions[:, start] - directions[:, stop]
    rest = offsets[:, start] - offsets[:, stop]
    deep = z[:, start] - z[:, stop]
    a = (use * (step**2).sum(-1)).sum(1)
    b = (use * (step * rest).sum(-1)).sum(1)
    c = (use * ((rest**2).sum(-1) + deep**2 - lengths**2)).sum(1)
    with np.errstate(divide='ignore', invalid='ignore'):
        depth = (np.sqrt(b**2 - a * c) - b) / a
    depth = np.where(np.isfinite(depth) & (depth > 0), depth, DEFAULT_DEPTH)
    nearest = np.where(known, z, 0).min(1)
    return np.maximum(depth, 0.1 - nearest)


def to_camera_space(
    pixels: np.ndarray,
    z: np.ndarray,
    root_depth: ArrayLike,
    camera: Camera,
    known: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of a 3D model -> metric 3D.

    The root is the mean of the hips' rays at the root's depth, over the known
    hips; if neither is known, over all known points.

    Args:
        pixels: (N, K, 2) in the full image.
        z: (N, K), depth from the root in metres.
        root_depth: (N, ) in metres.
        camera: As of the module.
        known: (N, K) bool, the points that the model found. None: all.

    Returns:
        Camera space (N, K, 3), and the same from the root, both in metres.
    """
    depth = np.asarray(root_depth, np.float64)
    points = back_project(pixels, z + depth[:, None], camera)
    known = np.ones(z.shape, bool) if known is None else known
    is_hip = np.isin(np.arange(z.shape[1]), HIPS)
    use = np.where(
        (known & is_hip).any(1, keepdims=True),
        known & is_hip,
        known | ~known.any(1, keepdims=True),
    )
    share = use / use.sum(1, keepdims=True)
    root = back_project((pixels * share[..., None]).sum(1), depth, camera)
    return points, points - root[:, None]
