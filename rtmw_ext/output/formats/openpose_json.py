"""OpenPose's JSON files.

Source: https://github.com/CMU-Perceptual-Computing-Lab/openpose, "Output".
"""

from pathlib import Path

import numpy as np

from ...core.people import People
from ...core.skeleton import PARTS
from ..base import (
    ANY_FRAME,
    RECORDS,
    ResultFormat,
    check_whole_body,
    records_of,
    register,
    scored_keypoints,
)
from ..files import to_json, write_file
from ..records import RecordFile, Source, plain

SUFFIX = '_keypoints.json'

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

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._source: Source | None = None
        self._records: dict[str, RecordFile] = {}

    @classmethod
    def files(cls, name: str, is_video: bool) -> list[str]:
        frames = f'{name}_{ANY_FRAME}{SUFFIX}' if is_video else name + SUFFIX
        return [frames, name + SUFFIX + RECORDS]

    def begin(self, source: Source) -> None:
        self._source = source

    def add(
        self,
        name: str,
        frame: int | None,
        people: People,
        time: float | None = None,
    ) -> None:
        check_whole_body(people, 'OpenPose')
        if name not in self._records:
            path = records_of(self.folder / (name + SUFFIX))
            self._records[name] = RecordFile(path, self.run)
            if self._source is not None:
                self._records[name].begin(self._source)
        self._records[name].add(name, frame, time, people)
        ids = [-1] * len(people) if people.ids is None else people.ids.tolist()
        persons = [
            dict(
                person_id=[person],
                **{
                    field: plain(select(points, numbers).ravel())
                    for field, numbers in POINTS.items()
                },
            )
            for person, points in zip(ids, scored_keypoints(people))
        ]
        if frame is not None:
            name = f'{name}_{frame:012d}'
        write_file(
            self.folder / (name + SUFFIX),
            to_json(dict(version=1.3, people=persons)).encode(),
        )
        if frame is None:
            self.end()

    def end(self) -> None:
        self.close()

    def close(self) -> None:
        while self._records:
            self._records.popitem()[1].close()


def select(
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
