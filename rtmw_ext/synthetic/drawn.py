"""Drawn people with exact COCO-WholeBody keypoints, for demos and tests.

Shapes: K = 133 keypoints of a person (17 body, 6 feet, 68 face, 21 left
hand, 21 right hand); (K, 2) is x to the right and y down, in pixels, with
whole numbers at pixel centres; images are (H, W, 3) uint8 BGR; sizes are
(W, H).

A person is a frontal figure posed by joint angles.  The points come from the
skeleton and the picture is drawn from the points, so labels have no noise.
'Left' is the person's left, which is on the image's right.
"""

import json
import re
import zlib
from pathlib import Path

import cv2
import numpy as np

from ..core.errors import UsageError, WriteError
from ..core.skeleton import BODY_NAMES, FIELDS, NUM_KEYPOINTS

# The skeleton in COCO's own files, whose points count from 1.
BODY_LINKS = (
    (16, 14),
    (14, 12),
    (17, 15),
    (15, 13),
    (12, 13),
    (6, 12),
    (7, 13),
    (6, 7),
    (6, 8),
    (7, 9),
    (8, 10),
    (9, 11),
    (2, 3),
    (1, 2),
    (1, 3),
    (2, 4),
    (3, 5),
    (4, 6),
    (5, 7),
)

MIN_SIDE = 64
MIN_PERSON_WIDTH = 32

# Joint limits in degrees; limbs turn outwards from hanging straight down.
LIMITS = {
    'lean': (-7, 7),
    'tilt': (-14, 14),
    'shoulder': (15, 130),
    'elbow': (-25, 60),
    'wrist': (-18, 18),
    'hip': (2, 20),
    'knee': (-12, 6),
    'foot': (-8, 20),
}

# Lengths in figure heights; head and hands are large, to stay readable.
SHOULDER = (0.115, -0.27)
HIP = (0.065, 0.0)
UPPER_ARM, FOREARM, HAND = 0.15, 0.13, 0.15
THIGH, SHIN = 0.21, 0.21
NECK = (0.0, -0.29)
HEAD = (0.0, -0.395)
HEAD_RADII = (0.078, 0.1)
# Big toe, small toe and heel of a left foot, from the ankle: (out, down).
FOOT = ((0.045, 0.052), (0.066, 0.03), (-0.022, 0.032))

# Five fingers from the thumb on, in hand lengths: the base joint as (to the
# thumb side, away from the wrist), then degrees to the thumb side, length.
FINGERS = (
    (0.17, 0.16, 48, 0.48),
    (0.21, 0.50, 15, 0.42),
    (0.06, 0.54, 3, 0.46),
    (-0.09, 0.51, -9, 0.42),
    (-0.23, 0.44, -24, 0.36),
)
PHALANGES = np.array([0.0, 0.45, 0.75, 1.0])

UPPER = np.r_[
    0:11, FIELDS['face_kpts'], FIELDS['lefthand_kpts'], FIELDS['righthand_kpts']
]
ON_HEAD = np.r_[0:5, FIELDS['face_kpts']]
LEFT_TINT, RIGHT_TINT = (40, 110, 255), (255, 130, 30)
INK = (35, 30, 40)
SUBPIXEL_BITS = 4


