"""Weights of one input size, stretched for another."""

import copy
import logging

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.registry import MODELS

from rtmw_ext import zoo
from rtmw_ext.engine.hooks import InputSizeHook
from rtmw_ext.engine.safetensors import load_from_safetensors
from rtmw_ext.models.loading import crop_head, fit_input_size, stretch
from support.models import TINY_CODEC, TINY_CODEC_3D, tiny
from support.paths import CONFIGS
from support.tools import run_script
from support.training import FakeRunner, training

LARGE = (128, 192)


def model(size=None, three_d=False, **changes):
    changes = dict(changes)
    if size:
        codec = dict(TINY_CODEC_3D if three_d else TINY_CODEC)
        codec['input_size'] = (*size, size[0]) if three_d else size
        changes['head.decoder'] = codec
    built = MODELS.build(tiny(three_d=three_d, **changes))
    built.init_weights()
    return built.eval()


@given(st.integers(2, 40), st.integers(1, 4), st.integers(0, 2))
def test_stretched_entries_stay_in_place(count, factor, dim):
    """Each old entry is found at its place times the factor, and between two
    lies what is between them."""
    shape = [2, 3, 4]
    shape[dim] = count
    old = torch.rand(shape)
    new = stretch(old, dim, count * factor).movedim(dim, 0)
    old = old.movedim(dim, 0)
    assert torch.allclose(new[::factor], old)
    for step in range(factor):
        share = step / factor
        between = old[:-1] * (1 - share) + old[1:] * share
        assert torch.allclose(new[step::factor][:-1], between, atol=1e-6)


@pytest.mark.parametrize('three_d', [False, True])
@pytest.mark.parametrize('hem', [True, False])
def test_a_stretched_head_looks_at_the_same_place(three_d, hem):
    """Features of twice the size give a point at twice the place."""
    torch.manual_seed(3)
    small = model(three_d=three_d, **{'head.hem': hem})
    # Smooth classifiers with one clear peak, as trained ones have.
    for classifier in small.head.classifiers:
        bins, dims = classifier.weight.shape
        place = torch.arange(bins)[:, None] / bins
        centers = torch.linspace(0.2, 0.8, dims)
        classifier.weight.data = torch.exp(-((place - centers) ** 2) / 0.02)
    large = model(LARGE, three_d, **{'head.hem': hem})
    state = small.state_dict()
    before = copy.deepcopy(state)
    assert fit_input_size(large, state) == (64, 96)
    large.load_state_dict(state)
    encoders = (
        (
            [small.head.hem.top, small.head.hem.bottom],
            [large.head.hem.top, large.head.hem.bottom],
        )
        if hem
        else ([small.head.encoder], [large.head.encoder])
    )
    codes = []
    for old, new in zip(*encoders):
        cells = old.mlp[1].weight.shape[1]
        fine = round((cells / 6) ** 0.5)
        maps = torch.rand(2, 5, 3 * fine, 2 * fine)
        bigger = stretch(stretch(maps, 2, 6 * fine), 3, 4 * fine)
        # The same code but for what interpolation smooths away.
        pair = [
            encoder.mlp(level.flatten(2))
            for encoder, level in ((old, maps), (new, bigger))
        ]
        likeness = torch.cosine_similarity(*pair, dim=2)
        assert likeness.mean() > 0.8, likeness
        codes.append(pair[0])
    tokens = torch.rand_like(torch.cat(codes, dim=2))
    for old, new in zip(small.head.classifiers, large.head.classifiers):
        places = old(tokens).argmax(2)
        assert places.float().std() > 0
        assert (new(tokens).argmax(2) - 2 * places).abs().max() <= 1
    untouched = [
        name
        for name, value in state.items()
        if torch.equal(value, before[name]) and value.shape == before[name].shape
    ]
    assert len(state) - len(untouched) == 2 + three_d + 1 + hem


