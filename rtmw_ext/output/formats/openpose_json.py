"""OpenPose's JSON files.

Sources: https://github.com/CMU-Perceptual-Computing-Lab/openpose, "Output"; for the
canvas, https://github.com/Fannovel16/comfyui_controlnet_aux, its JSON of poses.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np

from ...core.people import MIN_SCORE, People
from ...core.skeleton import HALPE26_NAMES, HIPS, KEYPOINT_NAMES, PARTS, SHOULDERS
from ..base import (
    ANY_FRAME,
    RECORDS,
    ResultFormat,
    check_skeleton,
    records_of,
    register,
    scored_keypoints,
)
from ..files import to_json, write_file
from ..records import RecordFile, plain

#: Points of ours that a point of OpenPose's is; a pair is the middle of two.
Points = tuple[int | tuple[int, int], ...]

#: Middles of ours that Halpe has as points.
HALPE_MIDDLES = {SHOULDERS: 'neck', HIPS: 'hip'}
BODY_25: Points = (
    0,
    SHOULDERS,
    *(6, 8, 10),
    *(5, 7, 9),
    HIPS,
    *(12, 14, 16),
    *(11, 13, 15),
    *(2, 1, 4, 3),
    *(17, 18, 19),
    *(20, 21, 22),
)
COCO_18: Points = (
    0,
    SHOULDERS,
    *(6, 8, 10),
    *(5, 7, 9),
    *(12, 14, 16),
    *(11, 13, 15),
    *(2, 1, 4, 3),
)
BODY_FIELD = 'pose_keypoints_2d'
#: {field: points} beside those of the body. The face is our 68 points and the
#: pupils, for which the eyes stand.
PARTS_OF: dict[str, Points] = {
    'face_keypoints_2d': (*PARTS['face'], 2, 1),
    'hand_left_keypoints_2d': tuple(PARTS['left_hand']),
    'hand_right_keypoints_2d': tuple(PARTS['right_hand']),
}
#: {field: points} of each body.
POINTS: dict[str, Points] = {BODY_FIELD: BODY_25, **PARTS_OF}
POINTS_18: dict[str, Points] = {BODY_FIELD: COCO_18, **PARTS_OF}
#: BODY_25 as Halpe's 26 points.
HALPE_25: Points = tuple(
    HALPE26_NAMES.index(
        KEYPOINT_NAMES[point] if isinstance(point, int) else HALPE_MIDDLES[point]
    )
    for point in BODY_25
)
#: COCO's 17 points, and the first of Halpe's 26.
BODY_18: dict[str, Points] = {BODY_FIELD: COCO_18}


class _OpenPoseJson(ResultFormat):
    """A file for each image and frame."""

    suffix: ClassVar[str]
    #: {number of points: {field: points}}.
    layouts: ClassVar[dict[int, dict[str, Points]]]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._records: dict[str, RecordFile] = {}

    @classmethod
    def files(cls, name: str, is_video: bool) -> list[str]:
        whole = name + cls.suffix
        frames = f'{name}_{ANY_FRAME}{cls.suffix}' if is_video else whole
        return [frames, whole + RECORDS]

    def add(
        self,
        name: str,
        frame: int | None,
        people: People,
        time: float | None = None,
    ) -> None:
        check_skeleton(people, 'OpenPose')
        if name not in self._records:
            path = records_of(self.folder / (name + self.suffix))
            self._records[name] = RecordFile(path, self.run)
            if self._source is not None:
                self._records[name].begin(self._source)
        self._records[name].add(name, frame, time, people)
        layout = self.layouts[people.keypoints.shape[1]]
        # OpenPose writes empty lists of parts that it was not asked for.
        absent: dict[str, list[float]] = {
            field: [] for field in PARTS_OF if field not in layout
        }
        ids = [-1] * len(people) if people.ids is None else people.ids.tolist()
        persons = [
            dict(
                person_id=[person],
                **{
                    field: plain(self._values(select(points, numbers)).ravel())
                    for field, numbers in layout.items()
                },
                **absent,
            )
            for person, points in zip(ids, scored_keypoints(people))
        ]
        content = dict(version=1.3, people=persons, **self._canvas(name))
        if frame is not None:
            name = f'{name}_{frame:012d}'
        write_file(self.folder / (name + self.suffix), to_json(content).encode())
        if frame is None:
            self.end()

    def end(self) -> None:
        self.close()

    def close(self) -> None:
        while self._records:
            self._records.popitem()[1].close()

    def _values(self, points: np.ndarray) -> np.ndarray:
        """What is written of (P, 3) x, y, score."""
        return points

    def _canvas(self, name: str) -> dict[str, int]:
        """What is written of the size of an image or video."""
        return {}


@register('openpose', 'NAME_keypoints.json, with BODY_25, face and hands')
class OpenPoseJson(_OpenPoseJson):
    """``NAME_keypoints.json`` for an image and
    ``NAME_000000000000_keypoints.json`` for a frame, with BODY_25, 70 points
    of the face and 21 of each hand. Of Halpe's 26 points it has BODY_25 alone, of
    COCO's 17 COCO_18, as OpenPose's model of that name."""

    suffix = '_keypoints.json'
    layouts = {133: POINTS, 26: {BODY_FIELD: HALPE_25}, 17: BODY_18}


@register(
    'openpose18', 'NAME_keypoints18.json, with COCO_18 and canvas, for ControlNet'
)
class OpenPose18Json(_OpenPoseJson):
    """The same with COCO_18, in ``NAME_keypoints18.json``, and with
    ``canvas_width`` and ``canvas_height`` where they are known. ControlNet's and
    ComfyUI's readers leave out points with scores below 1: found points have 1,
    others are 0, 0, 0."""

    suffix = '_keypoints18.json'
    layouts = {133: POINTS_18, 26: BODY_18, 17: BODY_18}

    def _values(self, points: np.ndarray) -> np.ndarray:
        found = (points[:, 2] >= MIN_SCORE) & np.isfinite(points).all(1)
        values = np.where(found[:, None], points, 0)
        values[found, 2] = 1
        return values

    def _canvas(self, name: str) -> dict[str, int]:
        source = self._source
        if source is None or source.name != name or source.size is None:
            return {}
        return dict(zip(('canvas_width', 'canvas_height'), map(int, source.size)))


SUFFIXES = (OpenPoseJson.suffix, OpenPose18Json.suffix)


def select(points: np.ndarray, numbers: Points) -> np.ndarray:
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