def _turn(points, degrees):
    """Rotate (..., 2) so that 'down' swings towards positive x."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(points) @ np.array([[cos, -sin], [sin, cos]])


def _ring(center, radii, degrees):
    """Points on an ellipse; 0 degrees is image right, 90 is down."""
    angle = np.deg2rad(np.asarray(degrees, float))
    circle = np.stack([np.cos(angle), np.sin(angle)], -1)
    return np.asarray(center) + np.asarray(radii) * circle


def _angle(rng, joint):
    return rng.uniform(*LIMITS[joint])


def _sample_face(rng):
    """(68, 2) face points in head radii around the middle of the head."""
    yaw = rng.uniform(-0.1, 0.1)
    brow = rng.uniform(-0.4, -0.33)
    smile = rng.uniform(-0.05, 0.07)
    opening = rng.uniform(0.03, 0.1)
    jaw = _ring((0, 0), (1, 1), np.linspace(188, -8, 17))
    arch = np.array([0, 0.07, 0.1, 0.09, 0.04])
    right_brow = np.stack([np.linspace(-0.7, -0.18, 5), brow - arch], -1)
    left_brow = right_brow[::-1] * (-1, 1)
    bridge = np.stack([np.zeros(4), np.linspace(-0.14, 0.22, 4)], -1)
    nostrils = np.stack(
        [np.linspace(-0.17, 0.17, 5), (0.28, 0.32, 0.34, 0.32, 0.28)], -1
    )
    eyes = [
        _ring((x, -0.13), (0.21, 0.12), (180, 240, 300, 0, 60, 120))
        for x in (-0.42, 0.42)
    ]
    lips = _ring((0, 0.58), (0.38, opening + 0.08), 180 + 30 * np.arange(12))
    inner = _ring((0, 0.58), (0.27, opening), 180 + 45 * np.arange(8))
    mouth = np.concatenate([lips, inner])
    mouth[:, 1] -= smile * (mouth[:, 0] / 0.38) ** 2
    inside = np.concatenate([right_brow, left_brow, bridge, nostrils, *eyes, mouth])
    inside[:, 0] += yaw
    return np.concatenate([jaw, inside])


def _sample_hand(rng):
    """(21, 2) hand points from the wrist: (to the thumb side, away)."""
    spread = rng.uniform(0.85, 1.2)
    points = [np.zeros((1, 2))]
    for side, away, degrees, length in FINGERS:
        # Shorter fingers are ones bent towards the viewer.
        reach = length * rng.uniform(0.8, 1.0) * PHALANGES
        finger = np.stack([np.zeros(4), reach], -1)
        points.append((side, away) + _turn(finger, degrees * spread))
    return HAND * np.concatenate(points)


def _sample_side(rng, points, left) -> None:
    """Fill one side's limbs of (K, 2), in heights around the pelvis."""
    mirror = (1, 1) if left else (-1, 1)
    other = 0 if left else 1
    size = rng.uniform(0.94, 1.06, 4)

    shoulder = np.array(SHOULDER)
    upper = _angle(rng, 'shoulder')
    lower = upper + _angle(rng, 'elbow')
    elbow = shoulder + _turn((0, UPPER_ARM * size[0]), upper)
    wrist = elbow + _turn((0, FOREARM * size[1]), lower)
    # The palm faces the viewer, so a hanging hand's thumb points out.
    hand = wrist + _turn(_sample_hand(rng), lower + _angle(rng, 'wrist'))

    hip = np.array(HIP)
    thigh = _angle(rng, 'hip')
    shin = thigh + _angle(rng, 'knee')
    knee = hip + _turn((0, THIGH * size[2]), thigh)
    ankle = knee + _turn((0, SHIN * size[3]), shin)
    foot = ankle + _turn(FOOT, _angle(rng, 'foot'))

    joints = np.stack([shoulder, elbow, wrist, hip, knee, ankle])
    points[5 + other : 17 : 2] = mirror * joints
    points[17 + 3 * other : 20 + 3 * other] = mirror * foot
    part = FIELDS['lefthand_kpts' if left else 'righthand_kpts']
    points[part] = mirror * hand


def sample_person(
    rng: np.random.Generator, center: tuple[float, float], height: float
) -> np.ndarray:
    """Sample one frontal person in a random moderate pose.

    Args:
        rng: Source of the pose; the draws do not
            depend on ``center`` and ``height``.
        center: Pelvis (middle of the hips), pixels.
        height: Nominal height from crown to sole in pixels, > 0.

    Returns:
        (133, 2) float64 keypoints in pixels; they may lie
        anywhere, also outside an image.

    Raises:
        UsageError: If ``center`` is not two finite numbers or ``height`` is
            not a positive finite number.
    """
    center = np.asarray(center, float)
    if center.shape != (2,) or not np.isfinite(center).all():
        raise UsageError(f'center is {center.tolist()}; pass two finite numbers (x, y)')
    if not 0 < height < np.inf:
        raise UsageError(f'height is {height}; pass a positive number')

    points = np.zeros((NUM_KEYPOINTS, 2))
    _sample_side(rng, points, left=True)
    _sample_side(rng, points, left=False)

    face = HEAD + np.multiply(HEAD_RADII, _sample_face(rng))
    points[FIELDS['face_kpts']] = face
    points[0] = face[30]
    points[1], points[2] = face[42:48].mean(0), face[36:42].mean(0)
    ear = np.multiply(HEAD_RADII, (1.1, -0.08))
    points[3], points[4] = HEAD + ear, HEAD + ear * (-1, 1)

    points[ON_HEAD] = NECK + _turn(points[ON_HEAD] - NECK, _angle(rng, 'tilt'))
    points[UPPER] = _turn(points[UPPER], _angle(rng, 'lean'))
    return center + height * points


