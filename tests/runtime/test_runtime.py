"""The runtime without torch: decoding, crops, detectors, tracking, video.

Shapes: N persons, K keypoints.
"""

import copy
import json
import subprocess
import sys
import threading
from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmpose.apis import inference_topdown, init_model
from mmpose.codecs.utils import get_simcc_maximum
from onnx import TensorProto, helper

from rtmw_ext.commands.bench import moving
from rtmw_ext.core.crops import BoxError
from rtmw_ext.core.images import ImageError
from rtmw_ext.core.metadata import NetworkMetadata
from rtmw_ext.core.simcc import decode, decode_axis, expected_bins
from rtmw_ext.export import to_onnx
from rtmw_ext.export.detector_nms import add_nms
from rtmw_ext.export.model import Exportable, describe
from rtmw_ext.runtime import (
    Detector,
    DetectorError,
    NetworkError,
    OneEuro,
    People,
    PoseError,
    PoseModel,
    Tracker,
    WholeBody,
    load_network,
    network,
    video,
)
from rtmw_ext.runtime.detector import decode_dets, decode_heads, decode_yolox
from rtmw_ext.runtime.tracking import iou, points_box
from support.examples import examples
from support.paths import ROOT


@pytest.fixture(scope='module')
def photo(drawn_root):
    return cv2.imread(str(sorted((drawn_root / 'images' / 'train').iterdir())[0]))


def people_at(points, scores=None, boxes=None):
    points = np.asarray(points, np.float32)
    scores = (
        np.ones(points.shape[:2], np.float32)
        if scores is None
        else (np.asarray(scores, np.float32))
    )
    if boxes is None:
        boxes = np.concatenate([points.min(1), points.max(1)], 1)
    return People(
        points, scores, np.asarray(boxes, np.float32), np.ones(len(points), np.float32)
    )


# Importing


@pytest.mark.parametrize(
    'statement',
    [
        'import rtmw_ext',
        'import rtmw_ext.runtime',
        'import rtmw_ext.commands.cli',
        'from rtmw_ext import core, runtime, zoo; runtime.WholeBody',
        'from rtmw_ext.commands import infer, bench; from rtmw_ext import zoo',
    ],
)
def test_importing_needs_no_torch(statement):
    code = (
        f'{statement}\nimport sys\n'
        'print(sorted({name.split(".")[0] for name in sys.modules}))'
    )
    out = subprocess.run(
        [sys.executable, '-c', code],
        text=True,
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    assert "'rtmw_ext'" in out
    for package in ('torch', 'mmengine', 'mmcv', 'mmdet', 'mmpose'):
        assert f"'{package}'" not in out


# Decoding

LOGITS = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).normal(size=(2, 5, 9)).astype(np.float32)
)


@given(LOGITS, LOGITS)
def test_decode_as_mmpose(x, y):
    bins, scores = decode([x, y])
    expected, heights = get_simcc_maximum(x.copy(), y.copy())
    assert np.array_equal(bins, expected)
    assert np.array_equal(scores, heights)


@given(st.floats(1, 7), st.floats(1, 3))
def test_subbin_finds_the_top_of_a_gaussian(centre, sigma):
    bins = np.arange(9)
    logits = -((bins - centre) ** 2) / (2 * sigma**2)
    found, _ = decode_axis(logits[None, None].astype(np.float64), True)
    assert abs(found.item() - centre) < 1e-4
    whole, _ = decode_axis(logits[None, None])
    assert abs(whole.item() - centre) <= 0.5 + 1e-6


def test_subbin_at_the_ends_and_on_a_plateau():
    logits = np.array([[[3.0, 1, 0], [0, 1, 3], [2, 2, 2]]])
    assert decode_axis(logits, True)[0].tolist() == [[0, 2, 0]]


