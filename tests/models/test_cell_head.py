"""The head that a training from scratch begins with."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample

from rtmw_ext.models import CellLoss, KeypointCellHead
from rtmw_ext.models.cells import bilinear_shares, label_positions, locate
from support.examples import examples
from support.models import random_batch, tiny
from support.paths import CONFIGS

SIZE = (96, 128)
CODEC = dict(
    type='FastSimCCLabel',
    input_size=SIZE,
    sigma=(3.5, 4.0),
    simcc_split_ratio=2.0,
    normalize=False,
)
MAP = (16, 12)


def labels(points, visible):
    """A sample with the codec's labels of (B, K, 2) points in pixels."""
    encoded = KEYPOINT_CODECS.build(CODEC).encode(
        np.float32(points), np.float32(visible)
    )
    sample = PoseDataSample()
    sample.gt_instance_labels = InstanceData(
        **{
            key: torch.from_numpy(np.float32(encoded[key]))
            for key in ('keypoint_x_labels', 'keypoint_y_labels', 'keypoint_weights')
        }
    )
    return [sample]


def head(logits):
    """A head whose map is given."""
    found = KeypointCellHead((4, 8, 16), 3, CODEC, channels=8)
    found.forward = lambda feats: logits
    return found


@examples(50)
@given(st.floats(0, MAP[1] - 1), st.floats(0, MAP[0] - 1))
def test_a_point_is_where_its_shares_are(x, y):
    shares = bilinear_shares(torch.tensor([[[x, y]]]), MAP)
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    points, scores = locate((shares + 1e-12).log().view(1, 1, *MAP))
    assert points[0, 0].tolist() == pytest.approx([x, y], abs=1e-3)
    assert scores.item() == pytest.approx(1, abs=1e-4)


@examples(25)
@given(st.integers(0, 1000))
def test_the_best_map_gives_the_points_back(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform((8, 8), np.array(SIZE) - 8, (2, 3, 2))
    samples = labels(points, np.ones((2, 3)))
    cells = torch.tensor((points + 0.5) / 8 - 0.5, dtype=torch.float32)
    best = (bilinear_shares(cells, MAP) + 1e-9).log().view(2, 3, *MAP)
    found = head(best).predict(None, samples)
    for person, truth in zip(found, points):
        assert person.keypoints.shape == (1, 3, 2)
        assert np.abs(person.keypoints[0] - truth).max() < 0.01
        assert (person.keypoint_scores > 0.99).all()
    losses = head(best).loss(None, samples)
    assert losses['acc_pose'] == 1
    other = head(best + torch.randn(2, 3, *MAP)).loss(None, samples)
    assert other['loss_cell'] > losses['loss_cell']


def test_loss_by_hand_and_weights():
    points = np.full((1, 3, 2), 11.5)  # the middle of cell (1, 1)
    logits = torch.randn(1, 3, *MAP, requires_grad=True)
    samples = labels(points, [[1, 0, 1]])
    loss = head(logits).loss(None, samples)['loss_cell']
    each = -logits.flatten(2).log_softmax(2)[0, :, MAP[1] + 1]
    assert loss.item() == pytest.approx(
        (each[0] + each[2]).item() / 2, abs=2e-2
    )  # labels: half a pixel
    loss.backward()
    assert not logits.grad[0, 1].any()
    assert logits.grad[0, 0].any() and logits.grad[0, 2].any()


def test_config_is_the_beginning_of_rtmw3d():
    begin, whole = (
        MODELS.build(Config.fromfile(CONFIGS / 'synthetic' / name).model)
        for name in ('cells-t_synthetic-128x96.py', 'rtmw3d-t_synthetic-128x96.py')
    )
    mine, theirs = (
        {
            name: value.shape
            for name, value in model.state_dict().items()
            if not name.startswith('head.')
        }
        for model in (begin, whole)
    )
    assert mine == theirs
    feats = begin.extract_feat(torch.zeros(2, 3, 128, 96))
    assert begin.head(feats).shape == (2, 133, *MAP)
    sample = labels(np.full((2, 133, 2), 50.0), np.ones((2, 133)))
    begin.head.loss(feats, sample)['loss_cell'].backward()
    assert all(parameter.grad is not None for parameter in begin.parameters())


@pytest.mark.parametrize('three_d, hem', [(False, True), (False, False), (True, True)])
def test_map_loss(three_d, hem):
    """The maps before their activation, of every encoder; nothing else of the
    head changes."""
    changes = {'head.hem': hem}
    plain = MODELS.build(tiny(three_d=three_d, **changes))
    mapped = MODELS.build(
        tiny(
            three_d=three_d,
            **changes,
            **{'head.map_loss': dict(type='CellLoss', scale=2.0)},
        )
    )
    mapped.load_state_dict(plain.state_dict())
    images, samples = random_batch(three_d=three_d)
    feats = plain.extract_feat(images)
    expected = plain.head.loss(feats, samples)
    losses = mapped.head.loss(feats, samples)
    loss = losses.pop('loss_map')
    assert set(losses) == set(expected)
    for name, value in losses.items():
        assert torch.equal(value, expected[name]), name

    labels = [
        torch.cat(
            [
                getattr(sample.gt_instance_labels, f'keypoint_{name}')
                for sample in samples
            ]
        )
        for name in ('x_labels', 'y_labels', 'weights')
    ]
    places = label_positions(*labels[:2], 2.0)
    if hem:
        head = mapped.head.hem
        joined = torch.cat(
            [head.shuffle_conv(head.shuffle(feats[-1])), feats[-2]], dim=1
        )
        maps = [
            encoder.conv.bn(encoder.conv.conv(feature))
            for encoder, feature in ((head.top, feats[-1]), (head.bottom, joined))
        ]
    else:
        maps = [mapped.head.encoder.conv(feats[-1])]
    by_hand = sum(CellLoss(scale=2.0)(one, places, labels[2]) for one in maps)
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-5)
    loss.backward()
    assert not any(module._forward_hooks for module in mapped.modules())