def _height(keypoints):
    """Nominal height of a figure, from its torso."""
    torso = keypoints[5:7].mean(0) - keypoints[11:13].mean(0)
    return np.linalg.norm(torso) / -SHOULDER[1]


def _crown(keypoints):
    """Top of the head (2,), which is no keypoint: opposite the chin."""
    jaw = keypoints[FIELDS['face_kpts']][:17]
    # Points 0 and 16 lie this far above the middle of the head.
    drop = np.sin(np.deg2rad(8))
    chin, top = jaw[8], (jaw[0] + jaw[16]) / 2
    return chin + (top - chin) * 2 / (1 + drop)


def _mix(color, other, share):
    mixed = (1 - share) * np.asarray(color) + share * np.asarray(other)
    return tuple(float(value) for value in mixed)


def _fixed(points):
    """Points in OpenCV's fixed-point form, for subpixel drawing."""
    scaled = np.asarray(points, float) * (1 << SUBPIXEL_BITS)
    return np.round(scaled).astype(np.int32).reshape(-1, 1, 2)


def _stroke(image, points, color, width, closed=False) -> None:
    cv2.polylines(
        image,
        [_fixed(points)],
        closed,
        color,
        max(1, round(width)),
        cv2.LINE_AA,
        SUBPIXEL_BITS,
    )


def _limb(image, points, color, width, outline) -> None:
    """A round-ended stroke with a dark rim, to part it from what's under."""
    _stroke(image, points, INK, width + 2 * outline)
    _stroke(image, points, color, width)


def _fill(image, points, color, rim=None, width=1) -> None:
    cv2.fillPoly(image, [_fixed(points)], color, cv2.LINE_AA, SUBPIXEL_BITS)
    if rim is not None:
        _stroke(image, points, rim, width, closed=True)


def _draw_foot(image, ankle, foot, color, unit) -> None:
    sole = cv2.convexHull(np.vstack([ankle, foot]).astype(np.float32))[:, 0]
    _fill(image, sole, color, INK, 0.025 * unit)
    _fill(image, sole, color, color, 0.012 * unit)


def _draw_hand(image, hand, color, unit) -> None:
    palm = hand[[0, 1, 5, 9, 13, 17]]
    _fill(image, palm, color, INK, 0.024 * unit)
    for index in range(5):
        finger = (
            np.vstack([hand[0], hand[1:5]])
            if index == 0
            else hand[1 + 4 * index : 5 + 4 * index]
        )
        # Every other finger is darker, so neighbours stay apart.
        shade = _mix(color, INK, 0.3 * (index % 2))
        _limb(image, finger, shade, 0.015 * unit, 0.0035 * unit)
    _fill(image, palm, color, color, 0.012 * unit)


def _draw_face(image, keypoints, skin, hair, unit):
    face = keypoints[FIELDS['face_kpts']]
    crown, chin = _crown(keypoints), face[8]
    middle = (crown + chin) / 2
    across = (face[16] - face[0]) / np.cos(np.deg2rad(8)) / 2
    turn = np.degrees(np.arctan2(across[1], across[0]))
    radii = np.array([np.linalg.norm(across), np.linalg.norm(chin - crown) / 2])

    def oval(center, size, start=0, stop=360):
        ring = _ring((0, 0), size, np.arange(start, stop + 1, 6))
        # The head turns like its ear line; _turn's sign is the opposite.
        return center + _turn(ring, -turn)

    _fill(image, oval(middle + (crown - middle) * 0.2, radii * (1.08, 0.93)), hair)
    for ear, tint in zip(keypoints[3:5], (LEFT_TINT, RIGHT_TINT)):
        _fill(
            image,
            oval(ear, radii * (0.16, 0.24)),
            _mix(skin, tint, 0.5),
            INK,
            0.005 * unit,
        )
    _fill(image, oval(middle, radii), skin)
    _fill(image, oval(middle, radii * 1.03, 222, 318), hair)
    _stroke(image, face[:17], INK, 0.005 * unit)

    fine = 0.003 * unit
    for brow, eye, tint in (
        (face[17:22], face[36:42], RIGHT_TINT),
        (face[22:27], face[42:48], LEFT_TINT),
    ):
        _stroke(image, brow, _mix(INK, tint, 0.35), 0.008 * unit)
        _fill(image, eye, (250, 250, 250), INK, fine)
        iris = np.linalg.norm(eye[1] - eye[5]) * 0.42
        _fill(image, oval(eye.mean(0), (iris, iris)), _mix(INK, tint, 0.3))
    nose = _mix(skin, INK, 0.6)
    _stroke(image, face[27:31], nose, fine)
    _stroke(image, face[31:36], nose, fine)
    _fill(image, face[48:60], (80, 70, 200), (60, 40, 130), fine)
    _fill(image, face[60:68], INK)


