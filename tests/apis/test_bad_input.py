"""Broken images, boxes, annotations and checkpoints: errors that name them."""

import json
import pickle
import shutil

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.apis import MMPoseInferencer
from mmpose.registry import DATASETS

from rtmw_ext.apis.topdown import BoxError, estimate_poses
from rtmw_ext.compat import dependencies
from rtmw_ext.compat import patches as compat
from rtmw_ext.core.images import ImageError, list_images, read_image
from rtmw_ext.datasets.transforms import LoadImageOrSkip
from rtmw_ext.datasets.wholebody import AnnotationError
from rtmw_ext.engine.checkpoints import CheckpointError, check_fit


@pytest.fixture
def photo(drawn_root):
    return sorted((drawn_root / 'images' / 'train').iterdir())[0]


def missing(folder, photo):
    return folder / 'missing.jpg'


def truncated(folder, photo):
    path = folder / 'truncated.jpg'
    path.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    return path


def empty(folder, photo):
    path = folder / 'empty.jpg'
    path.touch()
    return path


def text(folder, photo):
    path = folder / 'text.jpg'
    path.write_text('no image')
    return path


BROKEN = [missing, truncated, empty, text]


@pytest.fixture(scope='module')
def inferencer(rtmw_t, tmp_path_factory):
    init_default_scope('mmpose')
    model, config = rtmw_t
    folder = tmp_path_factory.mktemp('model')
    config.dump(folder / 'config.py')
    torch.save(dict(state_dict=model.state_dict(), meta={}), folder / 'model.pth')
    return MMPoseInferencer(
        str(folder / 'config.py'),
        str(folder / 'model.pth'),
        det_model='whole_image',
        device='cpu',
    )


@pytest.mark.parametrize('make', BROKEN)
def test_broken_image_is_named(make, tmp_path, photo, inferencer):
    path = make(tmp_path, photo)
    with pytest.raises(ImageError, match=path.name):
        next(inferencer(str(path)))


@pytest.mark.parametrize('make', BROKEN)
def test_dataset_warns_once_and_skips(make, tmp_path, photo, caplog):
    path = make(tmp_path, photo)
    load = LoadImageOrSkip()
    from unittest import mock

    with mock.patch('rtmw_ext.datasets.transforms.print_log') as log:
        assert load.transform(dict(img_path=str(path))) is None
        assert load.transform(dict(img_path=str(path))) is None
    assert log.call_count == 1 and path.name in log.call_args[0][0]
    with pytest.raises(ImageError, match=path.name):
        LoadImageOrSkip(skip=False).transform(dict(img_path=str(path)))


@pytest.mark.parametrize('kind', ['grey', 'rgba', '16-bit'])
def test_other_image_types_are_converted(kind, tmp_path, photo, inferencer):
    image = cv2.imread(str(photo))
    other = {
        'grey': cv2.cvtColor(image, cv2.COLOR_BGR2GRAY),
        'rgba': cv2.cvtColor(image, cv2.COLOR_BGR2BGRA),
        '16-bit': image.astype(np.uint16) * 257,
    }[kind]
    path = tmp_path / 'picture.png'
    cv2.imwrite(str(path), other)
    expected = image if kind != 'grey' else cv2.cvtColor(other, cv2.COLOR_GRAY2BGR)
    for source in (path, other):
        assert np.array_equal(read_image(source), expected)
        source = source if source is other else str(source)
        result = next(inferencer(source))
        assert len(result['predictions'][0][0]['keypoints']) == 133