def test_expected_bins_by_hand():
    logits = np.log(np.array([[[1.0, 1, 2, 0.5], [1, 0.5, 0.5, 1]]]))
    assert np.allclose(expected_bins(logits, 1.0), [[6.5 / 4.5, 1.5]])
    # A hotter softmax goes to the highest bin.
    assert np.allclose(expected_bins(logits, 50.0)[0, 0], 2)
    bins, _ = decode([logits + 1, logits + 1], expected_beta=1.0)
    assert np.allclose(bins[0, 0], 6.5 / 4.5)


# Crops and poses


def reference(model, config, image, boxes, tmp_path):
    config = copy.deepcopy(config)
    config.train_dataloader = dict(
        dataset=dict(
            metainfo=dict(from_file='configs/_base_/datasets/coco_wholebody.py')
        )
    )
    config.dump(tmp_path / 'config.py')
    torch.save(dict(state_dict=model.state_dict(), meta={}), tmp_path / 'model.pth')
    loaded = init_model(
        str(tmp_path / 'config.py'),
        str(tmp_path / 'model.pth'),
        device='cpu',
        cfg_options=dict(model=dict(test_cfg=dict(flip_test=False))),
    )
    return inference_topdown(loaded, image, np.float32(boxes))


BOXES = [
    (20, 10, 140, 220),
    (-30, 40, 60, 90),
    (100, 5, 180, 400),
    (0, 0, 40, 30),
    (50, 60, 250, 200),
]


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize('which', ['rtmw_t_file', 'rtmw3d_t_file'])
def test_as_pytorch(which, backend, photo, request, tmp_path):
    pytest.importorskip(backend)
    path, model, config = request.getfixturevalue(which)
    expected = reference(model, config, photo, BOXES, tmp_path)
    pose = PoseModel(path, backend=backend, threads=2)
    found = pose(photo, BOXES)
    for name, theirs in (
        ('keypoints', 'keypoints'),
        ('scores', 'keypoint_scores'),
        ('keypoints_3d', 'keypoints_3d'),
        ('keypoints_3d_cam', 'keypoints_3d_cam'),
    ):
        ours = getattr(found, name)
        if ours is None:
            assert not pose.is_3d
            continue
        wanted = np.concatenate([sample.pred_instances[theirs] for sample in expected])
        assert ours.shape == wanted.shape
        # 0.1 px and 1 mm; the crops of large boxes have coarse bins, so
        # that one bin that flips would be seen.
        assert np.abs(ours - wanted).max() < (1e-3 if '3d' in name else 0.1)


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_batches_change_nothing(rtmw_t_file, photo, backend):
    pytest.importorskip(backend)
    pose = PoseModel(rtmw_t_file[0], backend=backend, threads=2)
    together = pose(photo, BOXES)
    for number, box in enumerate(BOXES):
        alone = pose(photo, [box])
        assert np.allclose(alone.keypoints[0], together.keypoints[number])
    pose.batch = 2
    assert np.allclose(pose(photo, BOXES).keypoints, together.keypoints)
    assert len(pose(photo, np.zeros((0, 4)))) == 0
    assert pose(photo, []).keypoints.shape == (0, 133, 2)


def test_rtmlib_gives_the_same(rtmw_t_file, photo):
    rtmlib = pytest.importorskip('rtmlib', reason='see requirements/bench.txt')
    theirs = rtmlib.RTMPose(str(rtmw_t_file[0]), (192, 256))
    points, _ = theirs(photo, np.float64(BOXES))
    ours = PoseModel(rtmw_t_file[0], rgb=False)(photo, BOXES)
    assert np.abs(points - ours.keypoints).max() < 0.5


