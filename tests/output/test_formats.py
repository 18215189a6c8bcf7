"""Every format of result files holds the points of its people."""

import csv
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.people import People
from rtmw_ext.core.skeleton import FIELDS, KEYPOINT_NAMES
from rtmw_ext.output import FORMATS, ResultError, ResultFormat
from rtmw_ext.output.base import records
from rtmw_ext.output.formats.coco_json import coco_rows
from rtmw_ext.output.formats.openpose_json import BODY_25, POINTS
from support.examples import examples

K = len(KEYPOINT_NAMES)
#: Names and frames of an image and of a video.
INPUTS = ([('photo', None)], [('clip', 0), ('clip', 1)])


def make_people(count, seed=0, ids=False, three_d=False, keypoints=K):
    rng = np.random.default_rng(seed)
    metres = rng.normal(0, 2, (2, count, keypoints, 3)).astype(np.float32)
    return People(
        rng.uniform(-50, 4000, (count, keypoints, 2)).astype(np.float32),
        rng.uniform(0, 1.2, (count, keypoints)).astype(np.float32),
        rng.uniform(0, 4000, (count, 4)).astype(np.float32),
        rng.uniform(0, 1, count).astype(np.float32),
        metres[0] if three_d else None,
        metres[1] if three_d else None,
        3 + np.arange(count) if ids else None,
    )


def write(format_name, folder, inputs, batches):
    results = FORMATS[format_name](folder)
    for (name, frame), people in zip(inputs, batches):
        results.add(name, frame, people)
    results.close()


# What other programs read: {(name, frame): (N, 133, 3) x, y, score}.


def read_json(folder, inputs):
    points = {}
    for name, frame in inputs:
        rows = json.loads((folder / f'{name}.json').read_text())
        if frame is not None:
            assert rows[frame]['frame_id'] == frame
            rows = rows[frame]['instances']
        points[name, frame] = [
            np.column_stack([row['keypoints'], row['keypoint_scores']]) for row in rows
        ]
    return points


def read_coco(folder, inputs):
    points = {place: [] for place in inputs}
    for row in json.loads((folder / 'coco_results.json').read_text()):
        flat = np.concatenate([row[field] for field in FIELDS])
        points[row['file_name'], row['frame']].append(flat.reshape(K, 3))
    return points


def read_openpose(folder, inputs):
    points = {}
    for name, frame in inputs:
        stem = name if frame is None else f'{name}_{frame:012d}'
        content = json.loads((folder / f'{stem}_keypoints.json').read_text())
        points[name, frame] = persons = []
        for row in content['people']:
            person = np.full((K, 3), np.nan)
            for field, numbers in POINTS.items():
                values = np.reshape(row[field], (-1, 3))
                assert len(values) == len(numbers)
                for number, value in zip(numbers, values):
                    if isinstance(number, int):
                        person[number] = value
            persons.append(person)
    return points


def read_csv(folder, inputs):
    points = {place: [] for place in inputs}
    with (folder / 'keypoints.csv').open() as file:
        for row in csv.DictReader(file):
            frame = int(row['frame']) if row['frame'] else None
            persons = points[row['image'], frame]
            if row['point'] == '0':
                persons.append(np.empty((K, 3)))
            values = [float(row[key]) for key in ('x', 'y', 'score')]
            persons[-1][int(row['point'])] = values
            assert row['name'] == KEYPOINT_NAMES[int(row['point'])]
    return points


def read_npz(folder, inputs):
    with np.load(folder / 'keypoints.npz') as arrays:
        assert arrays['names'].tolist() == list(KEYPOINT_NAMES)
        points = np.concatenate([arrays['keypoints'], arrays['scores'][..., None]], 2)
        return {
            (name, frame): points[
                (arrays['image'] == name)
                & (arrays['frame'] == (-1 if frame is None else frame))
            ]
            for name, frame in inputs
        }


READERS = dict(
    json=read_json,
    coco=read_coco,
    openpose=read_openpose,
    csv=read_csv,
    npz=read_npz,
)


def check(format_name, inputs, batches):
    with tempfile.TemporaryDirectory() as folder:
        write(format_name, Path(folder), inputs, batches)
        points = READERS[format_name](Path(folder), inputs)
    for place, people in zip(inputs, batches):
        assert len(points[place]) == len(people)
        expected = np.concatenate([people.keypoints, people.scores[..., None]], 2)
        for found, person in zip(points[place], expected):
            tolerance = (6e-4, 6e-4, 6e-6) if format_name == 'csv' else 0
            assert (np.abs(found - person) <= tolerance).all()


