"""The environment builder: what is kept, what is redone, what it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import ROOT
from support.tools import load_tool

setup_env = load_tool('setup_env')


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """setup_env on requirement files of its own, with steps that only log."""
    requirements = tmp_path / 'requirements'
    requirements.mkdir()
    for source in (ROOT / 'requirements').glob('*.txt'):
        (requirements / source.name).write_text(source.read_text())
    for name in ('setup.py', 'pyproject.toml'):
        (tmp_path / name).touch()
    ran = []
    steps = [
        (name, lambda name=name: ran.append(name), inputs)
        for name, _, inputs in setup_env.STEPS
    ]
    venv = tmp_path / '.venv'
    (venv / 'bin').mkdir(parents=True)
    (venv / 'bin' / 'python').touch()
    for name, value in dict(
        ROOT=tmp_path,
        REQUIREMENTS=requirements,
        VENV=venv,
        PYTHON=venv / 'bin' / 'python',
        STAMP=venv / 'rtmw-setup.json',
        STEPS=steps,
    ).items():
        monkeypatch.setattr(setup_env, name, value)
    monkeypatch.setattr(sys, 'argv', ['setup_env.py'])
    return tmp_path, ran


def names():
    return [name for name, _, _ in setup_env.STEPS]


def test_a_second_run_does_nothing(sandbox):
    _, ran = sandbox
    setup_env.main()
    assert ran == names()
    setup_env.main()
    assert ran == names()


def test_a_changed_pin_runs_its_step_and_those_after(sandbox):
    root, ran = sandbox
    setup_env.main()
    ran.clear()
    pins = root / 'requirements' / 'compiled.txt'
    pins.write_text(pins.read_text() + '# only a comment\n')
    setup_env.main()
    assert ran == []
    pins.write_text(pins.read_text() + 'new==1.0\n')
    setup_env.main()
    assert ran == names()[names().index('compiled packages') :]


def test_a_failed_step_is_named_and_retried(sandbox, monkeypatch):
    _, ran = sandbox
    good = list(setup_env.STEPS)

    def fail():
        raise subprocess.CalledProcessError(1, ['pip', 'install'])

    broken = [
        (name, fail if name == 'OpenMMLab' else step, inputs)
        for name, step, inputs in good
    ]
    monkeypatch.setattr(setup_env, 'STEPS', broken)
    with pytest.raises(setup_env.SetupError, match='"OpenMMLab" failed') as e:
        setup_env.main()
    assert 'make setup' in str(e.value)
    ran.clear()
    monkeypatch.setattr(setup_env, 'STEPS', good)
    setup_env.main()
    assert ran == names()[names().index('OpenMMLab') :]


@pytest.mark.parametrize(
    'versions',
    [
        '2.14.1+cu130 2.4.6 cpython-312',
        '2.13.0+cpu 2.4.6 cpython-311',
        '2.14.1+cu130 1.26.4 cpython-311',
    ],
)
def test_a_wheel_for_another_torch_is_never_found(versions, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.setattr(setup_env, 'cuda_toolkit', lambda: 'cpu')
    answers = iter(['2.14.1+cu130 2.4.6 cpython-311', versions])
    monkeypatch.setattr(setup_env, 'query', lambda code: next(answers))
    ours, other = setup_env.wheel_cache(), setup_env.wheel_cache()
    assert ours != other and tmp_path in ours.parents
    ours.mkdir(parents=True)
    wheel = ours / 'onedl_mmcv-2.3.6-cp311-cp311-linux_x86_64.whl'
    wheel.touch()
    assert setup_env.compiled_wheel('onedl-mmcv==2.3.6', ours) == wheel

    def compile_(*_, **__):
        raise InterruptedError

    monkeypatch.setattr(setup_env, 'pip', compile_)
    for cache, requirement in (
        (other, 'onedl-mmcv==2.3.6'),
        (ours, 'onedl-mmcv==2.3.7'),
    ):
        with pytest.raises(InterruptedError):
            setup_env.compiled_wheel(requirement, cache)


def test_the_stamp_of_another_folder_is_not_believed(sandbox, tmp_path):
    _, ran = sandbox
    setup_env.main()
    stamp = Path(setup_env.STAMP)
    done = json.loads(stamp.read_text())
    setup_env.ROOT = tmp_path / 'moved'
    (tmp_path / 'moved').mkdir()
    for name in ('setup.py', 'pyproject.toml'):
        (tmp_path / 'moved' / name).touch()
    assert not set(done.values()) & set(setup_env.fingerprints().values())


def test_old_python_is_named(sandbox, monkeypatch):
    monkeypatch.setattr(setup_env, 'MIN_PYTHON', (9, 9))
    with pytest.raises(setup_env.SetupError, match='too old: use 9.9'):
        setup_env.main()