def test_published_layout_without_metadata(rtmw_t_file, tmp_path, photo):
    """OpenMMLab's files: no metadata, any order, free sizes of outputs."""
    path, model, config = rtmw_t_file
    plain = onnx.load(path)
    del plain.metadata_props[:]
    outputs = list(plain.graph.output)
    del plain.graph.output[:]
    for output in outputs[::-1]:
        output.type.tensor_type.shape.dim[1].dim_param = f'k_{output.name}'
        output.type.tensor_type.shape.dim[1].ClearField('dim_value')
        plain.graph.output.append(output)
    onnx.save(plain, tmp_path / 'published.onnx')
    ours, theirs = PoseModel(path), PoseModel(tmp_path / 'published.onnx')
    assert theirs.input_size == (192, 256) and theirs.split_ratio == 2
    assert np.array_equal(ours(photo, BOXES).keypoints, theirs(photo, BOXES).keypoints)
    assert theirs(photo, []).keypoints.shape == (0, 133, 2)


@pytest.mark.parametrize('box', [(0, 0, 0, 9), (5, 5, 1, 9), (0, 0, np.nan, 9)])
def test_bad_boxes(box, rtmw_t_file, photo):
    with pytest.raises(BoxError, match='box 1 is'):
        PoseModel(rtmw_t_file[0])(photo, [(0, 0, 9, 9), box])


@pytest.mark.parametrize('side', [(1, 1), (1, 700), (3, 2)])
def test_tiny_images(side, rtmw_t_file):
    image = np.full((*side, 3), 128, np.uint8)
    people = PoseModel(rtmw_t_file[0])(image)
    assert len(people) == 1 and np.isfinite(people.keypoints).all()


# Networks


def toy(path, inputs, outputs):
    """An ONNX file whose outputs are constants of the given shapes."""
    nodes, values = [], []
    for name, shape in outputs.items():
        nodes.append(
            helper.make_node(
                'ConstantOfShape',
                [f'{name}_shape'],
                [name],
                value=helper.make_tensor('v', TensorProto.FLOAT, [1], [0.5]),
            )
        )
        values.append(
            helper.make_tensor(f'{name}_shape', TensorProto.INT64, [len(shape)], shape)
        )
    graph = helper.make_graph(
        nodes,
        'toy',
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in inputs.items()
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        values,
    )
    onnx.save(
        helper.make_model(
            graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9
        ),
        path,
    )
    return path


def test_no_pose_model(tmp_path):
    for outputs in (
        {'logits': (1, 1000)},
        {'a': (1, 133, 9)},
        {'a': (1, 133, 9), 'b': (1, 17, 9)},
    ):
        path = toy(tmp_path / 'other.onnx', {'x': (1, 3, 4, 4)}, outputs)
        with pytest.raises(PoseError, match='other.onnx is no pose model'):
            PoseModel(path)


def test_who_has_no_part_in_a_second_look(tmp_path, rtmw_t_file):
    for outputs in (
        {'keypoints': (1, 133, 2), 'scores': (1, 133)},
        {'simcc_x': (1, 17, 384), 'simcc_y': (1, 17, 512)},
    ):
        path = toy(tmp_path / 'once.onnx', {'input': (1, 3, 256, 192)}, outputs)
        once = PoseModel(path)
        for one, other in (
            (path, path),
            (path, rtmw_t_file[0]),
            (rtmw_t_file[0], path),
            (rtmw_t_file[0], once),
        ):
            with pytest.raises(
                PoseError, match='once.onnx cannot take part in a second look'
            ):
                PoseModel(one, second_look=other)
    for other in (True, 3):
        with pytest.raises(PoseError, match=f'second_look={other} is no'):
            PoseModel(rtmw_t_file[0], second_look=other)


def test_mismatched_input_size(tmp_path, rtmw_t_file):
    path = toy(
        tmp_path / 'odd.onnx',
        {'input': (1, 3, 256, 192)},
        {'simcc_x': (1, 133, 576), 'simcc_y': (1, 133, 512)},
    )
    with pytest.raises(PoseError, match='odd.onnx.*do not fit 192 x 256'):
        PoseModel(path)
    model = onnx.load(rtmw_t_file[0])
    meta = NetworkMetadata.from_json(model.metadata_props[0].value)
    to_onnx.write_metadata(model, replace(meta, input_size=(288, 384)), path)
    with pytest.raises(PoseError, match='do not fit 288 x 384'):
        PoseModel(path)
    with pytest.raises(NetworkError, match='fails on an input of shape'):
        load_network(rtmw_t_file[0])(np.zeros((1, 3, 64, 64), np.float32))


