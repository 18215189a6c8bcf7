"""Hooks, optimizers and configs of the recipes."""

import copy
import platform
import re
import resource

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS, MODELS
from torch.nn import functional as F

from rtmw_ext import zoo
from rtmw_ext.engine import hooks
from rtmw_ext.engine.hooks import KeepMemoryHook, PartLossHook, SpeedHook
from rtmw_ext.engine.optim_wrapper import computes_in_bf16
from rtmw_ext.models.rtmw_head import batch_factor
from support.models import random_batch, tiny
from support.paths import CONFIGS, ROOT
from support.training import FakeRunner, in_child, training


def tapped(model, images, samples):
    """(losses, what PartLossHook logs of them)."""
    runner, hook = FakeRunner(model), PartLossHook(interval=1)
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    losses = model.loss(images, samples)
    hook.after_train_iter(runner, 0)
    return losses, {
        key.removeprefix('train/kl_'): value for key, value in runner.values.items()
    }


@pytest.mark.parametrize('three_d', [False, True])
def test_losses_by_axis_and_part(three_d):
    model = MODELS.build(
        tiny(three_d=three_d, **{'train_cfg': dict(reference_batch=7)})
    )
    factors = (1.0, 1.0, 3.0)
    if three_d:
        model.head.loss_module.mask = None
        model.head.loss_module.axis_weights = factors
    images, samples = random_batch(three_d=three_d)
    losses, values = tapped(model, images, samples)
    total = losses['loss_kpt'].item()
    axes = ('x', 'y', 'z')[: 2 + three_d]
    parts = ('body', 'feet', 'face', 'hands')
    assert set(values) == {*axes, *parts}
    for group in (axes, parts):
        assert sum(values[name] for name in group) == pytest.approx(total, rel=1e-5)

    # The face of the x axis alone, by hand: half weight in 2D.
    model.eval()
    logits = model.head(model.extract_feat(images))
    beta = model.head.loss_module.beta
    labels = [sample.gt_instance_labels for sample in samples]
    expected = 0.0
    for axis, name, factor in zip(logits, axes, factors):
        target = torch.cat([label[f'keypoint_{name}_labels'] for label in labels])
        weight = torch.cat(
            [
                label.keypoint_z_weights if name == 'z' else label.keypoint_weights
                for label in labels
            ]
        )
        points = F.kl_div(
            (axis * beta).log_softmax(2), (target * 10).softmax(2), reduction='none'
        ).mean(2)
        expected += factor * (points * weight)[:, 23:91].sum().item()
    expected *= (1.0 if three_d else 0.5) / 133 * 7 / 3
    _, values = tapped(model, images, samples)
    assert values['face'] == pytest.approx(expected, rel=1e-4)


def test_losses_are_looked_into_at_the_interval_only():
    model = MODELS.build(tiny())
    runner, hook = FakeRunner(model), PartLossHook(interval=2)
    hook.before_train_iter(runner, 0)
    model.loss(*random_batch())
    hook.after_train_iter(runner, 0)
    assert not runner.values
    assert not model.head.loss_module.kl_loss._forward_hooks
    model.head.loss_module = torch.nn.Identity()
    with pytest.raises(ValueError, match='part_loss.interval=0'):
        hook.before_train(runner)


def test_reference_batch():
    assert batch_factor({}, 5) == 1
    model = MODELS.build(tiny()).eval()
    images, samples = random_batch(4)
    whole = model.loss(images, samples)['loss_kpt']
    model.train_cfg = dict(reference_batch=4)
    halves = [
        model.loss(images[part], samples[part])['loss_kpt']
        for part in (slice(0, 2), slice(2, 4))
    ]
    assert torch.allclose(sum(halves) / 2, whole, rtol=1e-5)


OPTIMIZER = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-2, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0),
)


