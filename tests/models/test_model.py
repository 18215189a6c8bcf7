"""PAFPN, HEM, GAU, the head and the ablation's switches."""

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.models.utils.rtmcc_block import RTMCCBlock
from mmpose.structures import PoseDataSample

from rtmw_ext.models import GAU, HEM, PAFPN
from rtmw_ext.models.rtmw_head import RTMWSimCCHead
from support.models import build
from support.paths import CONFIGS

CODEC = dict(
    type='SimCCLabel',
    input_size=(64, 96),
    sigma=(4.9, 5.66),
    simcc_split_ratio=2.0,
    normalize=False,
    use_dark=False,
)


def head(**changes):
    return RTMWSimCCHead(
        in_channels=16, out_channels=7, decoder=CODEC, hidden_dims=32, **changes
    )


def features(batch=2):
    return torch.randn(batch, 8, 6, 4), torch.randn(batch, 16, 3, 2)


def test_pafpn_gives_strides_16_and_32():
    neck = PAFPN([4, 8, 16], num_csp_blocks=1).eval()
    inputs = [torch.randn(1, 4 * 2**i, 16 >> i, 8 >> i) for i in range(3)]
    shapes = [tuple(level.shape) for level in neck(inputs)]
    assert shapes == [(1, 8, 8, 4), (1, 16, 4, 2)]