def test_int8_products_on_cpus_without_vnni(rtmw_t_file, tmp_path, monkeypatch):
    """The slower, exact way there, and there only."""
    info = tmp_path / 'cpuinfo'
    for text, known in (
        ('flags : avx2', False),
        ('flags : avx_vnni', True),
        ('flags : avx512_vnni', True),
    ):
        info.write_text(text)
        network.has_vnni.cache_clear()
        assert network.has_vnni(str(info)) == known
        monkeypatch.setattr(network, 'has_vnni', lambda known=known: known)
        options = load_network(
            rtmw_t_file[0], 'onnxruntime'
        )._session.get_session_options()
        entry = 'session.x64quantprecision'
        if known:
            with pytest.raises(RuntimeError, match='x64quantprecision'):
                options.get_session_config_entry(entry)
        else:
            assert options.get_session_config_entry(entry) == '1'
        monkeypatch.undo()
    assert not network.has_vnni(str(tmp_path / 'none'))


def test_network_errors(tmp_path, rtmw_t_file):
    path = rtmw_t_file[0]
    bad = tmp_path / 'bad.onnx'
    bad.write_text('no model')
    for arguments, text in [
        ((tmp_path / 'none.onnx',), 'none.onnx does not exist'),
        ((bad,), 'bad.onnx is no model'),
        ((bad, 'openvino'), 'bad.onnx is no model'),
        ((ROOT / 'setup.py',), 'neither .onnx nor .xml'),
        ((path, 'tflite'), 'unknown backend "tflite"'),
        ((path, None, 'tpu'), 'no device "tpu"'),
        ((path, 'openvino', 'tpu'), 'no device "tpu"'),
        ((path, None, 'cpu', 0, 'fp8'), 'unknown precision "fp8"'),
        ((path, 'onnxruntime', 'cpu', 0, 'bf16'), 'ONNX Runtime has no bf16'),
    ]:
        with pytest.raises(NetworkError, match=text):
            load_network(*arguments)


def test_default_backend(rtmw_t_file, tmp_path, monkeypatch):
    pytest.importorskip('openvino')
    path = rtmw_t_file[0]
    assert isinstance(load_network(path), network.OpenVino)
    # A file that OpenVINO cannot read goes to ONNX Runtime.
    node = helper.make_node('Inverse', ['x'], ['y'], domain='com.microsoft')
    sides = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 2, 2))
        for name in 'xy'
    ]
    model = helper.make_model(
        helper.make_graph([node], 'g', sides[:1], sides[1:]),
        opset_imports=[
            helper.make_opsetid('', 17),
            helper.make_opsetid('com.microsoft', 1),
        ],
    )
    model.ir_version = 8
    onnx.save(model, tmp_path / 'inverse.onnx')
    inverse = load_network(tmp_path / 'inverse.onnx')
    assert isinstance(inverse, network.OnnxRuntime)
    assert np.allclose(inverse(np.eye(2)[None] * 4), np.eye(2) / 4)
    with pytest.raises(NetworkError, match='OpenVINO can load'):
        load_network(tmp_path / 'inverse.onnx', 'openvino')
    monkeypatch.setattr(network, 'find_spec', lambda name: None)
    assert isinstance(load_network(path), network.OnnxRuntime)


MEMORY = """
import resource, sys
import numpy as np
from rtmw_ext.runtime import load_network
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
network = load_network(sys.argv[1], "openvino", threads=2)
network(np.ones((1, 64, 8, 8), np.float32))
before = peak()
several = network(np.ones((5, 64, 8, 8), np.float32))[0]
print(peak() - before, len(network._compiled), *several.shape)
"""


