"""RTMW3D: parity with the released layout, losses, flip test, metric space.

Shapes: B persons, K keypoints.
"""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.models.heads import RTMWHead
from mmpose.models.losses import BoneLoss
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn

from rtmw_ext.codecs import SimCC3DLabel
from rtmw_ext.core.geometry import CameraError, default_camera, project
from rtmw_ext.core.simcc import expected_bins
from rtmw_ext.models import (
    AxisKLDiscretLoss,
    RTMW3DHead,
    RTMWSimCCHead,
    SimCCBoneLoss,
    SimCCCoordinateLoss,
)
from rtmw_ext.models.loading import check_fit
from rtmw_ext.models.losses import soft_argmax
from rtmw_ext.synthetic.drawn3d import sample_person_3d
from support.models import build, randomise
from support.paths import CONFIGS, mmpose_configs

K = 133
ALL = sorted((CONFIGS / 'rtmw3d').glob('*.py'))
RELEASED = {
    'rtmw3d-l_cocktail17-384x288': 'rtmw-l_8xb320-270e_cocktail14-384x288',
    'rtmw3d-x_cocktail17-384x288': 'rtmw-x_8xb320-270e_cocktail14-384x288',
}
CODEC = dict(type='SimCC3DLabel', input_size=(64, 96, 64), sigma=(2, 2, 2))


class ReleasedHead(RTMWHead):
    """The released layout: mmpose's head and one more classifier."""

    def __init__(self, *args, depth, **kwargs):
        super().__init__(*args, **kwargs)
        self.cls_z = nn.Linear(self.cls_x.in_features, depth, bias=False)

    def forward(self, feats):
        tokens = []
        handle = self.gau.register_forward_hook(
            lambda module, inputs, output: tokens.append(output)
        )
        x, y = super().forward(feats)
        handle.remove()
        return x, y, self.cls_z(tokens[0])


def released(name):
    config = Config.fromfile(mmpose_configs() / 'cocktail14' / f'{RELEASED[name]}.py')
    config.model.backbone.init_cfg = None
    config.model.neck.norm_cfg = dict(type='BN')
    model = MODELS.build(config.model)
    arguments = {
        key: value for key, value in config.model.head.items() if key != 'type'
    }
    model.head = ReleasedHead(**arguments, depth=576)
    return model


@pytest.mark.slow
@pytest.mark.parametrize('name', RELEASED)
def test_same_as_the_released_layout(name):
    theirs = released(name)
    randomise(theirs)
    ours, config = build(CONFIGS / 'rtmw3d' / f'{name}.py')
    state = theirs.state_dict()
    assert set(ours.state_dict()) == set(state)
    assert state['head.cls_z.weight'].shape == (576, 256)
    ours.load_state_dict(state, strict=True)
    check_fit(ours, state, name)
    ours.eval(), theirs.eval()
    image = torch.randn(1, 3, 384, 288)
    with torch.no_grad():
        mine, expected = (model(image, None, mode='tensor') for model in (ours, theirs))
        assert [axis.shape[2] for axis in mine] == [576, 768, 576]
        for a, b in zip(mine, expected):
            assert b.std() > 1e-3, 'the reference says nothing'
            assert (a - b).abs().max() <= 1e-5
        (instances,) = ours.head.decode(mine)
    # A dead ReLU gives logits of 0, which is no point.
    found = instances.keypoint_scores > 0
    assert found.mean() > 0.9
    z = ((expected[2].argmax(2) / 2 / 144 - 1) * 2.1744869).numpy()
    assert np.abs(instances.keypoints_z - z)[found].max() <= 1e-4
    xy = torch.stack([axis.argmax(2) / 2 for axis in expected[:2]], 2).numpy()
    assert np.abs(instances.keypoints - xy)[found].max() <= 1e-4