def draw_person(
    image: np.ndarray, keypoints: np.ndarray, rng: np.random.Generator
) -> None:
    """Draw one person in place.

    Args:
        image: (H, W, 3) uint8 BGR, changed in place.
        keypoints: (133, 2) as of :func:`sample_person`; what
            lies outside the image is cut.
        rng: Source of the colours.

    Raises:
        UsageError: If ``image`` or ``keypoints`` has another shape or type.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise UsageError(
            f'image is {image.dtype} {image.shape}; pass a uint8 array (H, W, 3)'
        )
    keypoints = _check_keypoints(keypoints)
    unit = _height(keypoints)
    rim = 0.006 * unit
    skin = _mix((150, 185, 235), (70, 100, 150), rng.uniform())
    hair = tuple(rng.uniform(15, 90, 3).tolist())
    shirt, trousers = rng.uniform(70, 220, (2, 3))
    sides = [
        (side, tint, FIELDS[hand])
        for side, tint, hand in (
            (0, LEFT_TINT, 'lefthand_kpts'),
            (1, RIGHT_TINT, 'righthand_kpts'),
        )
    ]

    for side, tint, _ in sides:
        hip, knee, ankle = keypoints[11 + side : 17 : 2]
        foot = keypoints[17 + 3 * side : 20 + 3 * side]
        cloth = _mix(trousers, tint, 0.55)
        _draw_foot(image, ankle, foot, _mix(INK, tint, 0.5), unit)
        _limb(image, [knee, ankle], _mix(cloth, (255,) * 3, 0.35), 0.05 * unit, rim)
        _limb(image, [hip, knee], cloth, 0.068 * unit, rim)

    corners = keypoints[[5, 6, 12, 11]]
    neck = corners[:2].mean(0)
    _limb(image, [neck, keypoints[31]], _mix(skin, INK, 0.15), 0.055 * unit, rim)
    _fill(image, corners, INK, INK, 0.062 * unit)
    _fill(image, corners, shirt.tolist(), shirt.tolist(), 0.05 * unit)
    _draw_face(image, keypoints, skin, hair, unit)

    for side, tint, hand in sides:
        shoulder, elbow, wrist = keypoints[5 + side : 11 : 2]
        _limb(image, [elbow, wrist], _mix(skin, tint, 0.3), 0.036 * unit, rim)
        _limb(image, [shoulder, elbow], _mix(shirt, tint, 0.55), 0.05 * unit, rim)
        _draw_hand(image, keypoints[hand], _mix(skin, tint, 0.25), unit)


def _background(rng, size):
    """(H, W, 3) uint8: a gradient with soft shapes and noise."""
    width, height = size
    colors = rng.uniform(60, 230, (2, 2, 3)).astype(np.float32)
    image = cv2.resize(colors, size, interpolation=cv2.INTER_LINEAR)
    for _ in range(rng.integers(2, 6)):
        color = rng.uniform(50, 240, 3).tolist()
        x, y = rng.uniform((0, 0), size)
        w, h = rng.uniform(0.05, 0.25, 2) * min(size)
        if rng.uniform() < 0.5:
            shape = np.array([(-w, -h), (w, -h), (w, h), (-w, h)])
        else:
            shape = _ring((0, 0), (w, h), np.arange(0, 360, 10))
        _fill(image, (x, y) + _turn(shape, rng.uniform(0, 90)), color)
    image = cv2.GaussianBlur(image, (0, 0), 0.006 * min(size) + 0.5)
    image += rng.normal(0, 5, (height, width, 1)).astype(np.float32)
    return np.clip(image, 0, 255).astype(np.uint8)


def draw_scene(
    rng: np.random.Generator, size: tuple[int, int], num_people: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Draw people side by side on a procedural background.

    Args:
        rng: Source of everything random.
        size: Image (W, H) in pixels, each >= 64.
        num_people: >= 1, with at least 32 pixels of width each.

    Returns:
        The image (H, W, 3), uint8 BGR,
        and per person (from left to right) the keypoints (133, 2).  People
        hardly overlap and may be cut slightly at the border.

    Raises:
        UsageError: If the size or the number of people is out of range.
    """
    size = _check_size(size)
    _check_people(num_people, num_people, size)
    image = _background(rng, size)
    slot = np.array([size[0] / num_people, size[1]])
    people = []
    for index in range(num_people):
        pose = sample_person(rng, (0, 0), 1.0)
        low, high = _extent(pose)
        extent = high - low
        fill = (1.05, rng.uniform(0.75, 1.0))
        height = np.min(slot * fill / extent)
        # A little more play than the slot has lets the border cut a person.
        play = np.maximum(slot - height * extent, 0) / 2 + 0.03 * height
        middle = slot * (index + 0.5, 0.5) + rng.uniform(-play, play)
        people.append(middle + height * (pose - (low + high) / 2))
        draw_person(image, people[-1], rng)
    return image, people