@pytest.mark.parametrize('three_d', [False, True])
@pytest.mark.parametrize('hem', [True, False])
def test_a_cropped_head_sees_the_middle(three_d, hem):
    """What is in the middle of the large input gives the same code, and points
    as far from the middle."""
    large = model((192, 192), three_d, **{'head.hem': hem})
    codec = dict(TINY_CODEC_3D if three_d else TINY_CODEC)
    codec['input_size'] = (64, 128, 64) if three_d else (64, 128)
    small = model(
        three_d=three_d,
        **{'head.hem': hem, 'head.decoder': codec, 'head.kernel_size': 3},
    )
    for module in large.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight)
    crop_head(large, small)
    encoders = [
        [model.head.hem.top, model.head.hem.bottom] if hem else [model.head.encoder]
        for model in (large, small)
    ]
    for old, new in zip(*encoders):
        fine = round((old.mlp[1].weight.shape[1] / 36) ** 0.5)
        maps = torch.rand(2, 5, 4 * fine, 2 * fine)
        # 6 x 6 cells around the middle 4 x 2.
        wide = torch.nn.functional.pad(maps, [2 * fine] * 2 + [fine] * 2)
        assert torch.allclose(
            old.mlp(wide.flatten(2)), new.mlp(maps.flatten(2)), rtol=1e-4, atol=1e-4
        )
        old, new = (getattr(one.conv, 'conv', one.conv).weight for one in (old, new))
        assert torch.equal(old[..., 2:5, 2:5], new)
    tokens = torch.rand(1, 5, large.head.cls_x.in_features)
    for old, new, edges in zip(
        large.head.classifiers,
        small.head.classifiers,
        ((128, 256), (64, 320), (128, 256)),
    ):
        assert torch.equal(old(tokens)[..., slice(*edges)], new(tokens))
    name = 'backbone.stem.0.conv.weight'
    assert torch.equal(large.state_dict()[name], small.state_dict()[name])


def test_a_larger_head_is_no_crop():
    with pytest.raises(ValueError, match='head.mlp.* of .* cannot be cropped to'):
        crop_head(model(), model(LARGE))
    with pytest.raises(ValueError, match='cls_z.weight is in the first'):
        crop_head(model(LARGE, True), model())


@pytest.mark.slow
def test_tool_that_crops(tmp_path):
    configs = CONFIGS / 'synthetic'
    whole, parts = (
        configs / 'rtmw3d-t_synthetic-256x192.py',
        configs / 'rtmw3d-t-parts_synthetic-128x128.py',
    )

    def run(*arguments):
        return run_script('tools/crop_head.py', 'rtmw3d-t', *arguments)

    done = run(whole, parts, tmp_path / 'parts.pth')
    assert done.returncode == 0, done.stderr
    state = torch.load(tmp_path / 'parts.pth')['state_dict']
    MODELS.build(Config.fromfile(parts).model).load_state_dict(state)
    whole_state = load_from_safetensors(zoo.resolve_checkpoint('rtmw3d-t'))[
        'state_dict'
    ]
    assert torch.equal(
        state['head.cls_x.weight'], whole_state['head.cls_x.weight'][64:-64].float()
    )
    done = run(parts, whole, tmp_path / 'no.pth')
    assert 'crop_head: ' in done.stderr.splitlines()[-1]
    assert not (tmp_path / 'no.pth').exists()


def test_same_size_and_other_models_are_left_alone():
    small = model()
    state = small.state_dict()
    before = dict(state)
    assert fit_input_size(small, state) is None
    assert fit_input_size(torch.nn.Linear(2, 2), state) is None
    assert fit_input_size(model(LARGE), {}) is None
    assert all(state[name] is before[name] for name in before)


def test_the_moving_average_is_stretched_too(drawn_root, tmp_path):
    """It takes its copy of the weights when they are loaded."""
    small = model(LARGE)
    path = tmp_path / 'other.pth'
    torch.save(dict(state_dict=small.state_dict()), path)
    config = training(
        drawn_root,
        tmp_path,
        **{
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
        },
    )
    config.load_from = str(path)
    runner = Runner.from_cfg(config)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.call_hook('before_run')
    runner.load_or_resume()
    average = next(
        hook for hook in runner.hooks if isinstance(hook, EMAHook)
    ).ema_model.module
    expected = stretch(small.head.cls_x.weight, 0, 128)
    for one in (runner.model, average):
        assert torch.equal(one.head.cls_x.weight, expected)


@pytest.mark.parametrize('resume,trains', [(False, True), (True, True), (False, False)])
def test_only_a_new_training_stretches(resume, trains, caplog):
    """Testing with, or resuming from, another size stays an error."""
    state = model().state_dict()
    shape = state['head.cls_x.weight'].shape
    logger = logging.getLogger('input size')
    logger.setLevel('INFO')
    runner = FakeRunner(
        model(LARGE),
        _resume=resume,
        _load_from='small.pth',
        logger=logger,
        _train_loop=object.__new__(EpochBasedTrainLoop) if trains else {},
    )
    InputSizeHook().after_load_checkpoint(runner, dict(state_dict=state))
    if resume or not trains:
        assert state['head.cls_x.weight'].shape == shape
        assert not caplog.messages
        return
    runner.model.load_state_dict(state)
    assert caplog.messages == [
        'small.pth was trained at 96x64: its head is stretched to 192x128'
    ]
