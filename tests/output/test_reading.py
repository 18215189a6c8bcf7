"""Result files are read back as people, whole, damaged or unfinished."""

import dataclasses
import io
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.people import Origin, People
from rtmw_ext.output import FORMATS, OutputError, ResultError, read, recover
from rtmw_ext.output.base import records_of
from rtmw_ext.output.files import part_of
from rtmw_ext.output.records import Source
from support.examples import examples
from support.openpose import as_coco_18
from support.paths import ROOT
from support.schema import errors

SCHEMA = json.loads((ROOT / 'docs' / 'results.schema.json').read_text())
#: Arrays that a format keeps beside the points and their scores.
BOXES = ('boxes', 'box_scores')
METRES = ('keypoints_3d', 'keypoints_3d_cam')
KEPT = dict(
    json=(*BOXES, *METRES, 'ids'),
    jsonl=(*BOXES, *METRES, 'ids'),
    npz=(*BOXES, *METRES, 'ids'),
    coco=(*BOXES, 'ids'),
    openpose=('ids',),
    openpose18=('ids',),
    csv=(*METRES, 'ids'),
)
#: Files of an image and of a video, by format; of OpenPose the folder.
FILES = dict(
    json=('photo.json', 'clip.json'),
    jsonl=('photo.jsonl', 'clip.jsonl'),
    npz=('keypoints.npz',),
    coco=('coco_results.json',),
    openpose=('.',),
    openpose18=('.',),
    csv=('keypoints.csv',),
)


def make_people(count, seed=0, ids=False, three_d=False, keypoints=133):
    rng = np.random.default_rng(seed)
    metres = rng.normal(0, 2, (2, count, keypoints, 3)).astype(np.float32)
    low = rng.uniform(-50, 4000, (count, 2))
    return People(
        rng.uniform(-50, 4000, (count, keypoints, 2)).astype(np.float32),
        rng.uniform(0, 1, (count, keypoints)).astype(np.float32),
        np.concatenate([low, low + rng.uniform(1, 900, (count, 2))], 1).astype('f4'),
        rng.uniform(0, 1, count).astype(np.float32),
        metres[0] if three_d else None,
        metres[1] if three_d else None,
        rng.permutation(count) + 3 if ids else None,
    )


def write(format_name, folder, photo, frames, rate=29.97):
    """An image of people, and a video of the others; the format, not closed."""
    results = FORMATS[format_name](folder)
    results.begin(Source('photo', 'photos/photo.jpg', size=(640, 480)))
    results.add('photo', None, photo)
    results.end()
    results.begin(Source('clip', 'clip.mp4', 'video', (1920, 1080), rate))
    for number, people in enumerate(frames):
        results.add('clip', number, people, number / rate)
    return results


def read_all(format_name, folder):
    return [
        frame for name in FILES[format_name] for frame in read(folder / name).frames
    ]


def check(format_name, found, people):
    tolerance = dict(rtol=0, atol=6e-4) if format_name == 'csv' else {}
    assert len(found) == len(people)
    assert found.keypoints.shape == people.keypoints.shape
    assert found.keypoints.dtype == found.scores.dtype == np.float32
    if format_name == 'openpose18':
        keypoints, scores = as_coco_18(people.keypoints, people.scores)
        people = dataclasses.replace(people, keypoints=keypoints, scores=scores)
    for name in ('keypoints', 'scores', *KEPT[format_name]):
        wanted = getattr(people, name)
        if wanted is None:
            assert getattr(found, name) is None, name
        elif len(people):
            np.testing.assert_allclose(getattr(found, name), wanted, **tolerance)


@pytest.mark.parametrize('format_name', FORMATS)
@examples(12)
@given(
    seed=st.integers(0, 2**31),
    counts=st.lists(st.integers(0, 3), min_size=2, max_size=4),
    three_d=st.booleans(),
)
def test_round_trip(format_name, seed, counts, three_d):
    first, *counts = counts
    photo = make_people(first, seed, three_d=three_d)
    frames = [
        make_people(count, seed + number, True, three_d)
        for number, count in enumerate(counts, 1)
    ]
    with tempfile.TemporaryDirectory() as folder:
        write(format_name, Path(folder), photo, frames).close()
        found = {
            (frame.source, frame.frame): frame
            for frame in read_all(format_name, Path(folder))
        }
        assert not list(Path(folder).glob('*.part'))
    assert found.keys() == {
        ('photo', None),
        *(('clip', number) for number in range(len(frames))),
    }
    check(format_name, found['photo', None].people, photo)
    for number, people in enumerate(frames):
        frame = found['clip', number]
        check(format_name, frame.people, people)
        assert frame.time == pytest.approx(number / 29.97)


