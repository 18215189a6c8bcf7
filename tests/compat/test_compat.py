"""Each work-around mends its package's problem and does nothing elsewhere."""

import subprocess
import sys
import types
import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from mmengine.registry import init_default_scope

from rtmw_ext.commands import cli
from rtmw_ext.compat import dependencies
from rtmw_ext.compat import patches as compat
from support.deploy import onnx_runtime
from support.paths import RTMW_T


def test_the_first_forward_is_quiet(rtmw_t):
    """In a process of its own: pytest has warning filters of its own."""
    code = (
        'import rtmw_ext, mmpose, warnings;'
        'warnings.warn("`torch.cuda.amp.autocast(args...)` is '
        'deprecated.", FutureWarning);'
        'warnings.warn("another", FutureWarning)'
    )
    errors = subprocess.run(
        [sys.executable, '-c', code], text=True, capture_output=True, check=True
    ).stderr
    assert 'torch.cuda.amp' not in errors.split('FutureWarning', 1)[0]
    assert errors.count('FutureWarning') == 1 and 'another' in errors


OLD = {
    'torch': '2.3.1',
    'numpy': '1.26.4',
    'mmpose': '1.3.2',
    'mmengine': '0.9.1',
    'onedl-mmengine': None,
    'onedl-mmdetection': None,
}


@pytest.fixture
def replaced():
    """What the patches replace, as it is."""
    from mmengine.config import Config
    from mmengine.dist import utils
    from mmengine.model import MMDistributedDataParallel
    from mmengine.runner import checkpoint
    from mmpose.visualization import PoseLocalVisualizer

    return lambda: [
        Config.pretty_text.fget,
        MMDistributedDataParallel.__init__,
        PoseLocalVisualizer.draw_circles,
        checkpoint._safe_torch_load,
        torch.onnx.export,
        torch.serialization.get_safe_globals(),
        utils._init_dist_pytorch,
        list(warnings.filters),
        {name for name in sys.modules if name.startswith('imgaug')},
    ]


def test_other_versions_are_left_alone(replaced, monkeypatch):
    from mmpose.visualization import PoseLocalVisualizer

    def stock(self):
        """No replacement of ours."""

    monkeypatch.setattr(compat, 'installed_version', OLD.get)
    monkeypatch.setattr(PoseLocalVisualizer, 'draw_circles', stock)
    assert {patch.status() for patch in compat.PATCHES} == {'not needed'}
    with warnings.catch_warnings():
        warnings.resetwarnings()
        before = replaced()
        compat.apply()
        with compat.legacy_onnx_export():
            assert replaced() == before


@pytest.mark.parametrize(
    'version, status',
    [
        ('2.3.1', 'not needed'),
        ('2.4', 'applies'),
        ('2.6.0a1+cu130', 'applies'),
        ('2.7', 'not needed'),
        ('10.0', 'not needed'),
        (None, 'not needed'),
    ],
)
def test_a_patch_is_for_a_range_of_versions(version, status, monkeypatch):
    versions = dict(thing=('2.4', '2.7'), other=('1', None))
    monkeypatch.setattr(
        compat, 'installed_version', dict(thing=version, other='1.0').get
    )
    assert compat.Patch(print, versions, 'why').status() == status


def test_each_patch_can_be_switched_off(replaced, monkeypatch):
    from mmpose.visualization import PoseLocalVisualizer

    def stock(self):
        """No replacement of ours."""

    monkeypatch.setattr(PoseLocalVisualizer, 'draw_circles', stock)
    names = [patch.name for patch in compat.PATCHES]
    monkeypatch.setenv(compat.SWITCH, ', '.join(names))
    assert {patch.status() for patch in compat.PATCHES} == {'off'}
    with warnings.catch_warnings():
        warnings.resetwarnings()
        before = replaced()
        compat.apply()
        with compat.legacy_onnx_export():
            assert replaced() == before
    monkeypatch.setenv(compat.SWITCH, 'scalar')
    with pytest.warns(UserWarning, match='names no patch by scalar'):
        compat.apply()
    assert compat.is_ours(PoseLocalVisualizer.draw_circles)


