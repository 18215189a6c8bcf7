"""Files of results, in the formats that other programs read.

Shapes: N persons, K keypoints, M persons of all frames.

Each format is a class with ``add(name, frame, people)``, called for every
image (``frame`` is None) or frame, and ``close()``. A file is complete after
``close``, whatever was added by then.
"""

import csv
import json

import numpy as np

from ..core.errors import RTMWError
from ..core.skeleton import FIELDS, PARTS

NAMES = (
    'nose',
    'left_eye',
    'right_eye',
    'left_ear',
    'right_ear',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hip',
    'right_hip',
    'left_knee',
    'right_knee',
    'left_ankle',
    'right_ankle',
    'left_big_toe',
    'left_small_toe',
    'left_heel',
    'right_big_toe',
    'right_small_toe',
    'right_heel',
    *(f'face-{number}' for number in range(68)),
    *(
        f'{side}_{part}'
        for side in ('left', 'right')
        for part in (
            'hand_root',
            'thumb1',
            'thumb2',
            'thumb3',
            'thumb4',
            *(
                f'{finger}{number}'
                for finger in (
                    'forefinger',
                    'middle_finger',
                    'ring_finger',
                    'pinky_finger',
                )
                for number in range(1, 5)
            ),
        )
    ),
)
#: OpenPose's BODY_25 as our points; a pair is the middle of two.
BODY_25 = (
    0,
    (5, 6),
    6,
    8,
    10,
    5,
    7,
    9,
    (11, 12),
    12,
    14,
    16,
    11,
    13,
    15,
    2,
    1,
    4,
    3,
    17,
    18,
    19,
    20,
    21,
    22,
)
#: OpenPose's face is our 68 points and the pupils, for which the eyes stand.
OPENPOSE = {
    'pose': BODY_25,
    'face': (*PARTS['face'], 2, 1),
    'hand_left': tuple(PARTS['left_hand']),
    'hand_right': tuple(PARTS['right_hand']),
}


class ResultError(RTMWError, ValueError):
    """Results cannot be written in a format; the text says why."""


def point_names(count):
    """Names of K points: COCO-WholeBody's, or numbers."""
    return NAMES if count == len(NAMES) else tuple(map(str, range(count)))


def records(people):
    """Plain data with the keys of mmpose's JSON results, one dict a person:
    ``keypoints`` K x [x, y] in pixels, ``keypoint_scores``, ``bbox``
    [x1, y1, x2, y2], ``bbox_score``, and, where there are any, ``id`` and
    K x [x, y, z] in metres, ``keypoints_3d`` from the hips and
    ``keypoints_3d_cam`` from the camera."""
    found = []
    for number in range(len(people)):
        record = dict(
            keypoints=people.keypoints[number].tolist(),
            keypoint_scores=people.scores[number].tolist(),
            bbox=people.boxes[number].tolist(),
            bbox_score=float(people.box_scores[number]),
        )
        for name in ('keypoints_3d', 'keypoints_3d_cam'):
            if getattr(people, name) is not None:
                record[name] = getattr(people, name)[number].tolist()
        if people.ids is not None:
            record['id'] = int(people.ids[number])
        found.append(record)
    return found


def _whole_body(people, what):
    if people.keypoints.shape[1] != len(NAMES):
        raise ResultError(
            f'{what} results need the {len(NAMES)} whole-body '
            f'points, but the model finds '
            f'{people.keypoints.shape[1]}: write json, csv or '
            'npz'
        )


class Json:
    """``NAME.json``: an image's list of persons, or a video's list of
    ``frame_id`` and ``instances`` (mmpose's layout)."""

    def __init__(self, folder):
        self.folder, self.frames = folder, {}

    def add(self, name, frame, people):
        if frame is None:
            self._write(name, records(people))
        else:
            self.frames.setdefault(name, []).append(
                dict(frame_id=frame, instances=records(people))
            )

    def close(self):
        for name, frames in self.frames.items():
            self._write(name, frames)

    def _write(self, name, content):
        (self.folder / f'{name}.json').write_text(json.dumps(content))


