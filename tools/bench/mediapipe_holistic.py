#!/usr/bin/env python3
"""The 133 points that MediaPipe Holistic finds in boxes of photos, for
tools/bench/eval_photos.py. It stands alone, for a Python of its own:

python -m venv mp && mp/bin/pip install mediapipe==0.10.21 'numpy<2'
mp/bin/python tools/bench/mediapipe_holistic.py CASES.json OUT.npz

CASES.json is a list of [photo, x1, y1, x2, y2]. OUT.npz has ``points``
(N, 133, 2) in pixels of the photos, ``scores`` (N, 133), 0 where nothing was
found, and ``seconds`` (N, ) of each call.
"""

import json
import sys
import time
from typing import Any

import cv2
import numpy as np

#: How much more than the box a crop shows, as of RTMW.
PADDING = 1.25
#: MediaPipe's pose points of COCO's 17, then of big toe, small toe and heel,
#: left and right; it has no small toes.
BODY = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
FEET = (31, None, 29, 32, None, 30)
#: Points of its face mesh that are nearest to the 68 (jaw, brows, nose, eyes,
#: lips).
FACE = (
    127,
    234,
    93,
    132,
    58,
    136,
    150,
    176,
    152,
    400,
    379,
    365,
    288,
    361,
    323,
    454,
    356,
    70,
    63,
    105,
    66,
    107,
    336,
    296,
    334,
    293,
    300,
    168,
    197,
    5,
    4,
    75,
    97,
    2,
    326,
    305,
    33,
    160,
    158,
    133,
    153,
    144,
    362,
    385,
    387,
    263,
    373,
    380,
    61,
    39,
    37,
    0,
    267,
    269,
    291,
    405,
    314,
    17,
    84,
    181,
    78,
    82,
    13,
    312,
    308,
    317,
    14,
    87,
)


def crop_box(
    photo: np.ndarray, box: tuple[float, float, float, float]
) -> tuple[np.ndarray, tuple[float, float]]:
    """The square around a box, padded.

    Args:
        photo: (H, W, 3) uint8 BGR.
        box: x1, y1, x2, y2 in pixels.

    Returns:
        (S, S, 3) uint8, black outside the photo, and x, y of its corner in the
        photo.
    """
    x1, y1, x2, y2 = box
    half = max(x2 - x1, y2 - y1) * PADDING / 2
    left, top = ((x1 + x2) / 2 - half, (y1 + y2) / 2 - half)
    side = max(1, round(2 * half))
    matrix = np.array([[1, 0, -left], [0, 1, -top]])
    return cv2.warpAffine(photo, matrix, (side, side)), (left, top)


def to_wholebody(result: Any, size: int) -> tuple[np.ndarray, np.ndarray]:
    """MediaPipe's landmarks as COCO-WholeBody's points.

    Args:
        result: Of ``Holistic.process``.
        size: Side of the crop in pixels.

    Returns:
        (133, 2) in pixels of the crop and (133, ) scores in [0, 1], 0 where
        nothing was found.
    """
    points, scores = np.zeros((133, 2)), np.zeros(133)
    body, others = [], []
    if result.pose_landmarks:
        body = [
            (number, result.pose_landmarks.landmark[source])
            for number, source in enumerate((*BODY, *FEET))
            if source is not None
        ]
        for number, mark in body:
            scores[number] = mark.visibility
    if result.face_landmarks:
        others += [
            (23 + number, result.face_landmarks.landmark[source])
            for number, source in enumerate(FACE)
        ]
    for first, hand in (
        (91, result.left_hand_landmarks),
        (112, result.right_hand_landmarks),
    ):
        if hand:
            others += [
                (first + number, mark) for number, mark in enumerate(hand.landmark)
            ]
    scores[[number for number, _ in others]] = 1
    for number, mark in body + others:
        points[number] = mark.x * size - 0.5, mark.y * size - 0.5
    return points, scores


def main(cases: str, out: str) -> None:
    import mediapipe

    with open(cases) as file:
        rows = json.load(file)
    points, scores, seconds = [], [], []
    with mediapipe.solutions.holistic.Holistic(
        static_image_mode=True, model_complexity=1
    ) as holistic:
        for name, *box in rows:
            crop, corner = crop_box(cv2.imread(name), box)
            start = time.perf_counter()
            result = holistic.process(crop[..., ::-1].copy())
            seconds.append(time.perf_counter() - start)
            crop_points, crop_scores = to_wholebody(result, len(crop))
            points.append(crop_points + corner)
            scores.append(crop_scores)
    np.savez(
        out,
        points=np.reshape(points, (-1, 133, 2)),
        scores=np.reshape(scores, (-1, 133)),
        seconds=seconds,
    )


if __name__ == '__main__':
    main(*sys.argv[1:])
