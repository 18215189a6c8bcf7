"""What importing the runtime loads."""

import subprocess
import sys

import pytest

from support.paths import PEOPLE, ROOT


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


def test_infer_loads_only_what_it_runs(tmp_path):
    """Each of these is a share of the time that one image takes."""
    arguments = ['infer', str(PEOPLE), '--pose', 'rtmw-t', '--det', 'none']
    arguments += ['--no-tuned']
    code = (
        'import sys\nfrom rtmw_ext.commands import cli\n'
        f'assert cli.main({[*arguments, "--out", str(tmp_path)]}) == 0\n'
        'print(*sys.modules)'
    )
    out = subprocess.run(
        [sys.executable, '-c', code], text=True, capture_output=True, check=True
    ).stdout
    loaded = {*out.splitlines()[-1].split()}
    assert 'rtmw_ext.commands.infer' in loaded
    assert not loaded & {
        *('asyncio', 'http.client', 'importlib.metadata', 'matplotlib', 'openvino'),
        *('pandas', 'scipy', 'tqdm', 'rtmw_ext.commands.bench', 'unittest'),
    }
