"""Broken images and annotations: skipped or refused, by name."""

import json
import shutil
from unittest import mock

import pytest
from mmpose.registry import DATASETS

from rtmw_ext.core.images import ImageError
from rtmw_ext.datasets.transforms import LoadImageOrSkip
from rtmw_ext.datasets.wholebody import AnnotationError


def test_dataset_warns_once_and_skips(broken_image):
    path = broken_image
    load = LoadImageOrSkip()
    with mock.patch('rtmw_ext.datasets.transforms.print_log') as log:
        assert load.transform(dict(img_path=str(path))) is None
        assert load.transform(dict(img_path=str(path))) is None
    assert log.call_count == 1 and path.name in log.call_args[0][0]
    with pytest.raises(ImageError, match=path.name):
        LoadImageOrSkip(skip=False).transform(dict(img_path=str(path)))


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