@pytest.mark.parametrize(
    ('convolutions', 'compilations', 'half'),
    [(2, 2, False), (4, 1, False), (4, 1, True)],
)
def test_openvino_copies_few_weights(tmp_path, convolutions, compilations, half):
    """A second compilation shares the file's weights, of 25 MiB a
    convolution, and there is none where its own would be too many; in
    float32, if the file has half of that, too."""
    openvino = pytest.importorskip('openvino')
    channels = [64, *[2560, 288] * 2][: convolutions + 1]
    rng, nodes, values = np.random.default_rng(0), [], []
    for number, pair in enumerate(zip(channels, channels[1:])):
        values.append(
            onnx.numpy_helper.from_array(
                rng.normal(size=(*pair[::-1], 3, 3)).astype(np.float32), f'w{number}'
            )
        )
        nodes.append(
            helper.make_node(
                'Conv', [str(number), f'w{number}'], [str(number + 1)], pads=[1] * 4
            )
        )
    sides = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ('batch', side, 8, 8))
        for name, side in (('0', channels[0]), (str(convolutions), channels[-1]))
    ]
    onnx.save(
        helper.make_model(
            helper.make_graph(nodes, 'g', sides[:1], sides[1:], values),
            opset_imports=[helper.make_opsetid('', 17)],
            ir_version=9,
        ),
        tmp_path / 'wide.onnx',
    )
    path = tmp_path / 'wide.onnx'
    weights = path.stat().st_size / 2**20
    if half:
        model = network.openvino_core().read_model(path)
        path = tmp_path / 'half.xml'
        openvino.save_model(model, path, compress_to_fp16=True)
    out = subprocess.run(
        [sys.executable, '-c', MEMORY, path], text=True, capture_output=True, check=True
    ).stdout.split()
    assert out[1:] == [str(compilations), '5', str(channels[-1]), '8', '8']
    assert float(out[0]) < 20 + (1.3 * weights if compilations == 2 else 0)


def test_openvino_leaves_signals_alone(rtmw_t_file):
    """Networks released in the order of their making; then a signal that
    Python handles."""
    pytest.importorskip('openvino')
    code = (
        'import gc, signal, subprocess, sys\n'
        'from rtmw_ext.runtime import load_network\n'
        'signal.signal(signal.SIGCHLD, lambda *_: print("heard"))\n'
        'first, second = (load_network(sys.argv[1], "openvino")'
        ' for _ in range(2))\n'
        'del first; gc.collect()\n'
        'del second; gc.collect()\n'
        'subprocess.run(["true"])\n'
    )
    run = subprocess.run(
        [sys.executable, '-c', code, rtmw_t_file[0]], text=True, capture_output=True
    )
    assert run.returncode == 0 and 'heard' in run.stdout, run.stderr


# Detectors


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


# Tracking


@given(st.floats(-500, 500), st.floats(1, 500))
def test_iou(place, size):
    box = np.array([[place, place, place + size, place + size]])
    assert np.allclose(iou(box, box), 1)
    assert iou(box, box + size)[0, 0] < 1e-6
    half = box.copy()
    half[0, 2] -= size / 2
    assert np.allclose(iou(box, half), 0.5, atol=1e-3)


def test_points_box():
    points = np.float32([[(0, 0), (4, 6), (99, 99)], [(1, 1), (2, 2), (3, 3)]])
    boxes, good = points_box(points, np.float32([[1, 1, 0.1], [1, 0, 0]]))
    assert boxes[0].tolist() == [0, 0, 4, 6] and good.tolist() == [True, False]