@pytest.mark.parametrize(
    'array',
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_bad_arrays(array):
    with pytest.raises(ImageError, match='array'):
        read_image(array)


def test_empty_folder(tmp_path, inferencer):
    with pytest.raises(ImageError, match=str(tmp_path)):
        list_images(tmp_path)
    with pytest.raises(ImageError, match=str(tmp_path)):
        next(inferencer(str(tmp_path)))


def test_folder_of_images(drawn_root, inferencer, tmp_path):
    folder = drawn_root / 'images' / 'val'
    results = list(inferencer(str(folder), out_dir=str(tmp_path), kpt_thr=0.0))
    assert len(results) == len(list(folder.iterdir())) == 3
    for path in folder.iterdir():
        picture = cv2.imread(str(tmp_path / 'visualizations' / path.name))
        assert (picture != cv2.imread(str(path))).mean() > 0.01
        predictions = tmp_path / 'predictions' / f'{path.stem}.json'
        assert len(json.loads(predictions.read_text())) == 1


@pytest.mark.parametrize(
    'box',
    [(400, 10, 500, 60), (-50, -50, -1, -1), (10, 10, 10, 50), (0, 0, float('nan'), 9)],
)
def test_box_outside_the_image(box, inferencer, photo):
    with pytest.raises(BoxError, match='box 1'):
        estimate_poses(inferencer.inferencer.model, str(photo), [(0, 0, 100, 100), box])


def test_box_over_the_border_and_none(inferencer, photo):
    model = inferencer.inferencer.model
    (sample,) = estimate_poses(model, str(photo), [(-40, -40, 200, 200)])
    assert sample.pred_instances.keypoints.shape == (1, 133, 2)
    assert estimate_poses(model, str(photo), []) == []


def dataset(root):
    return DATASETS.build(
        dict(
            type='WholeBodyDataset',
            data_root=str(root),
            ann_file='annotations/train.json',
            data_prefix=dict(img='images/train/'),
            pipeline=[],
        )
    )


def change(drawn_root, tmp_path, edit):
    root = tmp_path / 'data'
    shutil.copytree(drawn_root, root)
    path = root / 'annotations' / 'train.json'
    content = json.loads(path.read_text())
    edit(content['annotations'])
    path.write_text(json.dumps(content))
    return root


@pytest.mark.parametrize(
    'edit, problem',
    [
        (lambda a: a.update(bbox=[9999, 0, 10, 10]), 'outside the image'),
        (lambda a: a.update(bbox=[5, 5, 0, 10]), 'no area'),
        (lambda a: a.update(bbox=[5, 5, -3, 10]), 'no area'),
        (lambda a: a.update(keypoints=a['keypoints'][:48]), '48 values'),
        (lambda a: a['face_kpts'].__setitem__(0, float('nan')), 'NaN'),
        (lambda a: a.pop('foot_kpts'), 'foot_kpts'),
    ],
)
def test_bad_annotation_is_skipped(drawn_root, tmp_path, edit, problem):
    from unittest import mock

    whole = len(dataset(drawn_root))
    root = change(drawn_root, tmp_path, lambda rows: edit(rows[0]))
    with mock.patch('rtmw_ext.datasets.checks.print_log') as log:
        assert len(dataset(root)) == whole - 1
    assert log.call_count == 1 and problem in log.call_args[0][0]


def test_annotation_file_cut_off(drawn_root, tmp_path):
    root = tmp_path / 'data'
    shutil.copytree(drawn_root, root)
    path = root / 'annotations' / 'train.json'
    path.write_text(path.read_text()[:500])
    with pytest.raises(AnnotationError, match='train.json.*cut off'):
        dataset(root)
    path.unlink()
    with pytest.raises(AnnotationError, match='does not exist'):
        dataset(root)


def test_checkpoint_of_another_model(rtmw_t):
    model, _ = rtmw_t
    weights = model.state_dict()
    check_fit(model, weights, 'good.pth')
    weights['head.cls_x.weight'] = torch.zeros(576, 256)
    with pytest.raises(CheckpointError, match='bad.pth.*576'):
        check_fit(model, weights, 'bad.pth')


class Bomb:
    def __reduce__(self):
        return print, ('code of the checkpoint ran',)


def test_checkpoint_with_code_is_refused(tmp_path, capsys, monkeypatch):
    from mmengine.runner.checkpoint import _load_checkpoint

    path = tmp_path / 'bomb.pth'
    torch.save(dict(state_dict={}, extra=Bomb()), path)
    with pytest.raises(pickle.UnpicklingError, match='bomb.pth'):
        _load_checkpoint(str(path), map_location='cpu')
    assert 'code of the checkpoint ran' not in capsys.readouterr().out
    monkeypatch.setenv(compat.TRUST, '1')
    assert 'state_dict' in _load_checkpoint(str(path), map_location='cpu')


def test_legacy_onnx_export_is_restored():
    original = torch.onnx.export
    with compat.legacy_onnx_export():
        assert torch.onnx.export is not original
    assert torch.onnx.export is original


@pytest.mark.parametrize(
    'required, text',
    [
        (('no_such_package', '1.0', 'pip install it'), 'not installed: pip'),
        (('torch', '99.0', 'pip install newer'), 'is installed: pip'),
    ],
)
def test_missing_or_old_package(required, text):
    with pytest.raises(ImportError, match=text):
        dependencies.check([required])