class Coco:
    """``coco_results.json``: COCO-WholeBody's result list. ``image_id`` is
    the number that the file's name is, else a running one; ``file_name`` and
    ``frame`` say which it was."""

    def __init__(self, folder):
        self.folder, self.images, self.found = folder, 0, []

    def add(self, name, frame, people):
        _whole_body(people, 'COCO')
        self.images += 1
        numbered = frame is None and name.isdigit()
        for number in range(len(people)):
            points = np.concatenate(
                [people.keypoints[number], people.scores[number][:, None]], 1
            )
            x1, y1, x2, y2 = people.boxes[number].tolist()
            self.found.append(
                dict(
                    image_id=int(name) if numbered else self.images,
                    file_name=name,
                    frame=frame,
                    category_id=1,
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    score=float(
                        people.box_scores[number] * people.scores[number].mean()
                    ),
                    **{
                        field: points[part].ravel().tolist()
                        for field, part in FIELDS.items()
                    },
                )
            )

    def close(self):
        (self.folder / 'coco_results.json').write_text(json.dumps(self.found))


class OpenPose:
    """``NAME_keypoints.json``, for a video ``NAME_000000000000_keypoints``:
    OpenPose's files with BODY_25, 70 face and 21 hand points."""

    def __init__(self, folder):
        self.folder = folder

    def add(self, name, frame, people):
        _whole_body(people, 'OpenPose')
        found = []
        for number in range(len(people)):
            points = np.concatenate(
                [people.keypoints[number], people.scores[number][:, None]], 1
            )
            person = dict(
                person_id=[-1 if people.ids is None else int(people.ids[number])]
            )
            for part, places in OPENPOSE.items():
                person[f'{part}_keypoints_2d'] = (
                    np.stack([_middle(points, place) for place in places])
                    .ravel()
                    .tolist()
                )
            found.append(person)
        if frame is not None:
            name = f'{name}_{frame:012d}'
        (self.folder / f'{name}_keypoints.json').write_text(
            json.dumps(dict(version=1.3, people=found))
        )

    def close(self):
        """Every file is written already."""


def _middle(points, place):
    if isinstance(place, int):
        return points[place]
    pair = points[list(place)]
    return np.append(pair[:, :2].mean(0), pair[:, 2].min())


class Csv:
    """``keypoints.csv``: a row for each point of each person."""

    def __init__(self, folder):
        self.file = (folder / 'keypoints.csv').open('w', newline='')
        self.rows = csv.writer(self.file)
        self.rows.writerow(
            (
                'image',
                'frame',
                'person',
                'point',
                'name',
                'x',
                'y',
                'score',
                'x_3d',
                'y_3d',
                'z_3d',
            )
        )

    def add(self, name, frame, people):
        names = point_names(people.keypoints.shape[1])
        for number in range(len(people)):
            person = number if people.ids is None else people.ids[number]
            for place, (x, y) in enumerate(people.keypoints[number]):
                deep = (
                    ('', '', '')
                    if people.keypoints_3d is None
                    else [
                        f'{value:.5f}' for value in people.keypoints_3d[number, place]
                    ]
                )
                self.rows.writerow(
                    (
                        name,
                        '' if frame is None else frame,
                        person,
                        place,
                        names[place],
                        f'{x:.3f}',
                        f'{y:.3f}',
                        f'{people.scores[number, place]:.5f}',
                        *deep,
                    )
                )
        self.file.flush()

    def close(self):
        self.file.close()


class Npz:
    """``keypoints.npz``: ``image`` (M, ), ``frame`` (M, ), -1 for images,
    ``keypoints`` (M, K, 2), ``scores`` (M, K), ``boxes`` (M, 4),
    ``box_scores`` (M, ), ``names`` (K, ) and, where there are any, ``ids``
    (M, ), ``keypoints_3d`` and ``keypoints_3d_cam`` (M, K, 3)."""

    def __init__(self, folder):
        self.folder, self.columns, self.names = folder, {}, ()

    def add(self, name, frame, people):
        self.names = point_names(people.keypoints.shape[1])
        columns = dict(
            image=np.full(len(people), name, object),
            frame=np.full(len(people), -1 if frame is None else frame),
            **{key: value for key, value in vars(people).items() if value is not None},
        )
        for key, value in columns.items():
            self.columns.setdefault(key, []).append(value)

    def close(self):
        columns = {key: np.concatenate(values) for key, values in self.columns.items()}
        if columns:
            columns['image'] = columns['image'].astype(str)
        np.savez_compressed(
            self.folder / 'keypoints.npz', names=np.array(self.names), **columns
        )


FORMATS = dict(json=Json, coco=Coco, openpose=OpenPose, csv=Csv, npz=Npz)