def test_tracker_keeps_ids_and_margins():
    tracker = Tracker()
    points = np.float32([[(10, 10), (20, 30)], [(100, 100), (140, 180)]])
    boxes = np.float32([[8, 8, 22, 34], [90, 100, 150, 190]])
    tracker.detect(boxes, np.ones(2, np.float32))
    first = tracker.update(people_at(points, boxes=boxes))
    assert first.ids.tolist() == [0, 1]
    assert np.allclose(tracker.boxes, boxes)
    moved = points + 5
    tracker.update(people_at(moved, boxes=tracker.boxes))
    assert np.allclose(tracker.boxes, boxes + 5)
    # The detector lists them in another order, with somebody new.
    new = np.float32([[300, 300, 320, 330], *(boxes[::-1] + 6)])
    tracker.detect(new, np.ones(3, np.float32))
    assert tracker.ids.tolist() == [2, 1, 0]
    # A person without seen points is gone between detections.
    seen = np.ones((3, 2), np.float32)
    tracker.update(people_at(np.tile(points[:1], (3, 1, 1)), boxes=new))
    seen[1] = 0
    left = tracker.update(people_at(np.tile(points[:1], (3, 1, 1)), seen))
    assert left.ids.tolist() == [2, 0] == tracker.ids.tolist()


@given(st.floats(0.5, 30), st.floats(0, 50))
@examples(20)
def test_one_euro(cutoff, beta):
    smooth = OneEuro(30, cutoff, beta)
    rng = np.random.default_rng(0)
    still = np.float32([[(0, 0), (100, 200)]])
    noisy, calm = [], []
    for _ in range(60):
        now = people_at(still + rng.normal(0, 1, still.shape))
        now.ids = np.array([7])
        noisy.append(now.keypoints.copy())
        calm.append(smooth(now).keypoints)
    assert (np.std(calm[20:], 0) <= np.std(noisy[20:], 0) * 1.01).all()
    # A person seen first is where it was found.
    fresh = people_at(still + 50)
    fresh.ids = np.array([8])
    assert np.array_equal(smooth(fresh).keypoints, still + 50)
    with pytest.raises(ValueError, match='rate=0'):
        OneEuro(0)


# Nobody found


class Points(PoseModel):
    """Finds given points with given scores, one score a call."""

    score_scale = 1.0

    def __init__(self, points, *scores):
        self.points, self.scores = np.float32(points), list(scores)
        self.boxes = []

    def __call__(self, image, boxes, box_scores=None, camera=None):
        self.boxes.append(np.array(boxes))
        score = self.scores[len(self.boxes) - 1] if len(boxes) else 0
        return people_at(
            np.tile(self.points, (len(boxes), 1, 1)),
            np.tile(np.float32(score), (len(boxes), len(self.points))),
            self.boxes[-1],
        )


def nobody(image):
    return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)


CROSS = [(20, 40), (30, 90), *[(25, 60)] * 15]


def test_fallback_refines_the_whole_image_once():
    image = np.zeros((100, 200, 3), np.uint8)
    pose = Points(CROSS, 0.5, 0.75)
    people = WholeBody(pose, nobody)(image)
    assert len(pose.boxes) == 2
    assert pose.boxes[0].tolist() == [[0, 0, 200, 100]]
    # A tenth more than the points on each side.
    assert np.allclose(pose.boxes[1], [[19, 35, 31, 95]])
    assert np.allclose(people.boxes, pose.boxes[1])
    assert people.box_scores.tolist() == [0.75]
    worse = WholeBody(Points(CROSS, 0.75, 0.5), nobody)(image)
    assert worse.boxes.tolist() == [[0, 0, 200, 100]]
    assert worse.box_scores.tolist() == [0.75]


def test_fallback_believes_only_what_is_clear():
    image = np.zeros((100, 200, 3), np.uint8)
    pose = Points(CROSS, 0.2, 1)
    assert len(WholeBody(pose, nobody)(image)) == 0 and len(pose.boxes) == 1
    scores = np.full(17, 0.9)
    scores[5:] = 0.1
    assert len(WholeBody(Points(CROSS, scores, 1), nobody)(image)) == 0
    # Raw logits are no scores: 2 of 10 is little.
    pose = Points(CROSS, 2, 2)
    pose.score_scale = 0.1
    assert len(WholeBody(pose, nobody)(image)) == 0 and len(pose.boxes) == 1
    pose = Points(CROSS, 9, 9)
    pose.score_scale = 0.1
    assert WholeBody(pose, nobody)(image).box_scores == pytest.approx(0.9)
    pose.score_scale = None
    assert len(WholeBody(pose, nobody)(image)) == 0
    # Points in a line are a person, but no box to look again in.
    pose = Points([(9, 9)] * 17, 1)
    assert len(WholeBody(pose, nobody)(image)) == len(pose.boxes) == 1