@pytest.mark.parametrize('records', [True, False])
@pytest.mark.parametrize('count', [17, 26])
@pytest.mark.parametrize('format_name', FORMATS)
def test_other_skeletons_are_read_back(format_name, count, records, tmp_path):
    """OpenPose lacks the head of Halpe's 26 points, COCO_18 all but the first 17."""
    photo = make_people(2, keypoints=count)
    write(format_name, tmp_path, photo, [make_people(0, keypoints=count)] * 2).close()
    for path in tmp_path.glob('*.meta.jsonl') if not records else ():
        path.unlink()
    frames = read(tmp_path / FILES[format_name][0])
    (found,) = (frame.people for frame in frames if frame.source == 'photo')
    if format_name == 'openpose':
        photo.keypoints[:, 17:18], photo.scores[:, 17:18] = 0, 0
    if format_name == 'openpose18':
        photo.keypoints, photo.scores = photo.keypoints[:, :17], photo.scores[:, :17]
    check(format_name, found, photo)


@pytest.mark.parametrize('format_name', FORMATS)
def test_results_say_what_they_are_of(format_name, tmp_path):
    write(
        format_name, tmp_path, make_people(1, three_d=True), [make_people(2, 1, 1, 1)]
    ).close()
    for name in FILES[format_name]:
        results = read(tmp_path / name)
        run = results.run
        assert run['program'].startswith('rtmw_ext ') and run['is_3d']
        assert run['points'][9] == 'left_wrist' and run['root'] == [11, 12]
        assert run['parts']['right_hand'] == [112, 133]
        assert run['units']['keypoints_3d'].startswith('metres')
        for source in results.sources.values():
            assert source['camera']['K'][2] == [0, 0, 1]
            if source['name'] == 'clip':
                assert source['rate'] == 29.97 and source['kind'] == 'video'
                assert (source['width'], source['height']) == (1920, 1080)


@pytest.mark.parametrize('format_name', FORMATS)
def test_every_file_fits_the_schema(format_name, tmp_path):
    write(
        format_name, tmp_path, make_people(1, three_d=True), [make_people(2, 1, 1, 1)]
    ).close()
    lines = []
    for path in tmp_path.glob('*.jsonl'):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    assert {line['type'] for line in lines} == {'run', 'source', 'frame'}
    for line in lines:
        assert errors(line, SCHEMA, SCHEMA['$defs'][line['type']]) == []
    for path in tmp_path.glob('*.json'):
        content = json.loads(path.read_text())
        assert errors(content, SCHEMA, SCHEMA['$defs'][format_name]) == []
    # The schema finds what is wrong.
    broken = dict(lines[0], schema='1')
    assert errors(broken, SCHEMA, SCHEMA['$defs']['run'])
    assert errors({}, SCHEMA, SCHEMA['$defs']['frame'])


def test_files_without_records(tmp_path):
    """Those of earlier versions and of mmpose; they may have other points."""
    people = make_people(2, keypoints=17)
    write('json', tmp_path, people, [make_people(1, 3, True, keypoints=17)]).close()
    for path in tmp_path.glob('*.meta.jsonl'):
        path.unlink()
    (frame,) = read(tmp_path / 'clip.json')
    assert frame.frame == 0 and frame.people.keypoints.shape == (1, 17, 2)
    rows = json.loads((tmp_path / 'photo.json').read_text())
    for row in rows:
        row['bbox'] = [row['bbox']]  # as MMPoseInferencer nests it
    path = tmp_path / 'mmpose.json'
    path.write_text(json.dumps(dict(meta_info={}, instance_info=rows)))
    results = read(path)
    assert results.run is None and results[0].source == 'mmpose'
    check('json', results[0].people, people)
    path.write_text('[]')
    assert len(read(path)[0].people) == 0


def test_the_schema_knows_every_origin():
    origin = SCHEMA['$defs']['origin']
    known = range(origin['items']['minimum'], origin['items']['maximum'] + 1)
    assert [*known] == [*Origin]
    text = ', '.join(f'{item.value} {item.name.lower()}' for item in Origin)
    assert origin['description'].endswith(text)


def test_a_file_that_is_renamed_holds_one_video(tmp_path):
    """With its records; a frame has nobody."""
    people = [make_people(count, count, True) for count in (1, 0, 2)]
    write('json', tmp_path, make_people(1), people).close()
    for path in tmp_path.glob('clip.json*'):
        path.rename(tmp_path / path.name.replace('clip', 'squat'))
    results = read(tmp_path / 'squat.json')
    assert [(frame.source, frame.frame) for frame in results] == [
        ('clip', number) for number in range(3)
    ]
    for frame, wanted in zip(results, people):
        check('json', frame.people, wanted)


