"""A large model that begins as a small one."""

import copy
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

from rtmw_ext.core.paths import root
from rtmw_ext.models.grow import GrowError, grow
from support.paths import ROOT

SMALL = 'configs/synthetic/rtmw3d-t_synthetic-128x96.py'
WIDE = {
    'model.backbone.widen_factor': 0.75,
    'model.neck.in_channels': [192, 384, 768],
    'model.head.in_channels': 768,
}


def build(seed=0, **changes):
    config = Config.fromfile(root() / SMALL)
    config.merge_from_dict(
        {name.replace('__', '.'): value for name, value in changes.items()}
    )
    torch.manual_seed(seed)
    model = MODELS.build(config.model)
    for module in model.modules():
        # As after a training: no weight is like another.
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight, 1.0, 0.1)
            torch.nn.init.normal_(module.bias, 0.0, 0.1)
            torch.nn.init.normal_(module.running_mean, 0.0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    model.eval()
    return model


@pytest.fixture
def small():
    return build()


def outputs(model, images):
    with torch.no_grad():
        feats = model.extract_feat(images)
        return *feats, *model.head(feats)


def test_wider_model_computes_the_same(small):
    large = build(1, **WIDE)
    images = torch.randn(2, 3, 128, 96)
    grow(small, large)
    for mine, theirs in zip(outputs(large, images)[2:], outputs(small, images)[2:]):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


def test_duplicates_are_told_apart(small):
    large = build(1, **WIDE)
    grow(small, large)
    weight = large.neck.reduce_layers[0].conv.weight
    assert not torch.allclose(weight[:, ::2], weight[:, 1::2])
    torch.testing.assert_close(
        (weight[:, ::2] + weight[:, 1::2])[::2], small.neck.reduce_layers[0].conv.weight
    )


def test_new_blocks_with_a_shortcut_are_an_identity(small):
    large = build(1, model__backbone__deepen_factor=0.67)
    grow(small, large)
    images = torch.randn(2, 3, 128, 96)
    with torch.no_grad():
        mine, theirs = (
            model.backbone.stage3(
                model.backbone.stage2(
                    model.backbone.stage1(model.backbone.stem(images))
                )
            )
            for model in (large, small)
        )
    assert len(large.backbone.stage3[1].blocks) == 4
    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_new_blocks_without_a_shortcut_are_nearly_one(small):
    """With the statistics of their own input, as while training."""
    small, large = (copy.deepcopy(small), build(1, model__backbone__deepen_factor=0.67))
    grow(small, large)
    images = torch.randn(16, 3, 128, 96)
    for model in (small, large):
        model.train()
    mine, theirs = (model.backbone(images)[-1].flatten() for model in (large, small))
    assert torch.corrcoef(torch.stack([mine, theirs]))[0, 1] > 0.98


def test_another_head_is_refused(small):
    with pytest.raises(GrowError, match='no multiple'):
        grow(
            small,
            build(
                1,
                model__backbone__widen_factor=0.5,
                model__neck__in_channels=[128, 256, 512],
                model__head__in_channels=512,
            ),
        )


def test_tool(tmp_path):
    configs = root() / 'configs' / 'synthetic'
    small, large, other = (
        str(configs / f'rtmw3d-{size}_synthetic-256x192.py') for size in 'tms'
    )
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(small).model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'small.pth')

    def run(*arguments):
        return subprocess.run(
            [sys.executable, 'tools/grow.py', tmp_path / 'small.pth', *arguments],
            cwd=ROOT,
            text=True,
            capture_output=True,
        )

    done = run(small, large, tmp_path / 'large.pth')
    assert done.returncode == 0, done.stderr
    state = torch.load(tmp_path / 'large.pth')['state_dict']
    config = Config.fromfile(large)
    MODELS.build(config.model).load_state_dict(state)
    assert torch.equal(state['head.cls_z.weight'], model.head.cls_z.weight)
    done = run(small, other, tmp_path / 'other.pth')
    assert done.stderr.strip().splitlines()[-1].startswith('grow: ')
    assert not (tmp_path / 'other.pth').exists()