def labels(batch, known=1.0, seed=0, codec=CODEC, points=K):
    """B samples of labels; ``known`` is the share with a z."""
    rng = np.random.default_rng(seed)
    encoder = SimCC3DLabel(
        **{key: value for key, value in codec.items() if key != 'type'}
    )
    samples = []
    for number in range(batch):
        width, height, _ = encoder.input_size
        pixels = rng.uniform(2, (width - 2, height - 2), (1, points, 2))
        depth = rng.uniform(-1, 1, (1, points, 3))
        has_z = number < known * batch
        encoded = encoder.encode(pixels, None, depth if has_z else None)
        instances = InstanceData()
        for key, value in encoded.items():
            instances.set_field(torch.from_numpy(value), key)
        sample = PoseDataSample(metainfo=dict(flip_indices=list(range(points))))
        sample.gt_instance_labels = instances
        samples.append(sample)
    return samples


def head(**changes):
    return RTMW3DHead(
        **{
            **dict(
                in_channels=16,
                out_channels=K,
                decoder=CODEC,
                hidden_dims=32,
                loss=dict(type='AxisKLDiscretLoss', beta=10.0, label_softmax=True),
                bone_loss=dict(type='SimCCBoneLoss'),
            ),
            **changes,
        }
    )


def features(batch):
    return torch.randn(batch, 8, 6, 4), torch.randn(batch, 16, 3, 2)


def take(feats, part):
    return tuple(feature[part] for feature in feats)


def test_flat_batch_has_no_depth_gradient():
    module = head()
    losses = module.loss(features(3), labels(3, known=0))
    (losses['loss_kpt'] + losses['loss_bone']).backward()
    assert (module.cls_z.weight.grad == 0).all()
    assert module.cls_x.weight.grad.abs().sum() > 0
    assert losses['z_error'] == 0


def test_mixed_batch_is_the_sum_of_its_parts():
    module = head(bone_loss=None).eval()
    feats, samples = features(4), labels(4, known=0.5)

    def gradients(part):
        module.zero_grad()
        loss = module.loss(take(feats, part), samples[part])['loss_kpt']
        loss.backward()
        return loss.detach(), [p.grad.clone() for p in module.parameters()]

    whole, gradient = gradients(slice(0, 4))
    deep, deep_gradient = gradients(slice(0, 2))
    flat, flat_gradient = gradients(slice(2, 4))
    assert torch.allclose(whole, deep + flat, rtol=1e-5)
    for a, b, c in zip(gradient, deep_gradient, flat_gradient):
        assert torch.allclose(a, b + c, atol=1e-6)
    z = list(dict(module.named_parameters())).index('cls_z.weight')
    assert (flat_gradient[z] == 0).all() and deep_gradient[z].any()


def test_axis_loss_is_mmposes_with_equal_weights():
    from mmpose.models.losses import KLDiscretLoss

    arguments = dict(beta=10.0, label_softmax=True, mask=[1], mask_weight=0.5)
    axes = [torch.randn(2, 5, size) for size in (8, 12)]
    targets = [torch.rand(2, 5, size) for size in (8, 12)]
    weights = torch.rand(2, 5)
    weights[0, :2] = 0
    ours = AxisKLDiscretLoss(**arguments)(axes, targets, (weights, weights))
    mmpose = KLDiscretLoss(**arguments)
    theirs = mmpose(axes, targets, weights)
    assert torch.allclose(ours, theirs)
    even = dict(arguments, use_target_weight=False)
    assert torch.allclose(
        AxisKLDiscretLoss(**even)(axes, targets, (weights, weights)),
        KLDiscretLoss(**even)(axes, targets, weights),
    )
    ours = AxisKLDiscretLoss(axis_weights=(1.0, 3.0), **arguments)(
        axes, targets, (weights, weights)
    )
    second = mmpose(axes[1:], targets[1:], weights)
    assert torch.allclose(ours, theirs + 2 * second)


@pytest.mark.parametrize(
    'kind', [AxisKLDiscretLoss, SimCCBoneLoss, SimCCCoordinateLoss]
)
def test_unknown_points_are_not_looked_at(kind):
    """Nor is what a model says of them, be it NaN."""
    axes, targets, weights = bone_inputs()
    known = torch.rand(2, K) < 0.5
    weights = [weight * known for weight in weights]
    loss = kind(beta=1.0)(axes, targets, weights)
    clean = torch.autograd.grad(loss, axes)
    for axis in axes:
        axis.data[~known] = torch.nan
    again = kind(beta=1.0)(axes, targets, weights)
    assert torch.isclose(loss, again)
    for one, other in zip(clean, torch.autograd.grad(again, axes)):
        assert torch.allclose(one, other)
        assert (one[~known] == 0).all() and (one[known] != 0).any()