@pytest.mark.parametrize('format_name', FORMATS)
def test_numbers_that_are_not_finite(format_name, tmp_path):
    people = make_people(2, three_d=True)
    people.keypoints[1, 0] = people.scores[1, 9] = np.nan
    people.keypoints_3d[0, 0] = people.keypoints_3d_cam[1, 132] = np.nan
    write(format_name, tmp_path, people, [make_people(1, 1, True, True)]).close()
    found = {frame.source: frame for frame in read_all(format_name, tmp_path)}
    check(format_name, found['photo'].people, people)


@pytest.mark.parametrize('format_name', FORMATS)
def test_a_run_that_was_killed(format_name, tmp_path):
    """What was written is read, even if the last frame is half there."""
    frames = [make_people(2, number, True) for number in range(5)]
    killed = write(format_name, tmp_path, make_people(1), frames)
    copy = tmp_path / 'copy'
    shutil.copytree(tmp_path, copy)
    for path in copy.iterdir():
        if path.name.endswith('.part') or path.suffix in ('.csv', '.jsonl'):
            if 'photo' not in path.name and '.meta' not in path.name:
                content = path.read_bytes()
                path.write_bytes(content[:-700])
    killed.close()
    for path in copy.glob('*.part'):
        if path.name != 'keypoints.npz.part':
            assert len(read(path)) >= 4
        finished = recover(path)
        assert finished == path.with_suffix('') and not path.exists()
        with pytest.raises(ResultError, match='cannot be completed'):
            recover(path)
    found = {frame.frame: frame for frame in read_all(format_name, copy)}
    least = 5 if format_name.startswith('openpose') else 4
    assert len(found) == 1 + least
    for number in range(least):
        check(format_name, found[number].people, frames[number])


def test_recover_replaces_nothing(tmp_path):
    path = tmp_path / 'clip.json'
    part_of(path).write_text('[\n')
    path.write_text('mine')
    with pytest.raises(OutputError, match='clip.json is there already'):
        recover(part_of(path))
    assert path.read_text() == 'mine'
    for name, said in [
        ('clip.json', 'cannot be completed'),
        ('none.json.part', 'cannot be completed'),
        ('bad.npz.part', 'no part of an npz'),
        ('bad.json.part', 'is no unfinished list'),
    ]:
        if name.startswith('bad'):
            (tmp_path / name).write_text('{"a": 1}\n')
        with pytest.raises(ResultError, match=said):
            recover(tmp_path / name)


@pytest.mark.parametrize('format_name', FORMATS)
@examples(30)
@given(data=st.data())
def test_damaged_files_are_clear_errors(format_name, data):
    """Of any damage: read whole, in part, or named by the error."""
    with tempfile.TemporaryDirectory() as folder:
        write(format_name, Path(folder), make_people(1), [make_people(1, 1, 1)]).close()
        path = data.draw(st.sampled_from(sorted(Path(folder).iterdir())))
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(content)))
            length = data.draw(st.integers(0, 400))
            content[place : place + length] = data.draw(
                st.sampled_from([b'', b'null', b'[', b'{}', b'1e999', b'"', b'\xff\n'])
            )
        path.write_bytes(content)
        for name in FILES[format_name]:
            try:
                read(Path(folder) / name)
            except ResultError as error:
                assert str(Path(folder)) in str(error)


@pytest.mark.parametrize(
    'name, damage, said',
    [
        # The first number of the last row is that of its image.
        (
            'keypoints.npz',
            lambda b: b[:-1648] + b'\xff' * 8 + b[-1640:],
            'a row names no image',
        ),
        ('keypoints.npz', lambda b: b.replace(b'133', b'99999', 1), '99999 points'),
        ('keypoints.npz', lambda b: b.replace(b'133', b'999999999', 1), 'be read'),
        ('keypoints.npz', lambda b: b.replace(b'133', b'-1', 1), 'cannot be read'),
        ('keypoints.npz', lambda b: b.replace(b'[133', b'[' * 900, 1), 'be read'),
        ('clip.json', lambda b: b.replace(b'[', b'{', 1), 'no unfinished list'),
    ],
)
def test_recover_leaves_what_it_cannot_complete(name, damage, said, tmp_path):
    people = make_people(1)
    for format_name in ('npz', 'json'):
        results = FORMATS[format_name](tmp_path)
        for number in range(2):
            results.add('clip', number, people, number / 30)
    part = part_of(tmp_path / name)
    part.write_bytes(damage(part.read_bytes()))
    content, names = part.read_bytes(), sorted(tmp_path.iterdir())
    with pytest.raises(ResultError, match=f'{name}.*{said}'):
        recover(part)
    assert part.read_bytes() == content and sorted(tmp_path.iterdir()) == names


