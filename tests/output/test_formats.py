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
from rtmw_ext.core.skeleton import FIELDS, KEYPOINT_NAMES, keypoint_names
from rtmw_ext.output import FORMATS, ResultError, ResultFormat
from rtmw_ext.output.formats.coco_json import coco_rows
from rtmw_ext.output.formats.openpose_json import BODY_25, POINTS, POINTS_18
from rtmw_ext.output.records import Source, person_records
from support.examples import examples
from support.openpose import as_coco_18

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


def read_openpose(folder, inputs, suffix='_keypoints.json', fields=POINTS):
    points = {}
    for name, frame in inputs:
        stem = name if frame is None else f'{name}_{frame:012d}'
        content = json.loads((folder / f'{stem}{suffix}').read_text())
        points[name, frame] = persons = []
        for row in content['people']:
            person = np.full((K, 3), np.nan)
            for field, numbers in fields.items():
                values = np.reshape(row[field], (-1, 3))
                assert len(values) == len(numbers)
                for number, value in zip(numbers, values):
                    if isinstance(number, int):
                        person[number] = value
            persons.append(person)
    return points


def read_openpose18(folder, inputs):
    return read_openpose(folder, inputs, '_keypoints18.json', POINTS_18)


def read_jsonl(folder, inputs):
    points = {}
    for path in folder.glob('*.jsonl'):
        kinds = []
        for line in path.read_text().splitlines():
            record = json.loads(line)
            kinds.append(record['type'])
            if kinds[-1] == 'frame':
                points[record['source'], record['frame']] = [
                    np.column_stack([row['keypoints'], row['keypoint_scores']])
                    for row in record['people']
                ]
        assert kinds[:2] == ['run', 'source']
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
    jsonl=read_jsonl,
    coco=read_coco,
    openpose=read_openpose,
    openpose18=read_openpose18,
    csv=read_csv,
    npz=read_npz,
)


