"""Drawn people with exact 3D truth, in the file format of H3WB.

Shapes: K = 133 keypoints; (K, 3) is in metres in camera axes (x right, y
down, z away); pictures are (H, W, 3) uint8 BGR; sizes are (W, H).

The flat figures of :mod:`drawn` get depth: arms swing about the shoulders and
elbows, legs about the hips and knees, the face is a curved surface, the
person turns. A pinhole camera projects the points and the picture is drawn
from the projections, so that neither 2D nor 3D labels have noise.
"""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from ..core.errors import WriteError
from ..core.geometry import project
from ..core.skeleton import HIPS, PARTS
from . import drawn

# Limits in degrees; a positive swing of a limb goes towards the viewer.
ARM, FOREARM, THIGH, SHIN, TURN = 50, 50, 35, 35, 20
#: Focal length in picture widths, and the distance in body heights.
FOCAL = 1.25
DISTANCE = (1.75, 2.1)


def _swing(points, chain, joint, axis, degrees) -> None:
    """Rotates a chain about a joint: about the vertical axis (1) or, for
    what hangs, about the horizontal one (0)."""
    angle = np.deg2rad(degrees)
    turned = 1 - axis
    offset = points[chain] - points[joint]
    cos, sin = np.cos(angle), np.sin(angle)
    side, depth = offset[:, turned].copy(), offset[:, 2].copy()
    offset[:, turned] = cos * side - sin * depth
    offset[:, 2] = sin * side + cos * depth
    points[chain] = points[joint] + offset


def sample_person_3d(rng: np.random.Generator, height: float = 1.7) -> np.ndarray:
    """A person in a random moderate pose, facing the camera.

    Args:
        rng: Source of the pose.
        height: From crown to sole in metres, > 0.

    Returns:
        (K, 3) in metres from the pelvis (the middle of the hips).
    """
    flat = drawn.sample_person(rng, (0, 0), 1.0)
    points = np.column_stack([flat, np.zeros(len(flat))])
    # A face and feet stand out from the plane of the body.
    face = [*range(5), *PARTS['face']]
    middle = points[PARTS['face']].mean(0)
    spread = np.linalg.norm((points[face, :2] - middle[:2]) / drawn.HEAD_RADII, axis=1)
    points[face, 2] = -0.06 * np.sqrt(np.clip(1.2 - spread**2, 0, None))
    points[[0, 53], 2] -= 0.015
    for toes in ([17, 18], [20, 21]):
        points[toes, 2] -= 0.06
    for side, hand, sign in ((0, PARTS['left_hand'], -1), (1, PARTS['right_hand'], 1)):
        arm, forearm = rng.uniform((-10, 0), (ARM, FOREARM))
        elbow, wrist = 7 + side, 9 + side
        _swing(points, [wrist, *hand], elbow, 1, sign * forearm)
        _swing(points, [elbow, wrist, *hand], 5 + side, 1, sign * arm)
        thigh, shin = rng.uniform((-10, 0), (THIGH, SHIN))
        hip, knee, ankle = 11 + side, 13 + side, 15 + side
        foot = range(17 + 3 * side, 20 + 3 * side)
        _swing(points, [ankle, *foot], knee, 0, shin)
        _swing(points, [knee, ankle, *foot], hip, 0, -thigh)
    origin = points[list(HIPS)].mean(0)
    everything = np.arange(len(points))
    points = np.vstack([points, origin])
    _swing(points, everything, -1, 1, rng.uniform(-TURN, TURN))
    return height * (points[:-1] - origin)


def draw_person_3d(
    rng: np.random.Generator, size: tuple[int, int], height: float = 1.7
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture of one person.

    Args:
        rng: Source of everything random.
        size: Picture (W, H) in pixels, each >= 64.
        height: Of the person in metres, > 0.

    Returns:
        The picture, the points (K, 3) in
        camera space in metres, and the points (K, 2) in pixels.
    """
    points = sample_person_3d(rng, height)
    camera = pinhole(size)
    low, high = points.min(0), points.max(0)
    points -= (low + high) * (0.5, 0.5, 0)
    points[:, 2] += height * rng.uniform(*DISTANCE)
    pixels = project(points, camera)
    image = drawn._background(rng, size)
    drawn.draw_person(image, pixels, rng)
    return image, points, pixels


def pinhole(size: tuple[int, int]) -> dict[str, np.ndarray]:
    """The camera of every picture of a size (W, H)."""
    width, height = size
    focal = FOCAL * width
    return dict(
        K=np.array(
            [[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]]
        )
    )


def write_h3wb(
    path: str | Path,
    image_root: str | Path,
    subject: str,
    count: int,
    seed: int,
    size: tuple[int, int] = (320, 320),
    unknown_3d: Iterable[int] = (),
) -> None:
    """Writes pictures and one H3WB file of a subject with one camera.

    Pictures are ``image_root/<subject>/Images/drawn.0/frame_<n>.jpg``, as
    ``H3WBDataset`` looks for them; equal arguments give equal pictures.

    Args:
        path: The ``.npz`` to write.
        image_root: Folder of the pictures.
        subject: ``'S1'``, say: it decides the split.
        count: Number of pictures, >= 1.
        seed: Seed, >= 0.
        size: Picture (W, H) in pixels, each >= 64.
        unknown_3d: Frames whose 3D is left out (NaN).

    Raises:
        WriteError: A file cannot be written.
    """
    folder = Path(image_root) / subject / 'Images' / 'drawn.0'
    folder.mkdir(parents=True, exist_ok=True)
    boxes, all_points, all_pixels = {}, [], []
    for frame in range(count):
        rng = np.random.default_rng([seed, frame])
        image, points, pixels = draw_person_3d(rng, size)
        file = folder / f'frame_{frame}.jpg'
        if not cv2.imwrite(str(file), image):
            raise WriteError(f'cannot write {file}; check space and rights')
        x, y, w, h = drawn.annotation(pixels, 1, 1, size)['bbox']
        boxes[subject, 'drawn', '0', frame] = dict(
            x_min=x, y_min=y, x_max=x + w, y_max=y + h
        )
        if frame in unknown_3d:
            points = np.full_like(points, np.nan)
        all_points.append(points)
        all_pixels.append(pixels)
    matrix = pinhole(size)['K']
    matrix[:2] /= 1000
    np.savez(
        path,
        train_data=np.array(
            {
                subject: {
                    'drawn': {
                        'frame_id': np.arange(count),
                        '0': {
                            'pose_2d': np.array(all_pixels),
                            'camera_3d': np.array(all_points) * 1000,
                        },
                    }
                }
            },
            dtype=object,
        ),
        metadata=np.array(
            {subject: {'0': {'K': matrix[None], 'Distortion': np.zeros((1, 5))}}},
            dtype=object,
        ),
        bbox=np.array(boxes, dtype=object),
    )