def test_pafpn_every_level_sees_every_level():
    neck = PAFPN([4, 8, 16], num_csp_blocks=1).eval()
    inputs = [
        torch.randn(1, 4 * 2**i, 16 >> i, 8 >> i, requires_grad=True) for i in range(3)
    ]
    for level in neck(inputs):
        gradients = torch.autograd.grad(level.sum(), inputs, retain_graph=True)
        assert all(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize(
    'arguments, text',
    [
        (dict(in_channels=[4]), 'at least two'),
        (dict(in_channels=[4, 8], out_indices=(2,)), 'out_indices'),
    ],
)
def test_pafpn_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        PAFPN(**arguments)


def test_pafpn_wrong_number_of_levels():
    with pytest.raises(ValueError, match='out_indices'):
        PAFPN([4, 8, 16])([torch.zeros(1, 4, 8, 8)])


def test_hem_halves_are_the_levels():
    """The top code ignores stride 16; the bottom code sees both."""
    hem = HEM(16, 7, (2, 3), 32, 3).eval()
    fine, coarse = (feature.requires_grad_() for feature in features())
    code = hem(fine, coarse)
    assert code.shape == (2, 7, 32)
    top = torch.autograd.grad(
        code[..., :16].square().sum(),
        (fine, coarse),
        retain_graph=True,
        allow_unused=True,
    )
    assert top[0] is None or top[0].abs().sum() == 0
    assert top[1].abs().sum() > 0
    bottom = torch.autograd.grad(code[..., 16:].square().sum(), (fine, coarse))
    assert all(gradient.abs().sum() > 0 for gradient in bottom)


@pytest.mark.parametrize('channels, dims', [(18, 32), (16, 33)])
def test_hem_bad_arguments(channels, dims):
    with pytest.raises(ValueError, match=f'{channels}.*{dims}'):
        HEM(channels, 7, (2, 3), dims, 3)


def test_gau_equals_mmpose_block():
    ours = GAU(32, 16, 2)
    theirs = RTMCCBlock(7, 32, 32, s=16, expansion_factor=2, use_rel_bias=False)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    tokens = torch.randn(3, 7, 32)
    assert torch.allclose(ours(tokens), theirs(tokens), atol=1e-6)


def test_gau_dropout_only_in_training():
    gau = GAU(32, dropout=0.5)
    tokens = torch.randn(3, 7, 32)
    assert not torch.equal(gau(tokens), gau(tokens))
    gau.eval()
    assert torch.equal(gau(tokens), gau(tokens))


def test_head_takes_sizes_from_the_codec():
    x, y = head()(features())
    assert x.shape == (2, 7, 128) and y.shape == (2, 7, 192)


def test_head_refuses_odd_input_size():
    codec = dict(CODEC, input_size=(60, 96))
    with pytest.raises(ValueError, match='multiples of 32'):
        RTMWSimCCHead(16, 7, codec)


def _samples(count, num_keypoints=7, width=128, height=192):
    samples = []
    for _ in range(count):
        labels = InstanceData()
        labels.keypoint_x_labels = torch.rand(1, num_keypoints, width)
        labels.keypoint_y_labels = torch.rand(1, num_keypoints, height)
        labels.keypoint_weights = torch.ones(1, num_keypoints)
        sample = PoseDataSample(metainfo=dict(flip_indices=[1, 0, 2, 4, 3, 6, 5]))
        sample.gt_instance_labels = labels
        samples.append(sample)
    return samples


def test_loss_ignores_invisible_points():
    module = head(loss=dict(type='KLDiscretLoss', use_target_weight=True))
    samples = _samples(2)
    for sample in samples:
        sample.gt_instance_labels.keypoint_weights[:, 3:] = 0
    inputs = features()
    before = module.loss(inputs, samples)['loss_kpt']
    for sample in samples:
        sample.gt_instance_labels.keypoint_x_labels[:, 3:] = 0
    after = module.loss(inputs, samples)['loss_kpt']
    assert before > 0 and torch.equal(before, after)


def test_loss_face_mask_halves_the_face():
    samples = _samples(1)
    inputs = features(1)
    module = head(
        loss=dict(
            type='KLDiscretLoss', use_target_weight=True, mask=[0, 1], mask_weight=0.5
        )
    )
    masked = module.loss(inputs, samples)['loss_kpt']
    samples[0].gt_instance_labels.keypoint_weights[:, :2] = 0.5
    module.loss_module.mask = None
    assert torch.allclose(masked, module.loss(inputs, samples)['loss_kpt'])


@pytest.mark.parametrize(('ratio', 'off'), [(1.0, 0), (3.0, 1 / 3)])
def test_shifted_flip_test_finds_the_pixel(monkeypatch, ratio, off):
    """A network that sees every point where it is, in the crop of width 64
    and in its mirror image; without the shift the mean of both is off."""
    module = RTMWSimCCHead(16, 7, dict(CODEC, simcc_split_ratio=ratio))
    samples = _samples(1)
    flip = samples[0].metainfo['flip_indices']
    pixels = torch.tensor([3.0, 11, 32, 33, 40, 50, 61])
    bins, y = torch.arange(64 * ratio), torch.ones(1, 7, int(96 * ratio))
    monkeypatch.setattr(
        module,
        'forward',
        lambda x: (9 - (bins - ratio * x[:, None])[None] ** 2 / 9e3, y),
    )
    feats = [pixels, (63 - pixels)[flip]]
    for shifted in (True, False):
        (found,) = module.predict(
            feats, samples, dict(flip_test=True, shift_heatmap=shifted)
        )
        expected = pixels + (0 if shifted else off)
        assert abs(found.keypoints[0, :, 0] - expected.numpy()).max() < 1e-4


def test_flip_test_of_a_mirrored_input_is_symmetric():
    """Averaging with the mirrored crop makes the model mirror-equivariant."""
    module = head().eval()
    samples = _samples(2)
    straight = features()
    flipped = tuple(feature.flip(3) for feature in straight)
    one = module.predict([straight, flipped], samples, dict(flip_test=True))
    other = module.predict([flipped, straight], samples, dict(flip_test=True))
    flip = samples[0].metainfo['flip_indices']
    for a, b in zip(one, other):
        # Bins 0..W-1 mirror to W-1..0: a pixel and a half at ratio 2.
        assert abs(a.keypoints[:, flip, 0] - (63.5 - b.keypoints[..., 0])).max() <= 1e-4
        assert abs(a.keypoints[:, flip, 1] - b.keypoints[..., 1]).max() <= 1e-4


def test_heatmaps_peak_at_the_keypoints():
    module = head().eval()
    predictions, fields = module.predict(
        features(), _samples(2), dict(output_heatmaps=True)
    )
    for instances, field in zip(predictions, fields):
        maps = field.heatmaps
        assert maps.shape == (7, 192, 128)
        assert 0 <= maps.min() and maps.max() <= 1
        peaks = maps.flatten(1).argmax(1)
        x, y = peaks % 128, peaks // 128
        points = torch.stack([x, y], 1).numpy() / 2
        assert abs(points - instances.keypoints[0]).max() < 1e-4


ABLATION = {
    'rtmpose-l': (False, False, True),
    'rtmpose-l_pafpn': (True, False, True),
    'rtmpose-l_hem': (False, True, True),
    'rtmpose-l_pafpn_hem': (True, True, True),
    'rtmpose-l_pafpn_hem_no-gau': (True, True, False),
}


@pytest.mark.parametrize('name', ABLATION)
def test_ablation_configs(name):
    path = CONFIGS / 'ablation' / f'{name}_256x192.py'
    model, _ = build(path)
    pafpn, hem, gau = ABLATION[name]
    assert model.with_neck == pafpn
    assert isinstance(model.head.hem, HEM) == hem
    assert isinstance(model.head.gau, GAU) == gau
    model.eval()
    with torch.no_grad():
        x, y = model(torch.zeros(1, 3, 256, 192), None, mode='tensor')
    assert x.shape == (1, 133, 384) and y.shape == (1, 133, 512)
    # A row of the paper's table is a few lines.
    assert len(path.read_text().splitlines()) <= 5


def test_ablation_baseline_loads_rtmpose():
    """The baseline is mmpose's own RTMPose, down to the names."""
    from mmpose.models.heads import RTMCCHead

    ours = head(hem=False)
    theirs = RTMCCHead(
        16,
        7,
        (64, 96),
        (2, 3),
        final_layer_kernel_size=7,
        gau_cfg=dict(
            hidden_dims=32,
            s=128,
            expansion_factor=2,
            dropout_rate=0.0,
            drop_path=0.0,
            act_fn='SiLU',
            use_rel_bias=False,
            pos_enc=False,
        ),
    )
    ours.load_state_dict(theirs.state_dict(), strict=True)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    inputs = features()
    for mine, expected in zip(ours.eval()(inputs), theirs.eval()(inputs)):
        assert torch.allclose(mine, expected, atol=1e-6)


ALL = sorted((CONFIGS / 'rtmw').glob('*.py'))


@pytest.mark.parametrize('path', ALL, ids=lambda path: path.stem)
def test_every_config_is_whole(path):
    """Names say what the files hold; nothing is left to substitute."""
    config = Config.fromfile(path)
    _, data = path.stem.split('_')
    height, width = map(int, data.rsplit('-', 1)[1].split('x'))
    assert tuple(config.codec.input_size) == (width, height)
    assert config.model.head.decoder == config.codec
    for loader in (
        config.train_dataloader,
        config.val_dataloader,
        config.test_dataloader,
    ):
        sizes = [
            step.input_size for step in loader.dataset.pipeline if 'input_size' in step
        ]
        assert [tuple(size) for size in sizes] == [(width, height)]
    assert '{{' not in config.pretty_text
