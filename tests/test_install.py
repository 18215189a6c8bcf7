"""A wheel in a venv without torch: what `pip install ".[runtime]"` gives most
users."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from support.paths import PEOPLE, ROOT

pytestmark = pytest.mark.slow
SOURCE = (
    'CHANGELOG.md',
    'CITATION.cff',
    'LICENSE',
    'MANIFEST.in',
    'NOTICE',
    'README.md',
    'configs',
    'model-index.yml',
    'pyproject.toml',
    'rtmw_ext',
    'setup.py',
    'tools',
)
TORCH = ('torch', 'mmengine', 'mmcv', 'mmdet', 'mmpose')


def copy_source(folder: Path) -> None:
    """The files that a wheel is built from."""
    folder.mkdir()
    for name in SOURCE:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name,
                folder / name,
                ignore=shutil.ignore_patterns('.mim', '__pycache__'),
            )
        else:
            shutil.copy(ROOT / name, folder / name)


def needed(requirement: str, names: set[str], extra: str = '') -> None:
    """Adds what a requirement of the runtime installs, with all that it needs in
    turn."""
    required = Requirement(requirement)
    if required.name in names or (
        required.marker and not required.marker.evaluate({'extra': extra})
    ):
        return
    names.add(required.name)
    for inner in importlib.metadata.requires(required.name) or ():
        needed(inner, names)


def link_installed(names: set[str], site: Path) -> None:
    """Links the installed files of distributions into another environment."""
    for name in names:
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files}:
            target = Path(distribution.locate_file(top))
            link = site / top
            if top not in ('..', '__pycache__') and not link.exists():
                link.symlink_to(target)


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    """Runs commands of a venv that holds the wheel and what its extra ``runtime``
    brings."""
    folder = tmp_path_factory.mktemp('install')
    copy_source(folder / 'source')
    pip = [sys.executable, '-m', 'pip', '-q', '--disable-pip-version-check']
    subprocess.run(
        [*pip, 'wheel', '--no-deps', '--no-build-isolation', '-w', '.', './source'],
        cwd=folder,
        check=True,
    )
    (wheel,) = folder.glob('*.whl')
    venv.create(folder / 'venv', with_pip=False, symlinks=True)
    python = folder / 'venv' / 'bin' / 'python'
    subprocess.run(
        [*pip, '--python', python, 'install', '--no-deps', '--no-index', wheel],
        check=True,
    )
    (site,) = (folder / 'venv').glob('lib/python*/site-packages')
    (metadata,) = importlib.metadata.distributions(name='rtmw_ext', path=[str(site)])
    names: set[str] = set()
    for requirement in metadata.requires:
        needed(requirement, names, 'runtime')
    link_installed(names, site)
    clean = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}

    def run(command, **variables):
        return subprocess.run(
            command,
            cwd=folder,
            env={**clean, 'XDG_CACHE_HOME': str(folder / 'cache'), **variables},
            text=True,
            capture_output=True,
        )

    return folder, run


def test_infer_without_torch(environment):
    folder, run = environment
    code = (
        'import importlib.util, sys\n'
        'from rtmw_ext.commands.cli import main\n'
        f'assert not any(map(importlib.util.find_spec, {TORCH}))\n'
        'code = main(sys.argv[1:])\n'
        f'assert not {{*{TORCH}}} & {{*sys.modules}}\n'
        'sys.exit(code)\n'
    )
    result = run(
        [
            folder / 'venv' / 'bin' / 'python',
            '-c',
            code,
            'infer',
            PEOPLE,
            '--pose',
            'rtmw3d-t',
            '--scene',
            '--det',
            'rtmdet-nano',
            '--out',
            'out',
        ]
    )
    assert (result.returncode, result.stderr) == (0, '')
    people = json.loads((folder / 'out' / 'people.json').read_text())
    assert len(people) > 1 and len(people[0]['keypoints']) == 133


def test_infer_without_a_connection(environment):
    """Nothing but a photo is named."""
    folder, run = environment
    command = [folder / 'venv' / 'bin' / 'rtmw', 'infer', PEOPLE, '--out', 'offline']
    result = run(command, RTMW_WEIGHTS_MIRROR='http://127.0.0.1:9')
    assert result.returncode == 0
    (line,) = result.stderr.splitlines()
    assert 'RTMW_WEIGHTS_MIRROR' in line
    assert (folder / 'offline' / 'people.jpg').is_file()
    assert len(json.loads((folder / 'offline' / 'people.json').read_text())) > 1


@pytest.mark.parametrize(
    'arguments, code, text',
    [
        (['info'], 0, 'stand_in_for_imgaug        not needed'),
        (['models', 'rtmw-t'], 0, 'rtmw-t'),
        (['export', 'rtmw-t'], 1, 'rtmw: rtmw_ext needs torch'),
    ],
)
def test_console_script(arguments, code, text, environment):
    folder, run = environment
    result = run([folder / 'venv' / 'bin' / 'rtmw', *arguments])
    assert result.returncode == code, result.stderr
    assert text in result.stdout + result.stderr
    assert 'Traceback' not in result.stderr


def test_wheel_metadata_and_files(environment):
    folder, _ = environment
    (site,) = (folder / 'venv').glob('lib/python*/site-packages')
    (wheel,) = importlib.metadata.distributions(name='rtmw_ext', path=[str(site)])
    assert wheel.metadata['Requires-Python'] == '>=3.10'
    assert 'Python 3.10 or newer' in (ROOT / 'README.md').read_text()
    assert wheel.metadata['License-Expression'] == 'Apache-2.0'
    docs = (ROOT / 'docs' / 'install.md').read_text()
    named = re.findall(r'(?:rtmw_ext|\.)\[([\w,]+)\]', docs)
    extras = {name for text in named for name in text.split(',')}
    assert {'runtime'} <= extras <= set(wheel.metadata.get_all('Provides-Extra'))
    version: dict[str, str] = {}
    exec((ROOT / 'rtmw_ext' / 'version.py').read_text(), version)
    assert wheel.version == version['__version__']
    package = site / 'rtmw_ext'
    for name in ('py.typed', '.mim/configs', '.mim/tools', '.mim/model-index.yml'):
        assert (package / name).exists()