def test_no_fallback_where_it_is_off_and_in_videos():
    image = np.zeros((100, 200, 3), np.uint8)
    pose = Points(CROSS, 1, 1)
    assert len(WholeBody(pose, nobody, fallback=False)(image)) == 0
    found = [*WholeBody(pose, nobody).video(iter([image] * 3), every=2)]
    assert [len(people) for _, people in found] == [0, 0, 0]
    assert not any(len(boxes) for boxes in pose.boxes)


# Video


def test_ahead_keeps_order_errors_and_stops():
    assert list(video.ahead(iter(range(100)))) == list(range(100))

    def broken():
        yield 1
        raise video.VideoError('in the thread')

    with pytest.raises(video.VideoError, match='in the thread'):
        list(video.ahead(broken()))
    closed = []

    def endless():
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            closed.append(number)

    items = video.ahead(endless())
    assert next(items) == 0
    items.close()
    assert closed and closed[0] < 10


def test_video_as_images(loud_t_file, photo):
    """Detection on every frame gives what single images give."""
    estimator = WholeBody(loud_t_file)
    frames = [*moving(photo, 5)]
    found = list(estimator.video(iter(frames), every=1))
    assert len(found) == 5
    for frame, (same, people) in zip(frames, found):
        assert same is frame and people.ids.tolist() == [0]
        assert np.allclose(people.keypoints, estimator(frame).keypoints)
    with pytest.raises(ValueError, match='every=0'):
        next(estimator.video(iter(frames), every=0))


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_images_at_once(rtmw_t_file, photo, backend):
    pytest.importorskip(backend)
    frames = [*moving(photo, 7)]
    one, three = (
        WholeBody(rtmw_t_file[0], backend=backend, threads=threads, streams=threads)
        for threads in (1, 3)
    )
    found = list(three.images(frames))
    assert len(found) == 7
    for frame, people in zip(frames, found):
        assert np.allclose(people.keypoints, one(frame).keypoints)
    images = three.images([frames[0], 'none.jpg', frames[1]])
    assert len(next(images)) == 1
    with pytest.raises(ImageError, match='none.jpg'):
        next(images)


def test_side_by_side():
    meet, done = threading.Barrier(3, timeout=20), []

    def work(item):
        if item < 3:
            meet.wait()
        done.append(item)
        return 1 / (item - 4)

    pairs = video.side_by_side(work, range(100), 3)
    for number in range(4):
        item, result = next(pairs)
        assert item == number and result() == 1 / (item - 4)
    with pytest.raises(ZeroDivisionError):
        next(pairs)[1]()
    pairs.close()
    assert len(done) < 12


def test_detection_only_every_nth_frame(loud_t_file, photo):
    looked = []

    def detector(image):
        looked.append(image)
        height, width = image.shape[:2]
        return np.float32([[0, 0, width, height]]), np.ones(1, np.float32)

    estimator = WholeBody(loud_t_file, detector)
    found = list(estimator.video(moving(photo, 7), every=3, smooth=30.0))
    assert len(looked) == 3
    ids = [people.ids.tolist() for _, people in found]
    # Followed in between; random points need not be where they were before.
    assert ids[0] == ids[1] == ids[2] == [0]
    assert len(ids) == 7 and ids[3] == ids[4] == ids[5]


def test_describe_needs_no_more(rtmw_t_file):
    path, model, config = rtmw_t_file
    meta = load_network(path).metadata
    assert meta == describe(model, config, 'rtmw-t', 'random')
    assert Exportable(model).training is False