def test_every_format_is_described_and_read_here():
    assert set(FORMATS) == set(READERS)
    for name, format_class in FORMATS.items():
        assert issubclass(format_class, ResultFormat) and format_class.name == name
        assert format_class.description and '\n' not in format_class.description


@pytest.mark.parametrize('format_name', FORMATS)
@pytest.mark.parametrize('inputs', INPUTS)
@pytest.mark.parametrize('count', [0, 1, 2])
def test_files_are_read_again(format_name, inputs, count):
    check(
        format_name, inputs, [make_people(count, seed) for seed in range(len(inputs))]
    )


@pytest.mark.parametrize('format_name', FORMATS)
@examples(15)
@given(
    seed=st.integers(0, 2**31),
    counts=st.lists(st.integers(0, 3), min_size=2, max_size=2),
    ids=st.booleans(),
    three_d=st.booleans(),
)
def test_any_people_are_read_again(format_name, seed, counts, ids, three_d):
    batches = [
        make_people(count, seed + number, ids, three_d)
        for number, count in enumerate(counts)
    ]
    check(format_name, [('clip', 0), ('clip', 1)], batches)


@pytest.mark.parametrize('format_name', FORMATS)
def test_nothing_was_added(format_name, tmp_path):
    """A run whose inputs were all broken leaves files that can be read."""
    write(format_name, tmp_path, [], [])
    for path in tmp_path.iterdir():
        if path.suffix == '.json':
            assert json.loads(path.read_text()) == []
        elif path.suffix == '.npz':
            assert len(np.load(path)['names']) == 0
        else:
            assert path.read_text().count('\n') == 1


@pytest.mark.parametrize('format_name', ['coco', 'openpose'])
def test_formats_of_the_whole_body_refuse_other_points(format_name, tmp_path):
    with pytest.raises(ResultError, match='finds 17: write json, csv or npz'):
        FORMATS[format_name](tmp_path).add('x', None, make_people(1, keypoints=17))


def test_other_points_have_numbers_as_names(tmp_path):
    write('npz', tmp_path, [('x', None)], [make_people(1, keypoints=17)])
    assert np.load(tmp_path / 'keypoints.npz')['names'][16] == '16'


def test_records_of_3d_and_ids():
    people = make_people(2, ids=True, three_d=True)
    rows = records(people)
    assert [row['id'] for row in rows] == [3, 4]
    assert np.array_equal([row['keypoints_3d'] for row in rows], people.keypoints_3d)
    assert np.array_equal(
        [row['keypoints_3d_cam'] for row in rows], people.keypoints_3d_cam
    )
    assert np.array_equal([row['bbox'] for row in rows], people.boxes)
    assert set(records(make_people(1))[0]) == {
        'keypoints',
        'keypoint_scores',
        'bbox',
        'bbox_score',
    }


def test_coco_rows():
    people = make_people(1)
    (row,) = coco_rows(people, 7)
    x1, y1, x2, y2 = people.boxes[0].tolist()
    assert row['image_id'] == 7 and row['bbox'] == [x1, y1, x2 - x1, y2 - y1]
    assert row['score'] == pytest.approx(people.box_scores[0] * people.scores.mean())


def test_image_id_is_the_number_in_the_name(tmp_path):
    inputs = [('000000000139', None), ('12', 0), ('photo', None)]
    write('coco', tmp_path, inputs, [make_people(1) for _ in inputs])
    rows = json.loads((tmp_path / 'coco_results.json').read_text())
    assert [row['image_id'] for row in rows] == [139, 2, 3]


def test_openpose_joins_pairs_in_their_middle(tmp_path):
    people = make_people(1)
    write('openpose', tmp_path, [('x', None)], [people])
    content = json.loads((tmp_path / 'x_keypoints.json').read_text())
    body = np.reshape(content['people'][0]['pose_keypoints_2d'], (25, 3))
    for number, pair in enumerate(BODY_25):
        if not isinstance(pair, int):
            points = people.keypoints[0, list(pair)]
            assert np.allclose(body[number, :2], points.mean(0))
            assert body[number, 2] == people.scores[0, list(pair)].min()
    assert content['people'][0]['person_id'] == [-1]


def test_csv_of_3d(tmp_path):
    people = make_people(1, ids=True, three_d=True)
    write('csv', tmp_path, [('x', 4)], [people])
    with (tmp_path / 'keypoints.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert {(row['frame'], row['person']) for row in rows} == {('4', '3')}
    metres = [[float(row[f'{axis}_3d']) for axis in 'xyz'] for row in rows]
    assert np.allclose(metres, people.keypoints_3d[0], atol=6e-6)