def _extent(keypoints):
    """Corners (2,), (2,) around the drawn figure, with its crown."""
    points = np.vstack([keypoints, _crown(keypoints)])
    margin = 0.025 * _height(keypoints)
    return points.min(0) - margin, points.max(0) + margin


def _box(low, high, size):
    """The xywh box between two corners, clipped to the image."""
    limit = np.subtract(size, 1)
    low, high = (np.clip(corner, 0, limit).round(2) for corner in (low, high))
    return [*low.tolist(), *(high - low).round(2).tolist()]


def annotation(
    keypoints: np.ndarray, image_id: int, ann_id: int, image_size: tuple[int, int]
) -> dict:
    """Describe one person as a COCO-WholeBody annotation.

    Args:
        keypoints: (133, 2) in pixels, as drawn.
        image_id: Id of the image.
        ann_id: Id of the annotation, unique in the file.
        image_size: Image (W, H) in pixels, each >= 64.

    Returns:
        JSON-ready fields of COCO-WholeBody v1.0.  Points are flat
        (x, y, v) rounded to 0.01 pixel, with v = 2 from 0 to W - 1 and H - 1
        and (0, 0, 0) outside; boxes are xywh in pixels, clipped to the same
        range; a part without a visible point has a zero box and is not
        valid.  ``num_keypoints`` counts body points, as COCO does.

    Raises:
        UsageError: If the keypoints are not finite (133, 2), if none is
            inside the image, or if the size is too small.
    """
    keypoints = _check_keypoints(keypoints)
    size = _check_size(image_size)
    limit = np.subtract(size, 1)
    inside = ((keypoints >= 0) & (keypoints <= limit)).all(1)
    if not inside.any():
        raise UsageError(
            f'no keypoint is inside the {size[0]}x{size[1]} '
            'image; leave such a person out'
        )

    flat = np.column_stack([keypoints.round(2), np.full(len(inside), 2)])
    flat[~inside] = 0
    box = _box(*_extent(keypoints), size)
    result = {
        'id': ann_id,
        'image_id': image_id,
        'category_id': 1,
        'iscrowd': 0,
        'bbox': box,
        # The share of its box a person covers, as for COCO without masks.
        'area': round(0.53 * box[2] * box[3], 2),
        'segmentation': [],
        'num_keypoints': int(inside[FIELDS['keypoints']].sum()),
    }
    for name, part in FIELDS.items():
        result[name] = [
            value for x, y, v in flat[part].tolist() for value in (x, y, int(v))
        ]
    result['foot_valid'] = bool(inside[FIELDS['foot_kpts']].any())
    for name in ('face', 'lefthand', 'righthand'):
        part = FIELDS[f'{name}_kpts']
        seen = keypoints[part][inside[part]]
        result[f'{name}_valid'] = len(seen) > 0
        result[f'{name}_box'] = (
            _box(seen.min(0), seen.max(0), size) if len(seen) else [0.0] * 4
        )
    return result


