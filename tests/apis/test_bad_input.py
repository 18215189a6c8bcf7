"""Broken images and boxes: errors that name them."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.apis import MMPoseInferencer

from rtmw_ext.apis.topdown import estimate_poses
from rtmw_ext.core.crops import BoxError
from rtmw_ext.core.images import ImageError, list_images, read_image


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


def test_broken_image_is_named(broken_image, inferencer):
    with pytest.raises(ImageError, match=broken_image.name):
        next(inferencer(str(broken_image)))


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


def test_empty_folder(tmp_path, inferencer):
    with pytest.raises(ImageError, match=str(tmp_path)):
        list_images(tmp_path)
    with pytest.raises(ImageError, match='none cannot be read'):
        list_images(tmp_path / 'none')
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
