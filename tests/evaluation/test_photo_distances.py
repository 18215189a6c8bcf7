"""Distances and reliability on people who are labelled in part."""

import json

import numpy as np
import pytest

from rtmw_ext.core.skeleton import FIELDS, PARTS
from rtmw_ext.evaluation.photos import (
    EYE_CORNERS,
    PhotoSet,
    face_error,
    hand_errors,
    pck,
    read_photo_set,
    reliability,
    score_outcomes,
)


@pytest.fixture
def truth():
    """Two persons: a body in a box of 100 x 200, then a face and a hand."""
    points = np.random.default_rng(0).uniform(20, 80, (2, 133, 2))
    known = np.zeros((2, 133), bool)
    known[0, :17] = True
    known[1, list(PARTS['face'])] = True
    known[1, list(PARTS['right_hand'])] = True
    points[1, EYE_CORNERS[0]], points[1, EYE_CORNERS[1]] = (30, 40), (60, 80)
    points[1, 112], points[1, 113] = (0, 0), (40, 90)
    boxes = np.array([[0.0, 0, 100, 200], [0, 0, 100, 100]])
    return PhotoSet([None, None], boxes, points, known)


def test_read_set(tmp_path):
    values = np.zeros((133, 3))
    values[3] = 5, 6, 2
    values[91] = 7, 8, 1
    row = {field: values[part].reshape(-1).tolist() for field, part in FIELDS.items()}
    (tmp_path / 'val.json').write_text(
        json.dumps(
            dict(
                images=[dict(id=4, file_name='a.jpg')],
                annotations=[dict(image_id=4, bbox=[1, 2, 10, 20], **row)],
            )
        )
    )
    people = read_photo_set(tmp_path / 'val.json', tmp_path)
    assert people.paths == [tmp_path / 'a.jpg'] and len(people) == 1
    assert people.boxes.tolist() == [[1, 2, 11, 22]]
    assert np.flatnonzero(people.known[0]).tolist() == [3, 91]
    assert people.points[0, 91].tolist() == [7, 8]


def test_pck_counts_in_longer_sides_of_the_box(truth):
    points = truth.points.copy()
    points[0, :5] += 0, 19.0  # 0.095 of 200
    points[0, 5:8] += 0, 21.0
    assert pck(truth, points, PARTS['body'], 0.1) == pytest.approx(14 / 17)
    assert np.isnan(pck(truth, points, PARTS['feet'], 0.1))


def test_faces_count_in_distances_of_the_eye_corners(truth):
    points = truth.points + (3.0, 4.0)  # 5 of 50
    assert face_error(truth, points) == (pytest.approx(0.1), 1)
    value, count = face_error(truth, points, np.array([True, False]))
    assert np.isnan(value) and count == 0


def test_hands_count_in_longer_sides_of_the_hand(truth):
    errors = hand_errors(truth, truth.points + (0, 9.0))
    assert errors.shape == (1, 21) and np.allclose(errors, 0.1)
    truth.known[1, PARTS['right_hand'][8:]] = False  # Fewer than half.
    assert hand_errors(truth, truth.points).shape == (0, 21)


def test_scores_are_judged_by_their_part(truth):
    points = truth.points.copy()
    points[1, 112] += 0, 4.0  # 0.044 of the hand
    points[1, 113] += 0, 5.0
    scores = np.arange(2 * 133).reshape(2, 133) / 266
    sure, right = score_outcomes(truth, points, scores, 'hand')
    assert np.array_equal(sure, scores[1, 112:133])
    assert right.tolist() == [True, False] + [True] * 19
    assert len(score_outcomes(truth, points, scores, 'body')[0]) == 17


def test_reliability():
    rng = np.random.default_rng(0)
    scores = rng.uniform(size=40000)
    honest = rng.uniform(size=40000) < scores
    assert reliability(scores, honest)[0] < 0.02
    error, rows = reliability(np.full(100, 0.95), np.arange(100) < 60)
    assert error == pytest.approx(0.35)
    assert rows[9].tolist() == pytest.approx([0.95, 0.6, 100])
    assert np.isnan(rows[0, 0]) and rows[0, 2] == 0
