"""Each demo of projects/rtmw: its file, its target of make, its row in the docs."""

import re
import subprocess

import pytest

from support.paths import ROOT
from support.tools import run_script

PROJECT = ROOT / 'projects' / 'rtmw'
DEMOS = sorted(PROJECT.glob('demo_*.py'))


@pytest.mark.slow
@pytest.mark.parametrize('path', DEMOS, ids=lambda path: path.stem)
def test_demo(path):
    target = path.stem.replace('_', '-')
    command = f'projects/rtmw/{path.name}'
    planned = subprocess.run(
        ['make', '-n', target], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert f'python {command}' in planned.stdout
    assert f'| `make {target}` |' in (PROJECT / 'README.md').read_text()
    for config in re.findall(r"'(configs/.*?)'", path.read_text()):
        assert (ROOT / config).is_file(), config
    shown = run_script(command, '--help')
    assert shown.returncode == 0
    assert f'make {target}' in shown.stdout and '--out' in shown.stdout