def bone_inputs(batch=2):
    torch.manual_seed(1)
    axes = [torch.randn(batch, K, size, requires_grad=True) for size in (128, 192, 128)]
    targets = [torch.rand(batch, K, size) for size in (128, 192, 128)]
    return axes, targets, [torch.ones(batch, K) for _ in axes]


def test_bone_loss_has_a_gradient_and_argmax_has_none():
    axes, targets, weights = bone_inputs()
    SimCCBoneLoss()(axes, targets, weights).backward()
    assert all(axis.grad.abs().sum() > 0 for axis in axes)

    def argmax(logits):
        return torch.stack([axis.argmax(2) for axis in logits], 2).float()

    upstream = BoneLoss([0, *range(K - 1)])(argmax(axes), argmax(targets))
    assert not upstream.requires_grad


def test_bone_loss_by_hand():
    """Two points 4 and 3 bins apart, against 0: 5 bins of 8."""
    x, y, z = (torch.zeros(1, 2, 8) for _ in range(3))
    x[0, 0, 1] = x[0, 1, 5] = y[0, 0, 0] = y[0, 1, 3] = 100
    z[0, :, 2] = z[0, 1, 5] = 100
    same = torch.zeros(1, 2, 8)
    same[..., 2] = 100
    loss = SimCCBoneLoss([(0, 1)], loss_weight=2.0)
    one, none = torch.ones(1, 2), torch.zeros(1, 2)

    def measure(axes, z_weights, weights=one):
        return loss(axes, (same, same, same), (weights, weights, z_weights)).item()

    assert measure((x, y, same), one) == pytest.approx(2 * 5 / 8)
    # An unknown depth at either end leaves the bone in x and y.
    moved = same.clone()
    moved[0, 1] = 0
    moved[0, 1, 6] = 100
    assert measure((same, same, moved), one) == pytest.approx(2 * 4 / 8)
    half = torch.tensor([[1.0, 0.0]])
    assert measure((same, same, moved), half) == pytest.approx(0, abs=1e-6)
    assert measure((x, y, moved), none) == pytest.approx(2 * 5 / 8)
    assert measure((x, y, moved), one, none) == 0


def test_bone_loss_of_the_labels_themselves_is_zero():
    _, targets, weights = bone_inputs()
    assert SimCCBoneLoss()(targets, targets, weights) == 0


def test_soft_argmax_of_a_peak():
    simcc = torch.zeros(1, 2, 16)
    simcc[0, 0, 3] = simcc[0, 1, 15] = 50
    assert soft_argmax(simcc, 10.0)[0].tolist() == pytest.approx([3, 15])


def peaks(*bins, size=16):
    """Logits (1, K, size) with one high bin; the first points' are given."""
    logits = torch.zeros(1, 133, size)
    places = torch.full((133,), 4)
    for point, place in bins:
        places[point] = place
    logits[0, torch.arange(133), places] = 100
    return logits


def measure(found, true, weights=None, **options):
    ones = torch.ones(1, 133)
    return SimCCCoordinateLoss(loss_weight=133 * 16.0, **options)(
        (found, peaks(), peaks()),
        (true, peaks(), peaks()),
        (ones if weights is None else weights, ones, ones),
    ).item()


def test_coordinate_loss_by_hand():
    """In bins, times the loss weight here."""
    elbow, wrist, tip, nose = 7, 91, 95, 0
    assert measure(peaks(), peaks()) == 0
    assert measure(peaks((elbow, 7)), peaks()) == pytest.approx(3)
    # A finger is wrong by itself and from its wrist.
    assert measure(peaks((tip, 6)), peaks()) == pytest.approx(2 + 2)
    assert measure(peaks((tip, 6)), peaks(), anchor_weight=0.0) == (pytest.approx(2))
    # A hand that is moved as a whole has the right shape.
    moved = peaks(*((point, 5) for point in range(wrist, wrist + 21)))
    assert measure(moved, peaks()) == pytest.approx(21)
    # All of the face is told from the nose.
    assert measure(peaks((nose, 5)), peaks()) == pytest.approx(1 + 68)
    assert measure(peaks((elbow, 7)), peaks(), axis_weights=(0.5, 1, 1)) == (
        pytest.approx(1.5)
    )