@pytest.mark.parametrize('damage', [b'\xff', b'[' * 100_000, b'nul', b'"'])
def test_recover_keeps_what_is_before_the_damage(damage, tmp_path):
    results = FORMATS['json'](tmp_path)
    for number in range(3):
        results.add('clip', number, make_people(1, number), number / 30)
    part = part_of(tmp_path / 'clip.json')
    lines = part.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3][:400] + damage + lines[3][400:]
    part.write_bytes(b''.join(lines))
    found = read(recover(part))
    assert [frame.frame for frame in found] == [0, 1]
    for number in range(2):
        check('json', found[number].people, make_people(1, number))


@pytest.mark.parametrize(
    'name, content',
    [
        ('none.json', None),
        ('picture.jpg', b'1'),
        ('a.json', b'3'),
        ('a.json', b'[' * 100_000),
        ('a.json', b'[[1]]'),
        ('a.json', b'{"people": [{}]}'),
        ('a.npz', b'PK'),
        ('a.csv', b'image,frame,person\nx,y,z\n'),
        ('a.jsonl', b'{"type": "frame"}\n'),
    ],
)
def test_no_result_files(name, content, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ResultError, match=name):
        read(tmp_path / name)
    with pytest.raises(ResultError, match='holds no'):
        read(tmp_path)


def test_a_box_is_that_of_the_points_that_were_found(tmp_path):
    people = make_people(2)
    people.scores[:] = 0
    people.scores[0, [3, 40]] = 0.9
    people.keypoints[0, [3, 40]] = (70, 90), (50, 200)
    for name in ('openpose', 'openpose18'):
        folder = tmp_path / name
        folder.mkdir()
        write(name, folder, people, []).close()
        (found,) = read(folder)
        assert found.people.boxes.tolist() == [[50, 90, 70, 200], [0, 0, 0, 0]]


def test_a_folder_of_both_bodies_of_openpose(tmp_path):
    """BODY_25, which holds more, is read."""
    people = make_people(1)
    for name in ('openpose18', 'openpose'):
        write(name, tmp_path, people, [people]).close()
    frames = read(tmp_path)
    assert [frame.source for frame in frames] == ['clip', 'photo']
    for frame in frames:
        assert np.array_equal(frame.people.keypoints, people.keypoints)
    one = read(tmp_path / 'clip_000000000000_keypoints18.json')[0]
    assert (one.source, one.frame) == ('clip', 0)
    check('openpose18', one.people, people)


def test_arrays_of_objects_are_not_loaded(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, image=np.array([{}], object))
    (tmp_path / 'a.npz').write_bytes(buffer.getvalue())
    with pytest.raises(ResultError, match='a.npz'):
        read(tmp_path / 'a.npz')


def test_records_stand_beside_their_file():
    assert records_of(Path('o/clip.json')) == Path('o/clip.json.meta.jsonl')


@pytest.mark.parametrize('format_name', ['json', 'jsonl', 'npz', 'csv'])
def test_the_world_is_kept(format_name, tmp_path):
    results = FORMATS[format_name](tmp_path)
    frames = [make_people(count, count, ids=True, three_d=True) for count in (0, 2, 1)]
    for number, people in enumerate(frames):
        people.world = np.random.default_rng(number).normal(size=(len(people), 133, 3))
        people.world = people.world.astype(np.float32)
        people.world[:, 9] = np.nan
        results.add('clip', number, people, number / 30)
    results.end()
    results.close()
    path = tmp_path / FILES[format_name][-1]
    for people, frame in zip(frames[1:], read(path)[1:], strict=True):
        for name in ('world', 'keypoints_3d_cam'):
            np.testing.assert_allclose(
                getattr(frame.people, name), getattr(people, name), atol=1e-5
            )
    if format_name == 'json':
        content = json.loads(path.read_text())
        assert content[1]['instances'][0]['world'][9] == [None] * 3
        assert errors(content, SCHEMA, SCHEMA['$defs']['json']) == []


@pytest.mark.parametrize('format_name', ['json', 'jsonl', 'npz', 'coco', 'csv'])
def test_where_points_come_from_is_kept(format_name, tmp_path):
    results = FORMATS[format_name](tmp_path)
    results.begin(Source('clip', 'clip.mp4', 'video', (1920, 1080), 30.0))
    frames = [make_people(count, count, ids=True) for count in (2, 0, 1)]
    for number, people in enumerate(frames):
        people.origin = np.random.default_rng(number).integers(0, 4, (len(people), 133))
        people.origin = people.origin.astype(np.uint8)
        results.add('clip', number, people, number / 30)
    results.end()
    results.close()
    path = tmp_path / FILES[format_name][-1]
    for people, frame in zip(frames, read(path), strict=True):
        if len(people):
            np.testing.assert_array_equal(frame.people.origin, people.origin)
    content = path.read_text().splitlines() if format_name == 'jsonl' else []
    for line in map(json.loads, content):
        assert errors(line, SCHEMA, SCHEMA['$defs'][line['type']]) == []
