"""OpenPose's JSON files.

Source: https://github.com/CMU-Perceptual-Computing-Lab/openpose, "Output".
"""

import json

import numpy as np

from ...core.people import People
from ...core.skeleton import PARTS
from ..base import ResultFormat, check_whole_body, register, scored_keypoints

#: BODY_25 as points of ours; a pair is the middle of two.
BODY_25: tuple[int | tuple[int, int], ...] = (
    0,
    (5, 6),
    *(6, 8, 10),
    *(5, 7, 9),
    (11, 12),
    *(12, 14, 16),
    *(11, 13, 15),
    *(2, 1, 4, 3),
    *(17, 18, 19),
    *(20, 21, 22),
)
#: {field: points}. The face is our 68 points and the pupils, for which the
#: eyes stand.
POINTS: dict[str, tuple[int | tuple[int, int], ...]] = {
    'pose_keypoints_2d': BODY_25,
    'face_keypoints_2d': (*PARTS['face'], 2, 1),
    'hand_left_keypoints_2d': tuple(PARTS['left_hand']),
    'hand_right_keypoints_2d': tuple(PARTS['right_hand']),
}


@register('openpose', 'NAME_keypoints.json, with BODY_25, face and hands')
class OpenPoseJson(ResultFormat):
    """``NAME_keypoints.json`` for an image and
    ``NAME_000000000000_keypoints.json`` for a frame, with BODY_25, 70 points
    of the face and 21 of each hand."""

    def add(self, name: str, frame: int | None, people: People) -> None:
        check_whole_body(people, 'OpenPose')
        ids = [-1] * len(people) if people.ids is None else people.ids.tolist()
        persons = [
            dict(
                person_id=[person],
                **{
                    field: _select(points, numbers).ravel().tolist()
                    for field, numbers in POINTS.items()
                },
            )
            for person, points in zip(ids, scored_keypoints(people))
        ]
        if frame is not None:
            name = f'{name}_{frame:012d}'
        (self.folder / f'{name}_keypoints.json').write_text(
            json.dumps(dict(version=1.3, people=persons))
        )

    def close(self) -> None:
        """Every file is complete once it is added."""


def _select(
    points: np.ndarray, numbers: tuple[int | tuple[int, int], ...]
) -> np.ndarray:
    """The rows of (K, 3) x, y, score that ``numbers`` name; of a pair, the
    middle with the lower score."""
    rows = []
    for number in numbers:
        if isinstance(number, int):
            rows.append(points[number])
        else:
            pair = points[list(number)]
            rows.append(np.append(pair[:, :2].mean(0), pair[:, 2].min()))
    return np.stack(rows)
