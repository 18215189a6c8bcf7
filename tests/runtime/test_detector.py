"""Person detectors: layouts, decoding, real photos."""

import json

import numpy as np
import onnx
import pytest

from rtmw_ext.core.metadata import METADATA_KEY, NetworkMetadata
from rtmw_ext.runtime import Detector, DetectorError, NetworkError
from rtmw_ext.runtime.detector import decode_dets, decode_heads, decode_yolox
from rtmw_ext.runtime.identity import iou
from support.networks import toy


def test_detector_errors(tmp_path):
    with pytest.raises(NetworkError, match='does not exist'):
        Detector(tmp_path / 'none.onnx')
    path = toy(tmp_path / 'x.onnx', {'x': (1, 3, 64, 64)}, {'logits': (1, 1000)})
    with pytest.raises(DetectorError, match='x.onnx has inputs'):
        Detector(path)
    dets = {'dets': (1, 7, 5), 'labels': (1, 7)}
    path = toy(tmp_path / 'det.onnx', {'x': (1, 3, 64, 64)}, dets)
    with pytest.raises(DetectorError, match='could be RTMDet or YOLOX'):
        Detector(path)
    assert Detector(path, 'yolox').mean is None
    assert Detector(path.rename(tmp_path / 'rtmdet_x.onnx')).mean is not None


@pytest.mark.parametrize('rgb', [True, False, None])
def test_order_of_channels(tmp_path, rgb):
    dets = {'dets': (1, 7, 5), 'labels': (1, 7)}
    path = toy(tmp_path / 'rtmdet.onnx', {'x': (1, 3, 32, 32)}, dets)
    meta = NetworkMetadata(mean=(10.0, 20.0, 30.0), std=(1.0, 1.0, 1.0), rgb=rgb)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: meta.to_json()})
    onnx.save(model, path)
    image = np.full((32, 32, 3), (10, 20, 30), np.uint8)
    tensor, _ = Detector(path).letterbox(image)
    off = [20, 0, -20] if rgb else [0, 0, 0]
    assert tensor[0, :, 0, 0].tolist() == off


def test_decode_heads_by_hand():
    head = np.full((1, 2, 2, 5), -9.0, np.float32)
    head[0, 1, 0] = (0, 1, 2, 3, 4)
    boxes, scores, done = decode_heads([head], (16, 16), 0.3)
    # Cell (x 0, y 1) of stride 8 lies at (0, 8).
    assert boxes.tolist() == [[-1, 6, 3, 12]] and scores.tolist() == [0.5]
    assert not done


def test_decode_dets_keeps_persons():
    dets = np.array([[[0, 0, 2, 2, 0.9], [1, 1, 3, 3, 0.8], [1, 1, 3, 3, 0.1]]])
    labels = np.array([[0, 5, 0]])
    boxes, scores, done = decode_dets([dets, labels], (9, 9), 0.3)
    assert boxes.tolist() == [[0, 0, 2, 2]] and scores.tolist() == [0.9]
    assert done and len(decode_dets([dets], (9, 9), 0.3)[0]) == 2


@pytest.mark.parametrize('size', [(64, 64), (96, 64)])
def test_decode_yolox_by_hand(size):
    cells = sum(size[0] // s * (size[1] // s) for s in (8, 16, 32))
    output = np.zeros((1, cells, 7), np.float32)
    # The second cell of stride 16: at (16, 0), half a cell inside.
    place = size[0] // 8 * (size[1] // 8) + 1
    output[0, place] = (0.5, 0.25, np.log(2), 0, 1, 0.8, 0.1)
    boxes, scores, _ = decode_yolox([output], size, 0.3)
    assert np.allclose(boxes, [[24 - 16, 4 - 8, 24 + 16, 4 + 8]])
    assert np.allclose(scores, 0.8)


def test_detector_on_real_photos(shared, tmp_path):
    from rtmw_ext.export.detector_nms import add_nms

    path = shared / 'weights' / 'rtmdet-nano_person_320.onnx'
    detect = Detector(path)
    add_nms(path, tmp_path / 'rtmdet_nms.onnx', score_thr=0.3)
    inside = Detector(tmp_path / 'rtmdet_nms.onnx', 'rtmdet')
    coco = shared / 'samples' / 'coco'
    content = json.loads((coco / 'test_coco_wholebody.json').read_text())
    found = total = 0
    for image in content['images']:
        boxes, scores = detect(coco / image['file_name'])
        assert (np.diff(scores) <= 0).all()
        again, _ = inside(coco / image['file_name'])
        assert np.abs(again - boxes).max() < 0.01
        for row in content['annotations']:
            x, y, w, h = row['bbox']
            if row['image_id'] != image['id'] or w * h < 64**2:
                continue
            total += 1
            found += iou(boxes, np.array([[x, y, x + w, y + h]])).max() > 0.5
    assert total >= 4 and found / total >= 0.7
