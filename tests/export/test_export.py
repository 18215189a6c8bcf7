"""Exports compute what PyTorch does, and say what they are."""

import json
import shutil

import cv2
import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config
from mmengine.registry import init_default_scope

from rtmw_ext.commands import cli
from rtmw_ext.core.crops import crop_matrices
from rtmw_ext.export import quantize
from rtmw_ext.export.check import compare
from rtmw_ext.export.exporter import export
from rtmw_ext.export.formats import ExportError
from rtmw_ext.export.model import Exportable, describe
from rtmw_ext.models.loading import load_model
from rtmw_ext.runtime import Detector
from rtmw_ext.zoo import UnknownModelError, resolve_network
from support.examples import examples
from support.models import build
from support.networks import PoseModel
from support.paths import CONFIGS, PEOPLE, RTMW_T

RTMW3D_T = CONFIGS / 'rtmw3d' / 'rtmw3d-t_cocktail17-256x192.py'
BOXES = [(20, 10, 140, 220), (0, 0, 60, 90)]


def made(model, config, path, **options):
    return export(model, describe(model, config, 'x', 'random'), path, **options)


def test_onnx_of_3d(rtmw3d_t_file, tmp_path):
    _, model, config = rtmw3d_t_file
    errors = made(model, config, tmp_path / 'm.onnx')['noise']
    assert errors['logits'] <= 1e-4 and errors['pixels'] <= 0.01
    assert errors['millimetres'] <= 0.1
    with pytest.raises(ExportError, match='only 2D models'):
        made(model, config, tmp_path / 'n', to='ncnn')


def test_the_check_sees_errors(rtmw3d_t_file):
    _, model, config = rtmw3d_t_file
    meta = describe(model, config, 'x', 'random')
    logits = [np.zeros((1, 2, bins), np.float32) for bins in (384, 512, 384)]
    for axis in logits:
        axis[..., 100] = 1
    moved = [axis.copy() for axis in logits]
    for axis in moved:
        axis[0, 1] = np.roll(axis[0, 1], 4)
    found = compare(logits, moved, meta)
    assert found['logits'] == 1 and np.isclose(found['pixels'], 8**0.5)
    assert np.isclose(found['millimetres'], 2 / 96 * 2174.4869)
    # Rounding decides between two bins of one height, not between others.
    for height, pixels in ((1 - 1e-6, 0), (1 - 1e-3, 30)):
        for axis, other in zip(logits, moved):
            axis[..., 100], axis[..., 160] = 1, height
            other[:] = axis
        moved[0][0, 1, 160] = 1.1
        assert compare(logits, moved, meta)['pixels'] == pixels


@pytest.mark.parametrize(
    'which, expected',
    [('rtmw_t_file', False), ('rtmw3d_t_file', False), ('rtmw3d_t_file', True)],
)
def test_decoding_inside(which, expected, request, tmp_path, drawn_root, monkeypatch):
    path, model, config = request.getfixturevalue(which)
    if expected:
        monkeypatch.setattr(model, 'test_cfg', dict(expected_bins=True))
        highest, path = PoseModel(path), tmp_path / 'expected.onnx'
        made(model, config, path)
    made(model, config, tmp_path / 'decoded.onnx', with_decode=True)
    image = cv2.imread(str(sorted((drawn_root / 'images' / 'train').iterdir())[0]))
    ours = PoseModel(path)(image, BOXES)
    inside = PoseModel(tmp_path / 'decoded.onnx')(image, BOXES)
    for name in ('keypoints', 'scores', 'keypoints_3d'):
        if getattr(ours, name) is not None:
            assert np.allclose(
                getattr(ours, name),
                getattr(inside, name),
                atol=2e-3 if expected else 1e-4,
            )
    if expected:
        assert ours.keypoints_3d.std() < highest(image, BOXES).keypoints_3d.std()


def test_fp16(rtmw_t_file, tmp_path):
    path, model, config = rtmw_t_file
    errors = made(model, config, tmp_path / 'half.onnx', precision='fp16')
    assert 0 < errors['noise']['logits'] < 0.01
    size = (tmp_path / 'half.onnx').stat().st_size
    assert size < 0.55 * path.stat().st_size


