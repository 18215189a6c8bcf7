"""Names of points as OpenSim's models for Pose2Sim have them, and points that these
need besides.

Source: https://github.com/perfanalytics/pose2sim, ``Pose2Sim/skeletons.py``.

Shapes: T frames, K keypoints, M markers.
"""

from collections.abc import Sequence

import numpy as np

#: Parts of a name that differ.
_PARTS = {
    'eye': 'Eye',
    'ear': 'Ear',
    'shoulder': 'Shoulder',
    'elbow': 'Elbow',
    'wrist': 'Wrist',
    'hip': 'Hip',
    'knee': 'Knee',
    'ankle': 'Ankle',
    'big_toe': 'BigToe',
    'small_toe': 'SmallToe',
    'heel': 'Heel',
    'hand_root': 'Hand',
    # The models have markers at these joints.
    'thumb2': 'Thumb',
    'forefinger1': 'Index',
    'pinky_finger1': 'Pinky',
    **{f'thumb{number}': f'Thumb{number}' for number in (1, 3, 4)},
    **{f'forefinger{number}': f'Index{number}' for number in (2, 3, 4)},
    **{f'middle_finger{number}': f'Middle{number}' for number in range(1, 5)},
    **{f'ring_finger{number}': f'Ring{number}' for number in range(1, 5)},
    **{f'pinky_finger{number}': f'Pinky{number}' for number in (2, 3, 4)},
}
#: Rows of points of the face: the first, how many, and their name.
_FACE = (
    (0, 17, 'Jaw'),
    (17, 5, 'EyebrowR'),
    (22, 5, 'EyebrowL'),
    (27, 9, 'Nose'),
    (36, 6, 'REye'),
    (42, 6, 'LEye'),
    (48, 20, 'Mouth'),
)
#: Points half way between two others.
MIDDLES = {
    'Hip': ('left_hip', 'right_hip'),
    'Neck': ('left_shoulder', 'right_shoulder'),
}
_NAMES = {
    **{name: name.capitalize() for name in ('nose', 'head', 'neck', 'hip')},
    **{
        f'{side}_{part}': f'{side[0].upper()}{name}'
        for side in ('left', 'right')
        for part, name in _PARTS.items()
    },
    **{
        f'face-{first + number}': f'{name}{number + 1}'
        for first, count, name in _FACE
        for number in range(count)
    },
}


def markers(
    names: Sequence[str], points: np.ndarray
) -> tuple[list[str], list[str], np.ndarray]:
    """Points as markers, with the middles of hips and shoulders.

    Args:
        names: (K, ) of the points; those of no known model keep theirs.
        points: (T, K, 3).

    Returns:
        (M, ) names of the markers, (M, ) of the points and (T, M, 3).
    """
    labels = [_NAMES.get(name, name) for name in names]
    origins = list(names)
    columns = [points]
    for label, (one, two) in MIDDLES.items():
        if label not in labels and one in names and two in names:
            labels.append(label)
            origins.append(f'middle of {one} and {two}')
            places = [names.index(one), names.index(two)]
            columns.append(points[:, places].mean(1, keepdims=True))
    return labels, origins, np.concatenate(columns, 1)
