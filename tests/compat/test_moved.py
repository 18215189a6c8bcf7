"""Documented imports of version 0.1 go on working, with a warning."""

import importlib
import subprocess
import sys

import pytest

import rtmw_ext
from rtmw_ext.compat.moved import MOVED
from support.paths import ROOT


@pytest.mark.parametrize(
    'old, new, name',
    [
        ('checkpoints', 'engine.checkpoints', 'AtomicBackend'),
        ('checkpoints', 'models.loading', 'check_fit'),
        ('cli', 'commands.cli', 'main'),
        ('estimate', 'apis.topdown', 'as_records'),
        ('estimate', 'apis.topdown', 'draw_poses'),
        ('estimate', 'apis.topdown', 'estimate_poses'),
        ('geometry', 'core.geometry', 'back_project'),
        ('geometry', 'core.geometry', 'project'),
        ('hooks', 'engine.hooks', 'TimeBudgetHook'),
        ('images', 'core.images', 'list_images'),
        ('images', 'core.images', 'read_image'),
        ('inferencer', 'apis.inferencer', 'RTMW3DInferencer'),
        ('optim', 'engine.model_wrapper', 'ChannelsLastDDP'),
        ('optim', 'engine.optim_wrapper', 'PrecisionOptimWrapper'),
        ('runtime.results', 'output', 'FORMATS'),
        ('second_look', 'core.second_look', 'merge'),
        ('skeleton', 'core.skeleton', 'FIELDS'),
        ('visualization', 'engine.visualizer', 'Pose3DVisualizer'),
        ('visualization.rerun_view', 'output.rerun_view', 'RerunView'),
    ],
)
def test_old_names(old, new, name):
    expected = getattr(importlib.import_module(f'rtmw_ext.{new}'), name)
    with pytest.warns(DeprecationWarning, match=f'rtmw_ext.{new}.{name}') as record:
        scope = {}
        exec(f'from rtmw_ext.{old} import {name}', scope)
    assert scope[name] is expected and record[0].filename == '<string>'
    module = importlib.import_module(f'rtmw_ext.{old}')
    with pytest.raises(AttributeError, match='no_such_name'):
        module.no_such_name  # noqa: B018
    assert old in MOVED and not hasattr(module, '__file__')


def test_as_attributes_of_the_package():
    with pytest.warns(DeprecationWarning, match='core.geometry.project'):
        assert rtmw_ext.geometry.project is rtmw_ext.core.geometry.project


def test_nothing_is_imported_for_them():
    code = (
        'import sys, rtmw_ext.geometry as old\n'
        'assert "rtmw_ext.core.geometry" not in sys.modules\n'
        'assert not any(hasattr(module, "__file__") for name, module in '
        '[*sys.modules.items()] if type(module).__name__ == "MovedModule")\n'
        'old.project\n'
        'assert "torch" not in sys.modules\n'
    )
    err = subprocess.run(
        [sys.executable, '-W', 'always', '-c', code],
        text=True,
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stderr
    assert err.count('DeprecationWarning') == 1