@pytest.mark.slow
def test_int8(rtmw_t_file, tmp_path, drawn_root):
    path, model, config = rtmw_t_file
    images = drawn_root / 'images' / 'train'
    target = tmp_path / 'int8.onnx'
    errors = made(model, config, target, precision='int8', calibration=str(images))
    nodes = onnx.load(target).graph.node
    stored = {
        output
        for node in nodes
        for output in node.output
        if node.op_type == 'DequantizeLinear'
    }
    kept = {
        (bool(quantize.FLOAT.match(node.name)), node.input[1] not in stored)
        for node in nodes
        if node.op_type == 'Conv'
    }
    assert kept == {(True, True), (False, False)}
    # Random logits reach about 1 on noise.
    assert 0 < errors['noise']['logits'] < 0.3
    assert target.stat().st_size < 0.5 * path.stat().st_size
    with pytest.raises(ExportError, match='--calibration FOLDER'):
        made(model, config, target, precision='int8')
    with pytest.raises(ExportError, match='finds nobody in 1'):
        quantize.person_crops(
            PoseModel(path),
            [np.zeros((9, 9, 3), np.uint8)],
            lambda image: (np.zeros((0, 4)), np.zeros(0)),
        )


def test_calibration_on_few_people(rtmw_t_file, drawn_root):
    pose = PoseModel(rtmw_t_file[0])
    images = sorted((drawn_root / 'images' / 'train').iterdir())[:2]
    crops = quantize.person_crops(pose, images, limit=5)
    assert crops.shape == (5, 3, *pose.input_size[::-1])
    first = quantize.person_crops(pose, images, limit=2)
    assert np.array_equal(crops[:2], first)
    # The third shows the first person, from a box that is moved a little.
    apart = [np.abs(crops[2] - crop).mean() for crop in first]
    assert 0 < apart[0] < apart[1]


def test_calibration_on_parts_in_other_lights(rtmw_t_file, drawn_root):
    pose = PoseModel(rtmw_t_file[0])
    images = sorted((drawn_root / 'images' / 'train').iterdir())[:2]
    crops = quantize.calibration_crops(pose, images, limit=17)
    assert crops.shape == (17, 3, *pose.input_size[::-1])
    assert np.array_equal(crops[:9], quantize.person_crops(pose, images, limit=9))
    light = crops.mean((1, 2, 3))
    assert np.ptp(light[9:]) > 2 * np.ptp(light[:9])


@given(st.integers(0, 99), st.integers(1, 5))
@examples(30)
def test_boxes_of_parts(seed, count):
    rng = np.random.default_rng(seed)
    low = rng.uniform(-50, 500, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 400, (count, 2))], 1)
    parts = quantize.part_boxes(boxes.astype(np.float32), rng)
    sides, longest = parts[:, 2:] - parts[:, :2], (boxes[:, 2:] - low).max(1)
    smallest, largest = quantize.PART
    assert np.allclose(sides[:, 0], sides[:, 1], rtol=1e-3, atol=1e-3)
    assert (sides.T >= smallest * longest * 0.999).all()
    assert (sides.T <= largest * longest * 1.001).all()
    centers = (parts[:, :2] + parts[:, 2:]) / 2
    assert (centers >= low - 0.01).all() and (centers <= boxes[:, 2:] + 0.01).all()


def test_calibration_by_the_name_of_a_detector(rtmw_t_file, tmp_path):
    shutil.copy(PEOPLE, tmp_path)
    path, name = rtmw_t_file[0], 'rtmdet-nano'
    detector = Detector(resolve_network(name, 'detector'))
    assert np.array_equal(
        quantize.folder_crops(path, tmp_path, name, limit=3),
        quantize.person_crops(
            PoseModel(path), [tmp_path / 'people.jpg'], detector, limit=3
        ),
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_tensorrt_without_a_gpu(rtmw_t_file, tmp_path):
    _, model, config = rtmw_t_file
    with pytest.raises(ExportError, match='trtexec --stronglyTyped --onnx='):
        made(model, config, tmp_path / 'x.engine', to='tensorrt')
    assert PoseModel(tmp_path / 'x.onnx').input_size == (192, 256)


def test_command(tmp_path, capsys):
    out = tmp_path / 'x' / 'm.onnx'
    assert (
        cli.main(['export', str(RTMW_T), '--weights', 'random', '--out', str(out)]) == 0
    )
    assert 'from PyTorch' in capsys.readouterr().out
    meta = PoseModel(out).network.metadata
    assert meta.licence == 'Apache-2.0' and meta.keypoints[0] == 'nose'
    assert cli.main(['export', 'rtmdet-nano-person', '--weights', 'random']) == 1
    assert 'tools/deploy.py' in capsys.readouterr().err


def test_load_model_by_name_and_weights(tmp_path):
    init_default_scope('mmpose')
    model, _ = build(RTMW_T)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'w.pth')
    loaded, _, name = load_model(str(RTMW_T), str(tmp_path / 'w.pth'))
    assert name == 'w.pth' and not loaded.training
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)
    with pytest.raises(UnknownModelError):
        load_model('rtmw-q')