def test_coordinate_loss_leaves_unknown_points_alone():
    tip = 95
    weights = torch.ones(1, 133)
    weights[0, tip] = 0
    assert measure(peaks((tip, 6)), peaks(), weights) == 0
    weights[0, 91] = 0.5
    assert measure(peaks((96, 6)), peaks(), weights) == pytest.approx(2 + 1)


def test_coordinate_loss_keeps_whole_bins_in_bfloat16():
    """bfloat16 has no bin between 256 and 258."""
    with torch.autocast('cpu', torch.bfloat16):
        found = soft_argmax(100 * torch.eye(512)[None, 256:260].bfloat16(), 1.0)
    assert found[0].tolist() == [256, 257, 258, 259]


def test_expected_bins_are_where_the_softmax_has_its_mean():
    module = head(loss=dict(type='AxisKLDiscretLoss', beta=2.0)).eval()
    simcc = tuple(torch.randn(2, K, axis.bins) for axis in module.decoder.axes)
    plain, expected = (
        module.decode(simcc, **options) for options in ({}, dict(expected=True))
    )
    for person in range(2):
        found = plain[person].keypoint_scores[0] > 0
        assert (plain[person].keypoint_scores == expected[person].keypoint_scores).all()
        bins = [expected_bins(axis[person].numpy(), 2.0)[found] / 2 for axis in simcc]
        mine = expected[person].keypoints_simcc[0, found]
        assert mine == pytest.approx(np.stack(bins, 1), abs=1e-3)
        assert expected[person].keypoints_z[0, found] == pytest.approx(
            module.decoder.pixels_to_z(bins[2]), abs=1e-4
        )


def test_expected_bins_in_2d():
    module = RTMWSimCCHead(
        16,
        K,
        dict(type='FastSimCCLabel', input_size=(64, 96), sigma=(2, 2)),
        hidden_dims=32,
        loss=dict(type='KLDiscretLoss', beta=2.0),
    ).eval()
    feats = features(2)
    found = module.predict(feats, labels(2), dict(expected_bins=True))
    x, y = (expected_bins(axis.detach().numpy(), 2.0) / 2 for axis in module(feats))
    for person, instances in enumerate(found):
        seen = instances.keypoint_scores[0] > 0
        assert instances.keypoints[0, seen] == pytest.approx(
            np.stack([x[person], y[person]], 1)[seen], abs=1e-3
        )


def test_flip_test_in_3d():
    """x mirrors, y and z stay, left and right change places."""
    module = head(out_channels=7).eval()
    samples = labels(2, points=14)
    for sample in samples:
        sample.set_metainfo(dict(flip_indices=[1, 0, 2, 4, 3, 6, 5]))
    straight = features(2)
    flipped = tuple(feature.flip(3) for feature in straight)
    one = module.predict([straight, flipped], samples, dict(flip_test=True))
    other = module.predict([flipped, straight], samples, dict(flip_test=True))
    flip = [1, 0, 2, 4, 3, 6, 5]
    for a, b in zip(one, other):
        assert abs(a.keypoints[:, flip, 0] - (63.5 - b.keypoints[..., 0])).max() <= 1e-4
        assert abs(a.keypoints[:, flip, 1] - b.keypoints[..., 1]).max() <= 1e-4
        assert abs(a.keypoints_z[:, flip] - b.keypoints_z).max() <= 1e-4
    plain = module.predict(straight, samples)
    assert any(
        abs(a.keypoints_z - b.keypoints_z).max() > 1e-3 for a, b in zip(one, plain)
    )