def test_info_lists_the_patches(capsys, monkeypatch):
    monkeypatch.setenv(compat.SWITCH, 'remember_pretty_text')
    assert cli.main(['info']) == 0
    lines = {
        line.split()[0]: line for line in capsys.readouterr().out.split('\n') if line
    }
    for patch in compat.PATCHES:
        assert patch.status() in lines[patch.name] and patch.why in lines[patch.name]
    assert ' off ' in lines['remember_pretty_text']
    assert 'mmengine 0.10' in lines['remember_pretty_text']


def test_a_real_imgaug_is_left_alone(monkeypatch):
    real = types.ModuleType('imgaug')
    monkeypatch.setitem(sys.modules, 'imgaug', real)
    compat.stand_in_for_imgaug()
    assert sys.modules['imgaug'] is real


def test_absent_imgaug_names_itself_on_use():
    import imgaug.augmenters

    with pytest.raises(ImportError, match='imgaug.augmenters.Fliplr'):
        imgaug.augmenters.Fliplr(0.5)


def test_a_second_import_wraps_nothing_again():
    from mmengine.runner import checkpoint
    from mmpose.visualization import PoseLocalVisualizer

    before = (checkpoint._safe_torch_load, PoseLocalVisualizer.draw_circles)
    compat.apply()
    assert before == (checkpoint._safe_torch_load, PoseLocalVisualizer.draw_circles)


def test_a_config_is_formatted_once(monkeypatch):
    from mmengine.config import Config
    from yapf.yapflib import yapf_api as module

    calls = []
    original = module.FormatCode

    def count(*args, **kwargs):
        calls.append(1)
        return original(*args, **kwargs)

    monkeypatch.setattr(module, 'FormatCode', count)
    one = Config(dict(only_in_this_test=[1, dict(a=2)]))
    text = one.pretty_text
    assert 'only_in_this_test' in text
    assert Config(one.to_dict()).pretty_text == text and len(calls) == 1
    one.only_in_this_test[1].a = 3
    assert 'a=3' in one.pretty_text and len(calls) == 2


def test_mmdeploy_exports(rtmw_t, tmp_path):
    """mmdeploy's own entry, dynamic batch: ONNX Runtime agrees with torch."""
    from mmdeploy.apis import torch2onnx

    deploy = onnx_runtime((192, 256), ['simcc_x', 'simcc_y'])
    model, config = rtmw_t
    checkpoint = tmp_path / 'model.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
    config.dump(tmp_path / 'config.py')
    image = np.random.default_rng(0).integers(0, 256, (256, 192, 3), dtype=np.uint8)
    with compat.legacy_onnx_export():
        torch2onnx(
            image,
            str(tmp_path),
            'end2end',
            deploy,
            str(tmp_path / 'config.py'),
            str(checkpoint),
            device='cpu',
        )
    init_default_scope('mmpose')
    session = onnxruntime.InferenceSession(
        str(tmp_path / 'end2end.onnx'), providers=['CPUExecutionProvider']
    )
    batch = torch.randn(3, 3, 256, 192)
    with torch.no_grad():
        expected = model.head(model.extract_feat(batch))
    for ours, theirs in zip(session.run(None, dict(input=batch.numpy())), expected):
        assert ours.shape == (3, 133, ours.shape[-1])
        assert np.abs(ours - theirs.numpy()).max() < 1e-4


@pytest.mark.slow
def test_config_without_rtmw_ext_imported(tmp_path):
    """``mim`` imports no plugin: the config itself must."""
    code = (
        'from mmengine.config import Config;'
        'from mmengine.registry import init_default_scope as scope;'
        'from mmpose.registry import MODELS;'
        f'c = Config.fromfile({str(RTMW_T)!r}); scope("mmpose");'
        'c.model.backbone.init_cfg = None;'
        'print(type(MODELS.build(c.model).head).__name__)'
    )
    out = subprocess.run(
        [sys.executable, '-c', code],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    assert out.split()[-1] == 'RTMWSimCCHead'


def test_legacy_onnx_export_is_restored():
    original = torch.onnx.export
    with compat.legacy_onnx_export():
        assert torch.onnx.export is not original
    assert torch.onnx.export is original


@pytest.mark.parametrize(
    'required, text',
    [
        (('no_such_package', '1.0', 'pip install it'), 'not installed: pip'),
        (('torch', '99.0', 'pip install newer'), 'is installed: pip'),
    ],
)
def test_missing_or_old_package(required, text):
    with pytest.raises(ImportError, match=text):
        dependencies.check([required])