def write_dataset(
    root: str | Path,
    num_images: int,
    seed: int,
    size: tuple[int, int] = (320, 320),
    people: tuple[int, int] = (1, 2),
    split: str = 'train',
) -> Path:
    """Write drawn images with COCO-WholeBody annotations.

    Writes ``root/images/{split}/000000000001.jpg`` and so on, and
    ``root/annotations/{split}.json``; existing files are overwritten.  Equal
    arguments give byte-identical files, and image n does not depend on
    ``num_images``.

    Args:
        root: Folder to write to; made if missing.
        num_images: Number of images, >= 1.
        seed: Seed, >= 0; splits of one seed differ.
        size: Image (W, H) in pixels, each >= 64.
        people: Least and most people in an image, >= 1,
            with at least 32 pixels of width for each of the most.
        split: Name of the split: letters, digits, '_' and '-'.

    Returns:
        The annotation file.

    Raises:
        UsageError: If an argument is out of range.
        WriteError: If a file cannot be written.
    """
    if not _is_int(num_images) or num_images < 1:
        raise UsageError(f'num_images is {num_images}; pass a whole number >= 1')
    if not _is_int(seed) or seed < 0:
        raise UsageError(f'seed is {seed}; pass a whole number >= 0')
    size = _check_size(size)
    if len(people) != 2:
        raise UsageError(f'people is {people}; pass (least, most)')
    _check_people(*people, size)
    if not re.fullmatch(r'[A-Za-z0-9_-]+', split):
        raise UsageError(f"split is {split!r}; use letters, digits, '_' and '-' only")

    root = Path(root)
    image_dir = root / 'images' / split
    ann_file = root / 'annotations' / f'{split}.json'
    image_dir.mkdir(parents=True, exist_ok=True)
    ann_file.parent.mkdir(parents=True, exist_ok=True)

    images, annotations = [], []
    for image_id in range(1, num_images + 1):
        rng = np.random.default_rng([seed, zlib.crc32(split.encode()), image_id])
        count = int(rng.integers(people[0], people[1], endpoint=True))
        image, drawn = draw_scene(rng, size, count)
        path = image_dir / f'{image_id:012d}.jpg'
        if not cv2.imwrite(str(path), image):
            raise WriteError(f'cannot write {path}; check space and rights')
        images.append(
            {
                'id': image_id,
                'file_name': path.name,
                'width': size[0],
                'height': size[1],
            }
        )
        for keypoints in drawn:
            annotations.append(
                annotation(keypoints, image_id, len(annotations) + 1, size)
            )
    category = {
        'id': 1,
        'name': 'person',
        'supercategory': 'person',
        'keypoints': list(BODY_NAMES),
        'skeleton': [list(link) for link in BODY_LINKS],
    }
    content = {'images': images, 'annotations': annotations, 'categories': [category]}
    ann_file.write_text(json.dumps(content), encoding='utf-8')
    return ann_file


def _is_int(value):
    return isinstance(value, (int, np.integer))


def _check_keypoints(keypoints):
    keypoints = np.asarray(keypoints, float)
    if keypoints.shape != (NUM_KEYPOINTS, 2):
        raise UsageError(
            f'keypoints have shape {keypoints.shape}; pass ({NUM_KEYPOINTS}, 2)'
        )
    if not np.isfinite(keypoints).all():
        raise UsageError('keypoints hold a NaN or infinite value; pass finite pixels')
    return keypoints


def _check_size(size):
    if len(size) != 2 or not all(_is_int(side) and side >= MIN_SIDE for side in size):
        raise UsageError(
            f'size is {tuple(size)}; pass whole numbers '
            f'(width, height), each >= {MIN_SIDE}'
        )
    return int(size[0]), int(size[1])


def _check_people(least, most, size) -> None:
    if not _is_int(least) or not _is_int(most) or not 1 <= least <= most:
        raise UsageError(
            f'people is ({least}, {most}); pass whole numbers with 1 <= least <= most'
        )
    if most * MIN_PERSON_WIDTH > size[0]:
        raise UsageError(
            f'{most} people do not fit a width of {size[0]}; ask for at '
            f'most {size[0] // MIN_PERSON_WIDTH} or a wider image'
        )