def test_joined_groups_step_alike():
    one = MODELS.build(tiny())
    other = copy.deepcopy(one)
    wrappers = [
        build_optim_wrapper(one, dict(OPTIMIZER)),
        build_optim_wrapper(
            other, dict(OPTIMIZER, constructor='FusedOptimWrapperConstructor')
        ),
    ]
    groups = wrappers[1].optimizer.param_groups
    assert len(groups) == 2 and groups[0]['fused']
    assert {group['weight_decay'] for group in groups} == {0.0, 0.05}
    assert sum(len(group['params']) for group in groups) == len(
        list(other.parameters())
    )
    for _ in range(3):
        for mine, theirs in zip(one.parameters(), other.parameters()):
            mine.grad = torch.randn_like(mine)
            theirs.grad = mine.grad.clone()
        for wrapper in wrappers:
            wrapper.step()
    for mine, theirs in zip(one.parameters(), other.parameters()):
        assert torch.allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize(
    'precision, dtype',
    [('float32', torch.float32), ('bfloat16', torch.bfloat16), ('auto', None)],
)
def test_precision(precision, dtype):
    model = MODELS.build(tiny())
    wrapper = build_optim_wrapper(
        model, dict(OPTIMIZER, type='PrecisionOptimWrapper', precision=precision)
    )
    if dtype is None:
        device = next(model.parameters()).device.type
        dtype = torch.bfloat16 if computes_in_bf16(device) else torch.float32
    images, samples = random_batch()
    with wrapper.optim_context(model):
        assert model(images, None)[0].dtype == dtype
        loss = model.loss(images, samples)['loss_kpt']
    assert loss.dtype == torch.float32
    wrapper.update_params(loss)
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_unknown_precision_is_named():
    with pytest.raises(ValueError, match="precision='fp16'"):
        build_optim_wrapper(
            torch.nn.Linear(1, 1),
            dict(OPTIMIZER, type='PrecisionOptimWrapper', precision='fp16'),
        )


@pytest.mark.slow
@pytest.mark.parametrize('three_d', [False, True])
def test_compiled_and_channels_last(three_d):
    """The same losses, gradients and names. The backend is the one that only
    traces: inductor takes minutes here."""
    model = MODELS.build(tiny(three_d=three_d)).train()
    images, samples = random_batch(2, three_d=three_d)
    fast = copy.deepcopy(model)
    hook = SpeedHook(compile=dict(backend='aot_eager'))
    hook.before_run(FakeRunner(fast))
    hook.before_train(FakeRunner(fast))
    weight = fast.backbone.stage1[0].conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert list(fast.state_dict()) == list(model.state_dict())
    losses = []
    for one in (model, fast):
        loss = one.loss(images, samples)['loss_kpt']
        loss.backward()
        losses.append(loss)
    assert torch.allclose(*losses, rtol=1e-4)
    for key in ('backbone.stem.0.conv.weight', 'head.cls_x.weight'):
        mine, theirs = (dict(one.named_parameters())[key].grad for one in (model, fast))
        assert torch.allclose(
            mine, theirs, rtol=1e-2, atol=1e-2 * mine.abs().max().item()
        ), key


