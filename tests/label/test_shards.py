"""Units become shards: rows, errors, and that nothing is lost or double."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from label.conftest import picture, png, write_tar
from rtmw_ext.core.errors import UsageError
from rtmw_ext.label import places, reading
from rtmw_ext.label.engines import LocalEngine
from rtmw_ext.label.filters import Filter, parse_filter
from rtmw_ext.label.inputs import find_inputs
from rtmw_ext.label.places import Folder, StorageError
from rtmw_ext.label.shards import ERRORS, ManifestError, claim, facts_of, to_array
from rtmw_ext.label.work import Job, Worker, WorkerError
from rtmw_ext.output.video_writer import VideoWriter
from support.people import people_at


def label(build, inputs, out, size=3, keep=Filter(), streams=1):
    """All shards of inputs, by this process."""
    job = Job(lambda: build(streams), Folder(str(out)), 1, keep)
    units = find_inputs([str(text) for text in inputs], str(out)).units(size)
    return [*LocalEngine(job).run(units, lambda images, people: None)]


def rows_of(out):
    return pq.read_table(out)


def test_rows_are_the_people_of_the_estimator(build, folder, tmp_path):
    done = label(build, [folder], tmp_path / 'out')
    assert [(unit.images, unit.people, unit.errors) for unit in done] == [
        (3, 4, 0),
        (2, 4, 1),
        (2, 4, 0),
    ]
    table = rows_of(tmp_path / 'out')
    images = [f'{folder}/{number}.png' for number in range(1, 7) for _ in range(2)]
    assert table['image'].to_pylist() == images
    assert table['person'].to_pylist() == [0, 1] * 6
    people = [build()(picture(number)) for number in range(1, 7)]
    for column, name in dict(
        bbox='boxes',
        bbox_score='box_scores',
        keypoints='keypoints',
        keypoint_scores='scores',
    ).items():
        expected = np.concatenate([getattr(person, name) for person in people])
        np.testing.assert_array_equal(to_array(table[column]), expected)
    assert set(table['width'].to_pylist()) == {96}
    assert set(table['height'].to_pylist()) == {64}
    assert set(table['model'].to_pylist()) == {'pose.onnx'}
    errors = pq.read_table(tmp_path / 'out' / ERRORS).to_pylist()
    assert [row['image'] for row in errors] == [f'{folder}/3a.png']
    assert 'fetch it again' in errors[0]['error']


def test_others_read_the_shards(build, folder, tmp_path):
    duckdb = pytest.importorskip('duckdb')
    label(build, [folder], tmp_path / 'out')
    frame = pd.read_parquet(tmp_path / 'out')
    assert len(frame) == 12 and np.stack(frame['bbox']).shape == (12, 4)
    query = f"""select image, keypoints[1][2] as y from '{tmp_path}/out/*.parquet'"""
    y = duckdb.sql(query).fetchnumpy()['y']
    np.testing.assert_array_equal(y, [points[0][1] for points in frame['keypoints']])


def test_threads_change_no_bit(build, folder, tmp_path):
    label(build, [folder], tmp_path / 'one')
    label(build, [folder], tmp_path / 'four', streams=4)
    for path in (tmp_path / 'one').rglob('*.parquet'):
        twin = tmp_path / 'four' / path.relative_to(tmp_path / 'one')
        assert path.read_bytes() == twin.read_bytes()


def test_tars_and_parquet(build, tmp_path):
    tar = write_tar(tmp_path / 'a.tar', ['x', 'sub/y'])
    struct = [{'bytes': png(3), 'path': 'z.png'}, {'bytes': None, 'path': 'w.png'}]
    (tmp_path / 'w.png').write_bytes(png(4))
    pq.write_table(pa.table({'image': struct}), tmp_path / 'b.parquet')
    paths = pa.table({'path': ['w.png', 'missing.png']})
    pq.write_table(paths, tmp_path / 'c.parquet')
    done = label(
        build, [tar, tmp_path / 'b.parquet', tmp_path / 'c.parquet'], tmp_path / 'out'
    )
    assert [unit.errors for unit in done] == [0, 0, 1]
    table = rows_of(tmp_path / 'out')
    assert table['image'].to_pylist()[::2] == [
        f'tar://x.png::{tar}',
        f'tar://sub/y.png::{tar}',
        f'{tmp_path}/b.parquet#row=0',
        f'{tmp_path}/w.png',
        f'{tmp_path}/w.png',
    ]
    np.testing.assert_array_equal(
        to_array(table['keypoints'])[4:6], build()(picture(3)).keypoints
    )


def test_damaged_containers_are_named_and_what_is_before_the_damage_is_done(
    build, tmp_path
):
    whole = write_tar(tmp_path / 'whole.tar', ['x', 'y']).read_bytes()
    (tmp_path / 'cut.tar').write_bytes(whole[: len(whole) // 4])
    (tmp_path / 'text.tar').write_text('no tar ' * 200)
    (tmp_path / 'text.parquet').write_text('no Parquet')
    pq.write_table(pa.table({'caption': ['a person']}), tmp_path / 'none.parquet')
    for name in ('cut.tar', 'text.tar', 'text.parquet', 'none.parquet'):
        (done,) = label(build, [tmp_path / name], tmp_path / 'out' / name)
        assert done.errors == 1
        (row,) = pq.read_table(tmp_path / 'out' / name / ERRORS).to_pylist()
        assert row['image'] == str(tmp_path / name) and name in row['error']


def test_videos(build, tmp_path):
    with VideoWriter(tmp_path / 'clip.mp4', 10) as writer:
        for number in range(1, 5):
            writer.write(picture(number))
    (tmp_path / 'broken.mp4').write_bytes(b'no video')
    done = label(build, [tmp_path], tmp_path / 'out', streams=2)
    assert sorted((unit.images, unit.errors) for unit in done) == [(0, 1), (4, 0)]
    table = rows_of(tmp_path / 'out')
    assert table['frame'].to_pylist() == [0, 0, 1, 1, 2, 2, 3, 3]
    np.testing.assert_allclose(table['time'].to_pylist()[::2], [0, 0.1, 0.2, 0.3])
    ids = table['id'].to_pylist()
    assert len({*ids}) == 2 and ids == 4 * ids[:2]


def test_a_shard_says_what_it_is_of(build, folder, tmp_path):
    label(build, [folder], tmp_path / 'out')
    path = tmp_path / 'out' / 'people-000001.parquet'
    facts = facts_of(pq.read_metadata(path).metadata)
    assert (facts['images'], facts['people'], facts['errors']) == (2, 4, 1)
    assert facts['models']['pose']['file'] == 'pose.onnx'
    with pytest.raises(ManifestError, match='no shard'):
        facts_of(None)


def test_elsewhere(build, folder, elsewhere):
    for path in folder.iterdir():
        elsewhere.pipe(f'/bucket/{path.name}', path.read_bytes())
    elsewhere.pipe(
        '/bucket/a.tar', write_tar(folder.parent / 'a.tar', ['x']).read_bytes()
    )
    done = label(build, ['memory://bucket'], 'memory://labels')
    assert [unit.people for unit in done] == [4, 4, 4, 2]
    assert elsewhere.exists('/labels/_errors/errors-000001.parquet')
    assert Folder('memory://labels').names() == {
        f'people-00000{n}.parquet' for n in range(4)
    }


def test_no_shard_is_there_if_the_storage_fails(build, folder, elsewhere, monkeypatch):
    """An outage is no reason to name thousands of images as unreadable."""
    elsewhere.pipe('/bucket/1.png', png(1))
    monkeypatch.setattr(places, 'WAIT', 0)
    calls = []

    def fail(_, path):
        calls.append(path)
        raise ConnectionError('gone')

    # Each thread has a file system of its own.
    monkeypatch.setattr(type(elsewhere), 'cat_file', fail)
    with pytest.raises(StorageError, match='gone.*run the same command again'):
        label(build, ['memory://bucket'], 'memory://labels')
    assert len(calls) == places.TRIES
    assert Folder('memory://labels').names() == set()
    # Once it is back, the same goes on.
    monkeypatch.undo()
    assert label(build, ['memory://bucket'], 'memory://labels')[0].people == 2


def test_what_fails_leaves_no_file(build, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, 'read_image', lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        label(build, [folder], tmp_path / 'out')
    assert [*(tmp_path / 'out').iterdir()] == []


def test_a_folder_that_cannot_be_written_is_an_error(build, folder, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(StorageError, match='cannot be written'):
        label(build, [folder], tmp_path / 'file' / 'out')


def test_a_manifest_keeps_runs_apart(tmp_path):
    folder = Folder(str(tmp_path / 'out'))
    manifest = dict(created='now', settings=dict(max_people=1), shards=2)
    assert claim(folder, manifest) == set()
    (tmp_path / 'out' / 'people-000001.parquet').touch()
    assert claim(folder, dict(manifest, created='later')) == {1}
    with pytest.raises(ManifestError, match="settings was {'max_people': 1}, is {}"):
        claim(folder, dict(manifest, settings={}))
    (tmp_path / 'out' / '_manifest.json').unlink()
    with pytest.raises(ManifestError, match='no _manifest.json'):
        claim(folder, manifest)


def test_a_worker_with_other_networks_is_an_error(build, tmp_path):
    job = Job(build, Folder(str(tmp_path)), 1, Filter())
    facts = Worker(job).facts
    assert json.loads(json.dumps(facts.models)) == facts.models
    assert Worker(job, facts).facts == facts
    with pytest.raises(WorkerError, match='other|machines'):
        Worker(job, type(facts)({}, 17, False))


@given(
    st.lists(
        st.tuples(st.floats(1, 99), st.floats(0, 1), st.integers(0, 17)), max_size=9
    )
)
def test_filters(rows):
    """A person is kept if it is large, sure and seen enough."""
    scores = np.zeros((len(rows), 133), np.float32)
    for row, (_, score, seen) in zip(scores, rows):
        row[:seen] = max(score, 0.3)
    boxes = np.float32([[0, 0, 100, side] for side, _, _ in rows]).reshape(-1, 4)
    points = np.zeros((len(rows), 133, 2))
    people = people_at(points, scores, boxes)
    kept = Filter(box=50, score=0.2, body=9)(people)
    good = [
        np.float32(side) >= 50 and row[:17].mean() >= 0.2 and seen >= 9
        for row, (side, _, seen) in zip(scores, rows)
    ]
    np.testing.assert_array_equal(kept.boxes, people.boxes[np.array(good, bool)])


def test_filters_of_a_command_line():
    assert parse_filter(['box=64', 'body=8', 'score=.5']) == Filter(64, 0.5, 8)
    for text in ('box', 'box=-1', 'body=18', 'score=2', 'size=3', 'box=x', 'box=nan'):
        with pytest.raises(UsageError, match='box=N'):
            parse_filter([text])
