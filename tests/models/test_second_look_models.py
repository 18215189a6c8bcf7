"""The second look in PyTorch, and the runtime's beside it.

Shapes: N persons, K keypoints, P parts, A axes.
"""

import cv2
import numpy as np
import pytest
import torch
from mmpose.apis import inference_topdown, init_model

from rtmw_ext import zoo
from rtmw_ext.apis.topdown import scale_scores
from rtmw_ext.core.crops import crop_matrices
from rtmw_ext.core.skeleton import CROP_POINTS, ROOTS
from rtmw_ext.models import RTMWEstimator
from support.networks import PoseModel

MOVED = [point for part in ROOTS for point in CROP_POINTS[part]]
PARTS_MODEL = 'rtmw-t-parts'


def network(name):
    return zoo.resolve_network(name)


def estimator(name, second_look=PARTS_MODEL, **test_cfg):
    model = init_model(
        str(zoo.get(name).config),
        zoo.resolve_checkpoint(name),
        device='cpu',
        cfg_options=dict(
            model=dict(
                test_cfg=dict(flip_test=False, second_look=second_look, **test_cfg)
            )
        ),
    )
    assert isinstance(model, RTMWEstimator)
    return model


@pytest.mark.parametrize('name', ['rtmw-t', 'rtmw3d-t'])
def test_runtime_sees_what_pytorch_sees(name, people_image, monkeypatch):
    """PyTorch cuts faces and hands out of the network's input, the runtime
    out of the picture: here the same pixels."""
    # Smooth, so that 32nds of a pixel matter little.
    crop = cv2.GaussianBlur(people_image[100:356, 200:392], (0, 0), 1)
    box = np.float32([[0, 0, 192, 256]])
    center, side = box[0, 2:] / 2, box[0, 2:] / 1.25
    box = np.concatenate([center - side / 2, center + side / 2])[None]
    pose = PoseModel(network(name), second_look=network(PARTS_MODEL))
    model = estimator(name, output_heatmaps=True)
    before = set(model.state_dict())
    (theirs,) = inference_topdown(model, crop, box)
    # The network of the parts is in no checkpoint.
    assert set(model.state_dict()) == before
    # OpenCV's crops are of whole grey levels, at 32nds of a pixel.
    drawn = pose(crop, box)
    off = np.abs(drawn.keypoints - theirs.pred_instances.keypoints)
    assert np.median(off) < 0.02 and np.median(off[:, MOVED]) < 0.1
    off = np.abs(drawn.raw_scores - theirs.pred_instances.keypoint_scores)
    assert np.median(off) < 0.02 and off.max() < 0.1
    whole = torch.from_numpy(pose.crop(crop, crop_matrices(box, pose.input_size)))
    first = PoseModel(network(name))
    for network_model in (pose, pose.second_look, first):
        monkeypatch.setattr(
            network_model,
            'crop',
            lambda _, matrices, size=network_model.input_size: model.crop(
                whole.expand(len(matrices), -1, -1, -1), matrices, size
            ).numpy(),
        )
    ours = pose(crop, box)
    once = first(crop, box)
    found = theirs.pred_instances
    assert theirs.pred_fields.heatmaps.shape == (133, 512, 384)
    # A bin is half a pixel: where two are as high, either is right.
    off = np.abs(ours.keypoints - found.keypoints)
    assert (off < 1e-2).mean() > 0.99 and off.max() < 0.51
    assert np.abs(ours.raw_scores - found.keypoint_scores).max() < 1e-3
    scale_scores(model, found)
    assert np.abs(ours.scores - found.keypoint_scores).max() < 1e-3
    moved = np.abs(ours.keypoints - once.keypoints)
    still = np.setdiff1d(np.arange(133), MOVED)
    assert np.median(moved[:, MOVED]) > 0.5
    assert (moved[:, still] < 1e-2).mean() > 0.99 and moved[:, still].max() < 0.51
    if pose.is_3d:
        off = np.abs(ours.keypoints_3d - found.keypoints_3d)
        assert (off < 2e-3).mean() > 0.99 and off.max() < 0.02
        z = ours.keypoints_3d[..., 2] - once.keypoints_3d[..., 2]
        assert np.abs(z[:, MOVED]).max() > 1e-3


def test_pytorch_takes_a_config_and_weights(people_image):
    """As a model's name does; any network may be the one that looks again."""
    known = zoo.get(PARTS_MODEL)
    (named,) = inference_topdown(estimator('rtmw-t'), people_image)
    (given,) = inference_topdown(
        estimator(
            'rtmw-t',
            dict(name=str(known.config), weights=zoo.resolve_checkpoint(PARTS_MODEL)),
        ),
        people_image,
    )
    assert np.array_equal(
        named.pred_instances.keypoints, given.pred_instances.keypoints
    )
    (itself,) = inference_topdown(estimator('rtmw-t', 'rtmw-t'), people_image)
    assert not np.array_equal(
        named.pred_instances.keypoints, itself.pred_instances.keypoints
    )


def test_pytorch_with_other_points(people_image):
    model = estimator('rtmw-t')
    model.head.out_channels = 17
    with pytest.raises(ValueError, match='133 points, a model has 17'):
        inference_topdown(model, people_image)
