"""What importing the runtime loads."""

import subprocess
import sys

import pytest

from support.paths import ROOT


@pytest.mark.parametrize(
    'statement',
    [
        'import rtmw_ext',
        'import rtmw_ext.runtime',
        'import rtmw_ext.commands.cli',
        'from rtmw_ext import core, runtime, zoo; runtime.WholeBody',
        'from rtmw_ext.commands import infer, bench; from rtmw_ext import zoo',
    ],
)
def test_importing_needs_no_torch(statement):
    code = (
        f'{statement}\nimport sys\n'
        'print(sorted({name.split(".")[0] for name in sys.modules}))'
    )
    out = subprocess.run(
        [sys.executable, '-c', code],
        text=True,
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    assert "'rtmw_ext'" in out
    for package in ('torch', 'mmengine', 'mmcv', 'mmdet', 'mmpose'):
        assert f"'{package}'" not in out
