"""Points for sign language, by pose-format (https://github.com/sign-language-processing/pose).

Shapes: F frames, P persons, K keypoints, C points of a component.
"""

import io
from dataclasses import dataclass

import numpy as np

from ...core.skeleton import (
    HIPS,
    KEYPOINT_NAMES,
    LINKS,
    NUM_KEYPOINTS,
    PARTS,
    WRISTS,
    Link,
)
from ..track import Motion, MotionError, Track, roots, world_of
from .base import even_times, library, register, sample

#: Modules that write these files.
LIBRARIES = ('pose_format', 'pose_format.pose_header', 'pose_format.numpy')
#: {landmark of MediaPipe's body: point}, in its order.
#: Source: https://ai.google.dev/edge/mediapipe, "Pose landmark detection guide".
LANDMARKS = {
    'NOSE': 'nose',
    'LEFT_EYE_INNER': 'face-42',
    'LEFT_EYE': 'left_eye',
    'LEFT_EYE_OUTER': 'face-45',
    'RIGHT_EYE_INNER': 'face-39',
    'RIGHT_EYE': 'right_eye',
    'RIGHT_EYE_OUTER': 'face-36',
    'LEFT_EAR': 'left_ear',
    'RIGHT_EAR': 'right_ear',
    'MOUTH_LEFT': 'face-54',
    'MOUTH_RIGHT': 'face-48',
    'LEFT_SHOULDER': 'left_shoulder',
    'RIGHT_SHOULDER': 'right_shoulder',
    'LEFT_ELBOW': 'left_elbow',
    'RIGHT_ELBOW': 'right_elbow',
    'LEFT_WRIST': 'left_wrist',
    'RIGHT_WRIST': 'right_wrist',
    'LEFT_PINKY': 'left_pinky_finger1',
    'RIGHT_PINKY': 'right_pinky_finger1',
    'LEFT_INDEX': 'left_forefinger1',
    'RIGHT_INDEX': 'right_forefinger1',
    'LEFT_THUMB': 'left_thumb2',
    'RIGHT_THUMB': 'right_thumb2',
    'LEFT_HIP': 'left_hip',
    'RIGHT_HIP': 'right_hip',
    'LEFT_KNEE': 'left_knee',
    'RIGHT_KNEE': 'right_knee',
    'LEFT_ANKLE': 'left_ankle',
    'RIGHT_ANKLE': 'right_ankle',
    'LEFT_HEEL': 'left_heel',
    'RIGHT_HEEL': 'right_heel',
    'LEFT_FOOT_INDEX': 'left_big_toe',
    'RIGHT_FOOT_INDEX': 'right_big_toe',
}
#: MediaPipe's names of the 21 points of a hand.
HAND_LANDMARKS = (
    'WRIST',
    *(f'THUMB_{joint}' for joint in ('CMC', 'MCP', 'IP', 'TIP')),
    *(
        f'{finger}_{joint}'
        for finger in ('INDEX_FINGER', 'MIDDLE_FINGER', 'RING_FINGER', 'PINKY')
        for joint in ('MCP', 'PIP', 'DIP', 'TIP')
    ),
)
#: The landmarks of MediaPipe's face mesh at the 68 points.
# fmt: off
FACE_LANDMARKS = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380, 61, 39, 37, 0, 267, 269,
    291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)
# fmt: on
#: Component with all points in metres, y up, in the layout of COCO-WholeBody.
WORLD = 'WORLD'
_COLOR = (255, 0, 0)


@dataclass
class _Component:
    """
    Attributes:
        name: Of the component.
        points: Names of its points.
        rows: Of the 133 points.
        origin: The middle of these points has z = 0.
        links: Between its points.
        unit: Of the values: pixels, or metres from the hips or in the world.
    """

    name: str
    points: list[str]
    rows: list[int]
    origin: tuple[int, ...]
    links: list[Link]
    unit: str = 'pixels'


def _part(
    name: str, part: str, points: list[str], origin: tuple[int, ...]
) -> _Component:
    """A component of the points of a part; those of a body have feet."""
    rows = list(PARTS[part])
    links = LINKS[part]
    if part == 'body':
        rows, links = rows + list(PARTS['feet']), links + LINKS['feet']
    first = rows[0]
    local = [(start - first, end - first) for start, end in links]
    return _Component(name, points, rows, origin, local)


def _coco() -> list[_Component]:
    """The components of pose-format for COCO-WholeBody."""
    hand = [f'hand_{number}' for number in range(21)]
    names = list(KEYPOINT_NAMES)
    every = [link for links in LINKS.values() for link in links]
    return [
        _part('BODY', 'body', names[: PARTS['feet'].stop], HIPS),
        _part('FACE', 'face', [names[row] for row in PARTS['face']], HIPS),
        _part('LEFT_HAND', 'left_hand', hand, HIPS),
        _part('RIGHT_HAND', 'right_hand', hand, HIPS),
        _Component(WORLD, names, list(range(NUM_KEYPOINTS)), HIPS, every, 'world'),
    ]