# MMDeploy


@pytest.mark.slow
@pytest.mark.parametrize(
    'config, model, component',
    [
        ('pose_onnxruntime', RTMW_T, 'SimCCLabelDecode'),
        ('pose3d_onnxruntime', RTMW3D_T, 'SimCC3DLabelDecode'),
    ],
)
def test_mmdeploy_pose(config, model, component, tmp_path, drawn_root):
    from rtmw_ext.export.sdk import deploy

    photo = sorted((drawn_root / 'images' / 'train').iterdir())[0]
    init_default_scope('mmpose')
    network, _ = build(model)
    torch.save(dict(state_dict=network.state_dict(), meta={}), tmp_path / 'w.pth')
    path = deploy(
        CONFIGS / 'deploy' / f'{config}.py',
        model,
        tmp_path / 'w.pth',
        photo,
        tmp_path / 'out',
    )
    pose = PoseModel(path)
    crops = pose.crop(
        cv2.imread(str(photo)), crop_matrices(np.float32(BOXES), pose.input_size)
    )
    with torch.no_grad():
        expected = Exportable(network)(torch.from_numpy(crops))
    for ours, theirs in zip(pose.run(crops), expected):
        assert np.abs(ours - theirs.numpy()).max() < 1e-4
    tasks = json.loads((path.parent / 'pipeline.json').read_text())['pipeline']['tasks']
    assert tasks[2]['component'] == component
    assert tasks[2]['params']['simcc_split_ratio'] == 2
    kinds = [step['type'] for step in tasks[0]['transforms']]
    assert kinds[0] == 'LoadImageFromFile' and 'Normalize' in kinds
    deploy_info = json.loads((path.parent / 'deploy.json').read_text())
    assert deploy_info['models'][0]['net'] == 'end2end.onnx'
    assert (path.parent / 'detail.json').is_file()


@pytest.mark.slow
def test_mmdeploy_detector(tmp_path, drawn_root):
    """NMS inside, and the runtime knows the file."""
    from mmdet.registry import MODELS
    from mmdet.utils import register_all_modules

    from rtmw_ext import zoo
    from rtmw_ext.export.sdk import deploy

    photo = sorted((drawn_root / 'images' / 'train').iterdir())[0]
    config = zoo.get('rtmdet-nano-person').config
    register_all_modules(init_default_scope=True)
    model = Config.fromfile(config).model
    model.backbone.init_cfg = None
    network = MODELS.build(model)
    # Without training nothing would pass the threshold.
    for layer in network.bbox_head.rtm_cls:
        layer.bias.data += 4
    torch.save(dict(state_dict=network.state_dict(), meta={}), tmp_path / 'w.pth')
    init_default_scope('mmpose')
    path = deploy(
        CONFIGS / 'deploy' / 'detection_onnxruntime.py',
        config,
        tmp_path / 'w.pth',
        photo,
        tmp_path / 'out',
    )
    detector = Detector(path, score_thr=0.05)
    assert detector.input_size == (320, 320) and detector.mean is not None
    boxes, scores = detector(photo)
    assert len(boxes) and (np.diff(scores) <= 0).all()


@pytest.mark.parametrize(
    'path', sorted((CONFIGS / 'deploy').glob('*.py'), key=lambda path: path.name)
)
def test_deploy_configs_compose(path):
    config = Config.fromfile(path)
    three = 'simcc_z' in config.onnx_config.output_names
    assert three == path.name.startswith('pose3d')
    assert config.backend_config.type in path.name
    axes = config.onnx_config.dynamic_axes
    assert (axes is None) == ('static' in path.name or 'ncnn' in path.name)
    assert axes is None or set(axes) == {'input', *config.onnx_config.output_names}


def test_mmdeploy_errors(tmp_path):
    from rtmw_ext.export.sdk import deploy

    with pytest.raises(ExportError, match='none.pth does not exist'):
        deploy(
            CONFIGS / 'deploy' / 'pose_onnxruntime.py',
            RTMW_T,
            'none.pth',
            'none.jpg',
            tmp_path,
        )
