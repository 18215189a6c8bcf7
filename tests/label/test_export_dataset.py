"""``rtmw export-dataset``: labels become training sets."""

import json

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from label.conftest import picture, png, write_tar
from rtmw_ext.commands import cli
from rtmw_ext.core.skeleton import FIELDS, KEYPOINT_NAMES
from rtmw_ext.label.engines import LocalEngine
from rtmw_ext.label.filters import Filter
from rtmw_ext.label.inputs import find_inputs
from rtmw_ext.label.places import Folder
from rtmw_ext.label.work import Job
from rtmw_ext.output.video_writer import VideoWriter
from rtmw_ext.runtime import PoseModel, WholeBody
from support.networks import bright

BOXES = np.float32([[4, 2, 40, 60], [50, 10, 90, 62]])


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Builds an estimator of two people of 133 points."""
    path = bright(tmp_path_factory.mktemp('whole') / 'pose.onnx', 10.0, 133)
    return lambda: WholeBody(
        PoseModel(path, backend='onnxruntime', threads=1),
        lambda image: (BOXES[: 2 * image.any()], np.float32([0.9, 0.8])),
        fallback=False,
    )


def label(build, inputs, out):
    job = Job(build, Folder(str(out)), 1, Filter())
    units = find_inputs([*map(str, inputs)], str(out)).units(4)
    list(LocalEngine(job).run(units, lambda images, people: None))
    return out


def export(shards, to, out, *more):
    words = ['export-dataset', shards, '--to', to, '--out', out, *more]
    return cli.main([*map(str, words)])


def test_coco_wholebody(whole, folder, tmp_path):
    shards = label(whole, [folder], tmp_path / 'shards')
    out = tmp_path / 'out'
    assert export(shards, 'coco-wholebody', out, '--threshold', 0.1) == 0
    content = json.loads((out / 'annotations' / 'train.json').read_text())
    assert len(content['images']) == 6 and len(content['annotations']) == 12
    rows = pq.read_table(shards).to_pylist()
    sources = {image['id']: image for image in content['images']}
    for row, annotation in zip(rows, content['annotations'], strict=True):
        image = sources[annotation['image_id']]
        assert image['source'] == row['image']
        path = out / 'images' / 'train' / image['file_name']
        assert path.samefile(row['image'])
        x, y, w, h = annotation['bbox']
        np.testing.assert_allclose([x, y, x + w, y + h], row['bbox'], atol=0.01)
        points = np.concatenate([annotation[name] for name in FIELDS]).reshape(-1, 3)
        seen = np.array(row['keypoint_scores']) >= 0.1
        assert seen.any() and (points[seen, 2] == 2).all()
        np.testing.assert_allclose(
            points[seen, :2], np.array(row['keypoints'])[seen], atol=1e-3
        )
    ids = [annotation['id'] for annotation in content['annotations']]
    assert ids == [*range(1, 13)]
    # Points that are not sure are no labels.
    assert (
        export(shards, 'coco-wholebody', out, '--threshold', 1, '--split', 'val') == 0
    )
    content = json.loads((out / 'annotations' / 'val.json').read_text())
    assert all(row['num_keypoints'] == 0 for row in content['annotations'])


def test_yolo_pose(whole, folder, tmp_path):
    shards = label(whole, [folder], tmp_path / 'shards')
    out = tmp_path / 'out'
    for split in ('train', 'val'):
        more = ('--threshold', 0.1, '--split', split)
        assert export(shards, 'yolo-pose', out, *more) == 0
    config = yaml.safe_load((out / 'data.yaml').read_text())
    assert (config['train'], config['val']) == ('images/train', 'images/val')
    assert config['kpt_shape'] == [133, 3]
    flipped = [KEYPOINT_NAMES[number] for number in config['flip_idx'][:17]]
    assert flipped[1:3] == ['right_eye', 'left_eye'] and flipped[0] == 'nose'
    files = sorted((out / 'labels' / 'val').iterdir())
    assert [file.stem for file in files] == sorted(
        path.stem for path in (out / 'images' / 'val').iterdir()
    )
    rows = np.loadtxt(files[0])
    first = pq.read_table(shards).to_pylist()[0]
    assert rows.shape == (2, 5 + 3 * 133)
    x1, y1, x2, y2 = first['bbox']
    box = [(x1 + x2) / 2 / 96, (y1 + y2) / 2 / 64, (x2 - x1) / 96, (y2 - y1) / 64]
    np.testing.assert_allclose(rows[0, :5], [0, *box], rtol=1e-5)
    points = rows[0, 5:].reshape(-1, 3)
    seen = points[:, 2] == 2
    np.testing.assert_allclose(
        points[seen, :2] * (96, 64), np.array(first['keypoints'])[seen], atol=1e-3
    )


@pytest.mark.parametrize('to', ['coco-wholebody', 'yolo-pose'])
def test_an_earlier_export_goes_only_where_it_may(to, whole, folder, tmp_path, capsys):
    shards = sorted(label(whole, [folder], tmp_path / 'shards').glob('*.parquet'))
    out = tmp_path / 'out'
    assert export(tmp_path / 'shards', to, out) == 0
    before = {path: path.stat().st_ino for path in out.glob('*/train/*')}
    (out / 'images' / 'train' / 'mine.jpg').write_text('mine')
    capsys.readouterr()
    assert export(shards[0], to, out) == 1
    assert 'has images of an earlier export' in capsys.readouterr().err
    assert before == {path: path.stat().st_ino for path in before}
    # Images that only the earlier one had would be trained on as images of nobody.
    assert export(shards[0], to, out, '--overwrite') == 0
    for kind in out.glob('*/train'):
        stems = {path.stem for path in kind.iterdir()} - {'mine'}
        count = len(set(pq.read_table(shards[0])['image'].to_pylist()))
        assert stems == {f'{number:012d}' for number in range(1, count + 1)}
    assert (out / 'images' / 'train' / 'mine.jpg').read_text() == 'mine'
    assert all(path.exists() for path in folder.iterdir())


def test_images_in_tars_parquet_and_videos_are_copied(whole, tmp_path):
    tar = write_tar(tmp_path / 'a.tar', ['x', 'y'])
    pq.write_table(pa.table({'image': [png(0), png(3)]}), tmp_path / 'b.parquet')
    with VideoWriter(tmp_path / 'c.mp4', 10) as writer:
        for number in (0, 4, 5):
            writer.write(picture(number))
    inputs = [tar, tmp_path / 'b.parquet', tmp_path / 'c.mp4']
    shards = label(whole, inputs, tmp_path / 'shards')
    out = tmp_path / 'out'
    assert export(shards, 'coco-wholebody', out) == 0
    content = json.loads((out / 'annotations' / 'train.json').read_text())
    images = content['images']
    assert [image['source'] for image in images[:3]] == [
        f'tar://x.png::{tar}',
        f'tar://y.png::{tar}',
        f'{tmp_path}/b.parquet#row=1',
    ]
    found = [
        cv2.imread(str(out / 'images' / 'train' / image['file_name']))
        for image in images
    ]
    for number, image in zip((1, 2, 3), found):
        np.testing.assert_array_equal(image, picture(number))
    frames = [image['source'].rsplit('#', 1)[1] for image in images[3:]]
    # The black frame is before anybody is found.
    assert frames == ['frame=1', 'frame=2']
    assert np.abs(found[3].astype(int) - picture(4)).mean() < 10


def test_errors(build, whole, folder, tmp_path, capsys):
    def said(*arguments):
        assert export(*arguments, '--overwrite') == 1
        return capsys.readouterr().err

    out = tmp_path / 'out'
    assert 'has no shards' in said(tmp_path, 'yolo-pose', out)
    few = label(build, [folder], tmp_path / 'few')
    assert '17 points' in said(few, 'coco-wholebody', out)
    (tmp_path / 'gone.png').write_bytes(png(1))
    gone = label(whole, [tmp_path / 'gone.png'], tmp_path / 'gone')
    (tmp_path / 'gone.png').unlink()
    assert 'label it again' in said(gone, 'yolo-pose', out)
    (tmp_path / 'black.png').write_bytes(png(0))
    nobody = label(whole, [tmp_path / 'black.png'], tmp_path / 'nobody')
    assert 'nobody is in 1 shards' in said(nobody, 'yolo-pose', out)
    (tmp_path / 'people-0.parquet').write_text('no shard')
    assert 'people-0.parquet' in said(tmp_path / 'people-0.parquet', 'yolo-pose', out)
    assert not (out / 'annotations' / 'train.json').exists()


@pytest.mark.torch
@pytest.mark.slow
def test_a_model_trains_on_its_own_labels(loud_t_file, drawn_root, tmp_path):
    """An epoch of RTMW-t, from labels of RTMW-t."""
    from support.training import in_child, training

    words = ['label', drawn_root / 'images', '--out', tmp_path / 'shards', '--pose']
    words += [loud_t_file, '--det', 'none', '--engine', 'local', '--threads', 1]
    assert cli.main([*map(str, words)]) == 0
    root = tmp_path / 'set'
    assert export(tmp_path / 'shards', 'coco-wholebody', root) == 0
    content = json.loads((root / 'annotations' / 'train.json').read_text())
    assert any(row['num_keypoints'] for row in content['annotations'])
    config = training(root, tmp_path / 'work', **{'train_cfg.max_epochs': 1})

    def train():
        from mmengine.runner import Runner

        Runner.from_cfg(config).train()

    assert in_child(train) == 0
    assert (tmp_path / 'work' / 'epoch_1.pth').exists()