def test_fields_of_the_head():
    instances = head().eval().decode(head()(features(1)))[0]
    assert instances.keypoints.shape == (1, K, 2)
    assert instances.keypoints_simcc.shape == (1, K, 3)
    codec = SimCC3DLabel((64, 96, 64))
    assert (
        np.abs(
            codec.pixels_to_z(instances.keypoints_simcc[..., 2]) - instances.keypoints_z
        ).max()
        < 1e-5
    )


@pytest.mark.parametrize('path', ALL, ids=lambda path: path.stem)
def test_every_config_is_whole(path):
    config = Config.fromfile(path)
    height, width = map(int, path.stem.rsplit('-', 1)[1].split('x'))
    assert tuple(config.codec.input_size) == (width, height, width)
    metric = 'WholeBodyMetric' if 'coco' in path.stem else 'WholeBodyMPJPE'
    assert config.test_evaluator.type == config.val_evaluator.type == metric
    assert config.model.head.decoder == config.codec
    assert config.codec.z_range == 2.1744869
    assert config.randomness.seed == 2024
    assert config.auto_scale_lr.base_batch_size == 4096
    assert config.train_cfg.max_epochs == 270
    assert config.optim_wrapper.optimizer.weight_decay == 0.05
    assert config.model.head.loss.beta == 10
    assert config.model.head.bone_loss.loss_weight == 2
    assert '{{' not in str(config.to_dict())


# From the model's outputs to metres.


def tiny():
    """(An RTMW3D-t with random weights, its config)."""
    return build(CONFIGS / 'rtmw3d' / 'rtmw3d-t_cocktail17-256x192.py')


@pytest.fixture(scope='module')
def estimator():
    from mmengine.registry import init_default_scope

    init_default_scope('mmpose')
    return tiny()[0].eval()


def estimate(estimator, seed=0, size=(640, 480), score=5.0, **meta):
    """What the estimator makes of a perfect head's outputs for a person.

    Returns the true points (K, 3) in camera space and ``pred_instances``.
    """
    rng = np.random.default_rng(seed)
    camera = meta.get('camera_param') or default_camera(*size)
    truth = sample_person_3d(rng) + (0.2, -0.1, 3.5)
    root = truth[[11, 12], 2].mean()
    pixels = project(truth, camera)
    instances = InstanceData(
        keypoints=(pixels[None] / size * (192, 256)).astype(np.float32),
        keypoints_z=(truth[None, :, 2] - root).astype(np.float32),
        keypoints_simcc=np.zeros((1, K, 3), np.float32),
        keypoint_scores=np.full((1, K), score, np.float32),
    )
    sample = PoseDataSample(
        metainfo=dict(
            input_center=np.array(size) / 2,
            input_scale=np.array(size),
            input_size=(192, 256),
            ori_shape=(size[1], size[0]),
            **meta,
        )
    )
    sample.gt_instances = InstanceData(bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1))
    estimator.add_pred_to_datasample([instances], None, [sample])
    return truth, sample.pred_instances


def test_given_depth_gives_back_the_truth(estimator):
    camera = dict(K=np.array([[700.0, 0, 300], [0, 710, 250], [0, 0, 1]]))
    root = estimate(estimator)[0][[11, 12], 2].mean()
    truth, found = estimate(estimator, camera_param=camera, root_depth=root)
    assert np.abs(found.keypoints_3d_cam[0] - truth).max() < 1e-3
    relative = truth - truth[[11, 12]].mean(0)
    assert np.abs(found.keypoints_3d[0] - relative).max() < 0.03
    assert np.abs(found.keypoints_3d[0, :, 2] - relative[:, 2]).max() < 1e-5
    assert np.abs(found.camera_k[0] - camera['K']).max() == 0
    assert (
        np.abs(project(found.keypoints_3d_cam, camera) - found.keypoints).max() < 1e-2
    )


def test_depth_is_estimated_with_the_default_camera(estimator):
    truth, found = estimate(estimator)
    assert found.camera_k[0, 0, 0] == pytest.approx(800)
    depth = found.root_depth[0]
    # The figure's limbs are shorter than a real person's.
    assert depth == pytest.approx(truth[[11, 12], 2].mean(), rel=0.25)
    taller = estimate(estimator, person_height=3.4)[1].root_depth[0]
    assert taller > 1.5 * depth


