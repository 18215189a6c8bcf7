"""Pose networks: crops, decoding, errors; the same as PyTorch and rtmlib.

Shapes: N persons, K keypoints.
"""

import copy
from dataclasses import replace

import numpy as np
import onnx
import pytest

from rtmw_ext.core.metadata import NetworkMetadata
from rtmw_ext.runtime import BoxError, NetworkError, PoseError, PoseModel, load_network
from support.networks import toy

BOXES = [
    (20, 10, 140, 220),
    (-30, 40, 60, 90),
    (100, 5, 180, 400),
    (0, 0, 40, 30),
    (50, 60, 250, 200),
]


def reference(model, config, image, boxes, tmp_path):
    import torch
    from mmpose.apis import inference_topdown, init_model

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


@pytest.mark.slow
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
        ('raw_scores', 'keypoint_scores'),
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
    from rtmw_ext.export import to_onnx

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