def _holistic() -> list[_Component]:
    """The components of pose-format for MediaPipe Holistic."""
    names, rows = list(LANDMARKS), [KEYPOINT_NAMES.index(n) for n in LANDMARKS.values()]
    links = [
        (rows.index(start), rows.index(end))
        for start, end in LINKS['body'] + LINKS['feet']
        if start in rows and end in rows
    ]
    face = list(map(str, FACE_LANDMARKS))
    hand = list(HAND_LANDMARKS)
    ears = (KEYPOINT_NAMES.index('left_ear'), KEYPOINT_NAMES.index('right_ear'))
    parts = {name: (WRISTS[name],) for name in ('left_hand', 'right_hand')}
    return [
        _Component('POSE_LANDMARKS', names, rows, HIPS, links),
        _part('FACE_LANDMARKS', 'face', face, ears),
        *(
            _part(f'{name.upper()}_LANDMARKS', name, hand, origin)
            for name, origin in parts.items()
        ),
        _Component('POSE_WORLD_LANDMARKS', names, rows, HIPS, links, 'hips'),
    ]


@register(
    'pose',
    '.pose',
    'points of COCO-WholeBody for pose-format, all people',
    one_person=False,
    is_3d=False,
    libraries=LIBRARIES,
)
def encode_pose(motion: Motion) -> bytes:
    """A .pose file with pose-format's components of COCO-WholeBody at a constant
    rate over the whole clip: x and y in pixels, in 3D also z from the hips in pixels
    at their depth (smaller is nearer; 0 where the camera is not known), and a
    component ``WORLD`` with all points in metres, y up. A missing point has the
    confidence 0. Persons are in the order of their ids."""
    return _encode(motion, _coco(), depth_unit=1.0)


@register(
    'holistic',
    '.holistic.pose',
    'points as of MediaPipe Holistic for pose-format, all people',
    one_person=False,
    is_3d=False,
    libraries=LIBRARIES,
)
def encode_holistic(motion: Motion) -> bytes:
    """A .pose file with the components of MediaPipe Holistic, of the face the 68
    landmarks that we have. z is in widths of the image as MediaPipe has it, from
    hips, wrists, or the middle of the head; ``POSE_WORLD_LANDMARKS`` is in metres
    from the hips, x right, y down, z away."""
    width = float(motion.size[0]) if motion.size else 1.0
    return _encode(motion, _holistic(), depth_unit=width)


def _encode(motion: Motion, components: list[_Component], depth_unit: float) -> bytes:
    """A file of these components; ``depth_unit`` pixels of z count 1."""
    pose_format, header, arrays = map(library, LIBRARIES)
    if len(motion.names) != NUM_KEYPOINTS:
        raise MotionError(
            f'.pose files need the {NUM_KEYPOINTS} points of COCO-WholeBody, not '
            f'{len(motion.names)}'
        )
    is_3d = motion.is_3d
    if not is_3d:
        components = [
            component for component in components if component.unit == 'pixels'
        ]
    times = even_times(motion.times, motion.rate)
    columns = [
        _person(track, motion, components, times, depth_unit) for track in motion.tracks
    ]
    data = np.stack([values for values, _ in columns], 1)
    confidence = np.stack([scores for _, scores in columns], 1)
    width, height = motion.size or (0, 0)
    pose = pose_format.Pose(
        header.PoseHeader(
            0.2,
            header.PoseHeaderDimensions(width, height, 0),
            [
                header.PoseHeaderComponent(
                    component.name,
                    component.points,
                    component.links,
                    [_COLOR],
                    'XYZC' if is_3d else 'XYC',
                )
                for component in components
            ],
        ),
        arrays.NumPyPoseBody(fps=motion.rate, data=data, confidence=confidence),
    )
    file = io.BytesIO()
    pose.write(file)
    return file.getvalue()


def _person(
    track: Track,
    motion: Motion,
    components: list[_Component],
    times: np.ndarray,
    depth_unit: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(F, C, 2 or 3) values of all components and (F, C) scores; 0 where a point is
    missing."""
    values: dict[str, np.ndarray] = {}
    pixels = track.keypoints
    space = track.keypoints_3d_cam
    if space is not None and track.keypoints_3d is not None:
        values = dict(hips=track.keypoints_3d, world=world_of(track))
        hips = roots(space)[:, 2]
        focal = 0.0 if motion.camera is None else motion.camera['K'][0, 0]
        scale = focal / hips / depth_unit
    parts = []
    for component in components:
        part = values.get(component.unit, pixels)[:, component.rows]
        if component.unit == 'pixels' and space is not None:
            start = space[:, component.origin, 2].mean(1)
            # Where the origin is missing the hips stand for it.
            start = np.where(np.isfinite(start), start, hips)
            depth = (space[:, component.rows, 2] - start[:, None]) * scale[:, None]
            part = np.concatenate([part, depth[..., None]], 2)
        parts.append(part)
    rows = [row for component in components for row in component.rows]
    data = sample(track.times, np.concatenate(parts, 1).astype(np.float32), times)
    scores = sample(track.times, track.scores[:, rows], times)
    known = np.isfinite(data).all(2) & np.isfinite(scores)
    return np.where(known[..., None], data, 0), np.where(known, scores, 0)