@pytest.mark.skipif(torch.cuda.is_available(), reason='of CPUs')
def test_grouped_convolutions_keep_float32():
    model = torch.nn.ModuleDict(
        dict(
            grouped=torch.nn.Conv2d(8, 8, 5, groups=8),
            dense=torch.nn.Conv2d(8, 8, 5),
        )
    )
    x = torch.randn(2, 8, 9, 9)
    expected = model['grouped'](x)
    SpeedHook().before_train(FakeRunner(model))
    # A copy, as the moving average is one, has weights of its own.
    doubled = copy.deepcopy(model)
    for parameter in doubled.parameters():
        parameter.data *= 2
    with torch.autocast('cpu', torch.bfloat16):
        assert model['dense'](x).dtype == torch.bfloat16
        assert torch.equal(model['grouped'](x), expected)
        assert torch.allclose(doubled['grouped'](x), 2 * expected)
        half = model['grouped'](x.bfloat16())
    assert half.dtype == torch.bfloat16
    assert torch.allclose(half.float(), expected, atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize('three_d', [False, True])
def test_losses_of_a_compiled_model_by_axis_and_part(three_d):
    model = MODELS.build(tiny(three_d=three_d)).eval()
    images, samples = random_batch(2, three_d=three_d)
    expected = tapped(model, images, samples)
    SpeedHook(compile=dict(backend='aot_eager')).before_train(FakeRunner(model))
    # First as it is between two iterations that are logged.
    for logged in (False, True, True):
        if logged:
            losses, values = tapped(model, images, samples)
            assert values == pytest.approx(expected[1], rel=1e-3)
        else:
            losses = model.loss(images, samples)
        assert losses['loss_kpt'].item() == pytest.approx(
            expected[0]['loss_kpt'].item(), rel=1e-4
        )


def test_pictures_and_tensorboard(drawn_root, tmp_path):
    """Each validation draws; losses by part reach TensorBoard."""
    config = training(
        drawn_root,
        tmp_path,
        **{'default_hooks.visualization.pictures': 2, 'train_cfg.max_epochs': 1},
    )
    full = Config.fromfile(CONFIGS / 'demo' / 'distill-study_drawn-128x96.py')
    loader = full.val_dataloader
    loader.update(batch_size=1, num_workers=0, persistent_workers=False)
    loader.dataset.data_root = f'{drawn_root}/'
    for transform in loader.dataset.pipeline:
        if 'input_size' in transform:
            transform.input_size = (64, 96)
    config.update(
        dict(
            val_cfg={},
            val_dataloader=loader,
            val_evaluator=full.val_evaluator,
            visualizer=dict(
                type='PoseLocalVisualizer',
                vis_backends=[
                    dict(type='LocalVisBackend'),
                    dict(type='TensorboardVisBackend'),
                ],
            ),
            log_processor=dict(by_epoch=True),
        )
    )
    config.default_hooks.logger.interval = 2
    assert in_child(lambda: Runner.from_cfg(config).train()) == 0
    pictures = sorted(path.name for path in tmp_path.rglob('val_*.png'))
    assert len(pictures) == 2, pictures
    assert pictures[0].startswith('val_0') and pictures[1].startswith('val_1')

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (events,) = tmp_path.rglob('events.out.tfevents*')
    log = EventAccumulator(str(events.parent))
    log.Reload()
    assert {'kl_x', 'kl_face', 'loss_kpt', 'coco-wholebody/AP'} <= set(
        log.Tags()['scalars']
    )


DISTILL = sorted((CONFIGS / 'distill').glob('*.py'))


@pytest.mark.parametrize('path', DISTILL, ids=lambda path: path.stem)
def test_distillation_configs(path):
    """A few lines each; teachers have weights, stage 2 finds stage 1."""
    config = Config.fromfile(path)
    size = path.stem.rsplit('-', 1)[1]
    assert 'x'.join(map(str, config.codec.input_size[1::-1])) == size
    assert config.optim_wrapper.clip_grad.max_norm == 1
    assert len(path.read_text().splitlines()) <= 15
    if '_s1_' in path.stem:
        teacher = zoo.get(config.model.teacher)
        assert size in teacher.name and teacher.weights.endswith('.pth')
        assert config.train_cfg.max_epochs == 270
    else:
        first = path.with_name(f'{config.model.teacher_weights.split("/")[1]}.py')
        assert config.model.stage == 2 and first in DISTILL
        trained = Config.fromfile(first).model
        assert trained.backbone == config.model.backbone
        assert trained.head == config.model.head
        assert config.train_cfg.max_epochs == 60
        assert config.param_scheduler[1].end == 60


def test_a_distillation_config_builds():
    """The real widths: 1024 channels teach 768."""
    config = Config.fromfile(CONFIGS / 'distill' / 'rtmw-l-m_s1_cocktail14-256x192.py')
    config.model.backbone.init_cfg = None
    model = MODELS.build(config.model)
    assert [(align.in_channels, align.out_channels) for align in model.align] == [
        (384, 512),
        (768, 1024),
    ]
    assert not any('align' in key for key in model.state_dict())


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='needs glibc')
def test_memory_that_was_freed_is_used_again():
    """A tensor of 64 MiB has 16384 pages, each a fault where it is new."""

    def faults():
        for _ in range(2):
            torch.ones(2**24).sum()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            torch.ones(2**24).sum()
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    def child():
        hook = KeepMemoryHook()
        hook.before_train(None)
        assert faults() < 5000
        # What follows the training has the memory again.
        hook.after_train(None)
        assert faults() > 50000

    assert in_child(child) == 0


def test_hooks_are_registered_and_importable():
    """One file each, all of them from the room."""
    files = (ROOT / 'rtmw_ext' / 'engine' / 'hooks').glob('*.py')
    names = re.findall(
        r'^class (\w+)\(', '\n'.join(path.read_text() for path in files), re.MULTILINE
    )
    assert len(names) >= 11
    for name in names:
        assert HOOKS.get(name) is getattr(hooks, name)