def test_unseen_person_is_at_the_default_depth(estimator):
    found = estimate(estimator, score=0.1)[1]
    assert found.root_depth[0] == pytest.approx(5.14388)
    assert np.isfinite(found.keypoints_3d).all()


@pytest.mark.parametrize(
    'meta, text',
    [
        (dict(camera_param=dict(f=500)), 'has no "K"'),
        (dict(camera_param=dict(K=np.full((3, 3), np.nan))), 'finite'),
        (dict(root_depth=0.0), 'root_depth'),
        (dict(root_depth=-2), 'root_depth'),
        (dict(root_depth=np.nan), 'root_depth'),
        (dict(person_height=0), 'person_height'),
    ],
)
def test_bad_camera_or_depth(estimator, meta, text):
    sample = PoseDataSample(metainfo=dict(ori_shape=(480, 640), **meta))
    instances = InstanceData(
        keypoints=np.zeros((1, K, 2)),
        keypoints_z=np.zeros((1, K)),
        keypoint_scores=np.ones((1, K)),
    )
    with pytest.raises(CameraError, match=text):
        estimator._add_3d(instances, sample.metainfo)


@pytest.mark.parametrize('size', 'lx')
def test_the_2d_configs_are_one_switch(size):
    folder = CONFIGS / 'rtmw3d'
    two = Config.fromfile(folder / f'rtmw3d-{size}_coco-wholebody-384x288.py')
    three = Config.fromfile(folder / f'rtmw3d-{size}_cocktail17-384x288.py')
    assert two.model == three.model
    assert two.train_dataloader == three.train_dataloader
    (dataset,) = two.test_dataloader.dataset.datasets.values()
    assert dataset.type == 'WholeBodyDataset'


def test_a_3d_model_is_scored_in_2d(drawn_root, tmp_path):
    """AP on COCO-WholeBody's format, of a head that knows the truth."""
    from mmengine.runner import Runner

    config = Config.fromfile(CONFIGS / 'rtmw3d' / 'rtmw3d-l_coco-wholebody-384x288.py')
    small = Config.fromfile(CONFIGS / 'rtmw3d' / 'rtmw3d-t_cocktail17-256x192.py')
    config.model = small.model
    config.model.test_cfg.flip_test = False
    loader = config.test_dataloader
    loader.update(num_workers=0, persistent_workers=False)
    loader.dataset.pipeline = small.test_dataloader.dataset.pipeline
    loader.dataset.datasets['coco-wholebody'].update(
        data_root=f'{drawn_root}/',
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/val/'),
        bbox_file=None,
    )
    del config.default_hooks['ema']
    config.merge_from_dict(
        dict(
            work_dir=str(tmp_path),
            experiment_name='2d',
            launcher='none',
            train_dataloader=None,
            train_cfg=None,
            optim_wrapper=None,
            param_scheduler=None,
            val_dataloader=None,
            val_cfg=None,
            val_evaluator=None,
        ),
        allow_list_keys=False,
    )
    for key in (
        'train_dataloader',
        'train_cfg',
        'optim_wrapper',
        'param_scheduler',
        'val_dataloader',
        'val_cfg',
        'val_evaluator',
        'auto_scale_lr',
    ):
        config[key] = None
    runner = Runner.from_cfg(config)

    def predict(feats, samples, test_cfg=None):
        found = []
        for sample in samples:
            meta = sample.metainfo
            points = (
                (
                    sample.gt_instances.keypoints
                    - meta['input_center']
                    + 0.5 * meta['input_scale']
                )
                / meta['input_scale']
                * meta['input_size']
            )
            found.append(
                InstanceData(
                    keypoints=points,
                    keypoints_z=np.zeros((1, K)),
                    keypoints_simcc=np.zeros((1, K, 3)),
                    keypoint_scores=np.ones((1, K)),
                )
            )
        return found

    runner.model.head.predict = predict
    results = runner.test()
    for name in ('', 'body/', 'foot/', 'face/', 'hand/'):
        assert results[f'coco-wholebody/{name}AP'] == pytest.approx(1)