def check(format_name, inputs, batches):
    with tempfile.TemporaryDirectory() as folder:
        write(format_name, Path(folder), inputs, batches)
        points = READERS[format_name](Path(folder), inputs)
    for place, people in zip(inputs, batches):
        assert len(points[place]) == len(people)
        keypoints, scores = people.keypoints, people.scores
        if format_name == 'openpose18':
            keypoints, scores = as_coco_18(keypoints, scores)
        expected = np.concatenate([keypoints, scores[..., None]], 2)
        if format_name == 'openpose18':
            expected[:, 17:23] = np.nan  # no feet
        for found, person in zip(points[place], expected):
            tolerance = (6e-4, 6e-4, 6e-6) if format_name == 'csv' else 0
            assert np.array_equal(np.isnan(found), np.isnan(person))
            assert (np.nan_to_num(np.abs(found - person)) <= tolerance).all()


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
    """A run whose inputs were all broken leaves nothing that a second one would
    have to replace."""
    write(format_name, tmp_path, [], [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('format_name', ['openpose', 'openpose18'])
def test_formats_of_skeletons_refuse_other_points(format_name, tmp_path):
    with pytest.raises(ResultError, match='finds 21: write json, csv, npz or coco'):
        FORMATS[format_name](tmp_path).add('x', None, make_people(1, keypoints=21))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('count', [14, 17, 26])
def test_coco_has_other_points_in_one_field(count, tmp_path):
    people = make_people(2, keypoints=count)
    write('coco', tmp_path, [('x', None)], [people])
    rows = json.loads((tmp_path / 'coco_results.json').read_text())
    assert {*FIELDS} & rows[0].keys() == {'keypoints'}
    for number, row in enumerate(rows):
        assert len(row['keypoints']) == 3 * count
        assert np.array_equal(row['keypoints'][::3], people.keypoints[number, :, 0])
        assert np.array_equal(row['keypoints'][2::3], people.scores[number])


#: {number of points: {place in OpenPose's body: name, or two names}}, as its
#: documentation numbers them.
PLACES = {
    17: {0: 'nose', 1: ('left_shoulder', 'right_shoulder'), 4: 'right_wrist'}
    | {8: 'right_hip', 13: 'left_ankle', 14: 'right_eye', 17: 'left_ear'},
    26: {0: 'nose', 1: 'neck', 4: 'right_wrist', 8: 'hip', 9: 'right_hip'}
    | {14: 'left_ankle', 15: 'right_eye', 19: 'left_big_toe', 20: 'left_small_toe'}
    | {21: 'left_heel', 22: 'right_big_toe', 24: 'right_heel'},
}


@pytest.mark.parametrize('count, size', [(17, 18), (26, 25)])
def test_openpose_of_bodies_alone(count, size, tmp_path):
    people = make_people(1, keypoints=count)
    write('openpose', tmp_path, [('x', None)], [people])
    content = json.loads((tmp_path / 'x_keypoints.json').read_text())
    (person,) = content['people']
    body = np.reshape(person['pose_keypoints_2d'], (-1, 3))
    assert len(body) == size
    names = list(keypoint_names(count))
    for place, name in PLACES[count].items():
        pair = [names.index(one) for one in ([name] if type(name) is str else name)]
        point = people.keypoints[0, pair].mean(0)
        expected = [*point, people.scores[0, pair].min()]
        assert np.allclose(body[place], expected), (place, name)
    for field in ('face', 'hand_left', 'hand_right'):
        assert person[f'{field}_keypoints_2d'] == []


def test_other_points_have_numbers_as_names(tmp_path):
    write('npz', tmp_path, [('x', None)], [make_people(1, keypoints=21)])
    assert np.load(tmp_path / 'keypoints.npz')['names'][16] == '16'


def test_records_of_3d_and_ids():
    people = make_people(2, ids=True, three_d=True)
    rows = person_records(people)
    assert [row['id'] for row in rows] == [3, 4]
    assert np.array_equal([row['keypoints_3d'] for row in rows], people.keypoints_3d)
    assert np.array_equal(
        [row['keypoints_3d_cam'] for row in rows], people.keypoints_3d_cam
    )
    assert np.array_equal([row['bbox'] for row in rows], people.boxes)
    assert set(person_records(make_people(1))[0]) == {
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


def image_ids(folder):
    rows = json.loads((folder / 'coco_results.json').read_text())
    return [row['image_id'] for row in rows]


def test_image_id_is_the_number_in_the_name(tmp_path):
    inputs = [('000000000139', None), ('12', 0), ('photo', None)]
    write('coco', tmp_path, inputs, [make_people(1) for _ in inputs])
    assert image_ids(tmp_path) == [139, 1, 2]


@pytest.mark.parametrize('announced', [True, False])
def test_image_ids_are_unique(announced, tmp_path):
    """Names that are no number, are one that is given already, or one that only
    Python takes for one, get others."""
    names = ['cat', '2', '1', '001', '\u00b3', '\u0664', '9' * 16, '3', 'cat']
    results = FORMATS['coco'](tmp_path)
    if announced:
        results.expect(names)
    for name in names:
        results.add(name, None, make_people(1))
    for frame in range(3):
        results.add('clip', frame, make_people(2))
    results.close()
    ids = image_ids(tmp_path)
    assert len(set(ids)) == len(names) + 3
    if announced:
        assert [ids[1], ids[2], ids[7]] == [2, 1, 3]
    # The records name them all.
    lines = (tmp_path / 'coco_results.json.meta.jsonl').read_text().splitlines()
    named = [json.loads(line) for line in lines if '"image_id"' in line]
    assert [row['image_id'] for row in named] == list(dict.fromkeys(ids))
    assert named[-1]['source'] == 'clip' and named[-1]['frame'] == 2


def test_columns_are_of_equal_length(tmp_path):
    """Of images and videos, which alone have ids."""
    batches = [make_people(2), make_people(0), make_people(3, ids=True)]
    write('npz', tmp_path, [('a', None), ('b', None), ('clip', 0)], batches)
    with np.load(tmp_path / 'keypoints.npz') as columns:
        lengths = {name: len(columns[name]) for name in columns.files}
        assert lengths.pop('names') == K and set(lengths.values()) == {5}
        assert columns['ids'].tolist() == [-1, -1, 3, 4, 5]


def test_npz_needs_people_of_one_model(tmp_path):
    results = FORMATS['npz'](tmp_path)
    results.add('a', None, make_people(1))
    with pytest.raises(ResultError, match='133 points, b has 17'):
        results.add('b', None, make_people(1, keypoints=17))
    with pytest.raises(ResultError, match='in 3D'):
        results.add('b', None, make_people(1, three_d=True))


def test_numbers_that_json_lacks(tmp_path):
    people = make_people(1, three_d=True)
    people.keypoints[0, 5] = np.nan
    people.keypoints_3d[0, 7, 1] = np.inf
    for name in ('json', 'jsonl', 'coco', 'openpose', 'openpose18'):
        write(name, tmp_path, [(name, None)], [people])
    texts = [path.read_text() for path in tmp_path.glob('*.json')]
    texts += (tmp_path / 'jsonl.jsonl').read_text().splitlines()
    for text in texts:
        json.loads(text, parse_constant=pytest.fail)


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


#: OpenPose's names of COCO_18, and ours of the same points.
COCO_18_NAMES = (
    'nose', None, 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder',
    'left_elbow', 'left_wrist', 'right_hip', 'right_knee', 'right_ankle', 'left_hip',
    'left_knee', 'left_ankle', 'right_eye', 'left_eye', 'right_ear', 'left_ear',
)  # fmt: skip


def controlnet_points(numbers):
    """Points as ComfyUI's reader takes them: those with a score below 1 are
    missing."""
    triples = np.reshape(numbers, (-1, 3)).tolist()
    return [(x, y) if score >= 1 else None for x, y, score in triples]


@pytest.mark.parametrize('frame', [None, 7])
def test_coco_18_as_controlnet_reads_it(frame, tmp_path):
    people = make_people(2)
    people.scores[0] = 1
    people.scores[1, 5] = 0.1
    results = FORMATS['openpose18'](tmp_path)
    results.begin(Source('x', size=(640, 480)))
    results.add('x', frame, people)
    results.close()
    (path,) = tmp_path.glob('*.json')
    content = json.loads(path.read_text())
    assert (content['canvas_width'], content['canvas_height']) == (640, 480)
    whole, hidden = (
        controlnet_points(row['pose_keypoints_2d']) for row in content['people']
    )
    for place, name in enumerate(COCO_18_NAMES):
        if name is None:
            # The neck is in the middle of both shoulders, and needs both.
            middle = people.keypoints[0, 5:7].mean(0)
            assert np.allclose(whole[place], middle) and hidden[place] is None
        else:
            number = KEYPOINT_NAMES.index(name)
            assert whole[place] == tuple(people.keypoints[0, number].tolist())
            assert (hidden[place] is None) == (people.scores[1, number] < 0.3)
    faces = [controlnet_points(row['face_keypoints_2d']) for row in content['people']]
    assert len(faces[0]) == 70 and None not in faces[0]
    assert None in faces[1]


def test_csv_of_3d(tmp_path):
    people = make_people(1, ids=True, three_d=True)
    write('csv', tmp_path, [('x', 4)], [people])
    with (tmp_path / 'keypoints.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert {(row['frame'], row['person']) for row in rows} == {('4', '3')}
    metres = [[float(row[f'{axis}_3d']) for axis in 'xyz'] for row in rows]
    assert np.allclose(metres, people.keypoints_3d[0], atol=6e-6)
