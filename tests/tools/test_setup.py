"""The environment builder: what is kept, what is redone, what it says."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys

import pytest

from support.paths import ROOT
from support.tools import load_tool

setup_env = load_tool('setup_env')
NAMES = [step.name for step in setup_env.RUNTIME + setup_env.TRAINING]
RUNTIME = [step.name for step in setup_env.RUNTIME]


def copy_inputs(folder):
    """What the fingerprints are made of."""
    shutil.copytree(ROOT / 'requirements', folder / 'requirements')
    for name in ('setup.py', 'pyproject.toml'):
        shutil.copy(ROOT / name, folder / name)


def place_at(folder, monkeypatch):
    venv = folder / '.venv'
    for name, value in dict(
        ROOT=folder,
        REQUIREMENTS=folder / 'requirements',
        VENV=venv,
        PYTHON=venv / 'bin' / 'python',
        STAMP=venv / 'rtmw-setup.json',
        LOG=venv / 'setup.log',
    ).items():
        monkeypatch.setattr(setup_env, name, value)


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """setup_env on files of its own, with steps that only log their names."""
    copy_inputs(tmp_path)
    place_at(tmp_path, monkeypatch)
    ran = []

    def log(name):
        setup_env.PYTHON.parent.mkdir(exist_ok=True)
        setup_env.PYTHON.touch()
        ran.append(name)

    for group in ('RUNTIME', 'TRAINING'):
        steps = [
            step._replace(run=lambda name=step.name: log(name))
            for step in getattr(setup_env, group)
        ]
        monkeypatch.setattr(setup_env, group, steps)
    return tmp_path, ran


def make(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['setup_env.py', *arguments])
    setup_env.main()


def break_step(monkeypatch, name, error, group='TRAINING'):
    def fail():
        with setup_env.LOG.open('a') as log:
            log.write('compiling\nERROR: no space on disk\nbye\n')
        raise error

    steps = [
        step._replace(run=fail) if step.name == name else step
        for step in getattr(setup_env, group)
    ]
    monkeypatch.setattr(setup_env, group, steps)


def test_a_second_run_does_nothing(sandbox, monkeypatch, capsys):
    _, ran = sandbox
    make(monkeypatch)
    assert ran == NAMES
    capsys.readouterr()
    make(monkeypatch)
    assert ran == NAMES
    make(monkeypatch, 'runtime')
    assert ran == NAMES and capsys.readouterr().out == ''


def test_training_is_added_to_the_runtime(sandbox, monkeypatch):
    _, ran = sandbox
    make(monkeypatch, 'runtime')
    assert ran == RUNTIME
    make(monkeypatch)
    assert ran == NAMES


def test_a_line_a_step_with_its_seconds(sandbox, monkeypatch, capsys):
    make(monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(NAMES)
    for number, (line, name) in enumerate(zip(lines, NAMES), 1):
        assert re.fullmatch(
            rf'\[{number}/{len(NAMES)}\] {re.escape(name)} +\d+ s', line
        )


@pytest.mark.parametrize(
    'pins, again',
    [
        ('dev', ['packages of training and tests', 'check: all import together']),
        ('synthetic', ['synthetic people and benchmarks']),
        ('compiled', ['compiled packages (once, minutes)', NAMES[-1]]),
    ],
)
def test_a_changed_pin_runs_the_steps_that_read_it(pins, again, sandbox, monkeypatch):
    root, ran = sandbox
    make(monkeypatch)
    ran.clear()
    path = root / 'requirements' / f'{pins}.txt'
    path.write_text(path.read_text() + '# only a comment\n')
    make(monkeypatch)
    assert ran == []
    path.write_text(path.read_text() + 'new==1.0\n')
    make(monkeypatch)
    assert ran == again


def test_a_failed_step_is_named_and_retried(sandbox, monkeypatch, capsys):
    _, ran = sandbox
    good = setup_env.TRAINING
    error = subprocess.CalledProcessError(1, ['pip', 'install'])
    break_step(monkeypatch, 'OpenMMLab', error)
    with pytest.raises(setup_env.SetupError) as raised:
        make(monkeypatch)
    first, log, mend = str(raised.value).splitlines()
    assert first == '"OpenMMLab" failed: ERROR: no space on disk'
    assert log == f'log: {setup_env.LOG}'
    assert 'type `make setup` again' in mend
    assert capsys.readouterr().out.splitlines()[-1].endswith('failed')
    ran.clear()
    monkeypatch.setattr(setup_env, 'TRAINING', good)
    make(monkeypatch)
    assert ran == NAMES[NAMES.index('OpenMMLab') :]


def test_an_error_of_the_system_is_named(sandbox, monkeypatch):
    break_step(
        monkeypatch, RUNTIME[0], PermissionError(13, 'denied', '/a'), group='RUNTIME'
    )
    with pytest.raises(setup_env.SetupError) as raised:
        make(monkeypatch, 'runtime')
    text = str(raised.value)
    assert "denied: '/a'" in text and 'python3-venv' in text
    assert '`make runtime`' in text


@pytest.mark.parametrize('change', ['python', 'folder'])
def test_an_environment_of_another_place_is_built_anew(
    change, sandbox, monkeypatch, tmp_path
):
    root, ran = sandbox
    make(monkeypatch)
    ran.clear()
    (setup_env.VENV / 'old').touch()
    if change == 'python':
        monkeypatch.setattr(sys, 'version', '4.0')
    else:
        moved = tmp_path / 'moved'
        copy_inputs(moved)
        (root / '.venv').rename(moved / '.venv')
        place_at(moved, monkeypatch)
    make(monkeypatch, 'runtime')
    assert ran == RUNTIME
    assert not (setup_env.VENV / 'old').exists()
    assert set(json.loads(setup_env.STAMP.read_text())) == set(RUNTIME)


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


@pytest.mark.parametrize(
    'what, version, least',
    [('runtime', (3, 9, 2), '3.10'), ('all', (3, 10, 12), '3.11')],
)
def test_old_python_is_named(what, version, least, sandbox, monkeypatch):
    _, ran = sandbox
    monkeypatch.setattr(sys, 'version_info', version)
    with pytest.raises(setup_env.SetupError, match=f'too old: use {least}'):
        make(monkeypatch, what)
    assert ran == []


def test_the_runtime_is_what_pyproject_declares(sandbox, monkeypatch):
    """Its newest packages where the pins are too new for the Python."""
    commands = []
    monkeypatch.setattr(setup_env, 'pip', lambda *words, **_: commands.append(words))
    setup_env.step_runtime()
    monkeypatch.setattr(sys, 'version_info', (3, 10, 4))
    setup_env.step_runtime()
    pinned, free = commands[1], commands[3]
    assert f'{setup_env.ROOT}[runtime]' in pinned and '-c' in pinned
    assert f'{setup_env.ROOT}[runtime]' in free and '-c' not in free


def test_the_demo_needs_no_training_packages():
    def recipe(target):
        command = ['make', '--no-print-directory', '-n', target]
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return re.findall(r'setup_env\.py.*', output.stdout.decode())

    assert recipe('demo') == ['setup_env.py runtime']
    assert recipe('test') == ['setup_env.py runtime', 'setup_env.py']


@pytest.fixture
def clone(tmp_path):
    """A copy whose set-up runs in a process of its own."""
    copy_inputs(tmp_path)
    (tmp_path / 'tools').mkdir()
    return shutil.copy(ROOT / 'tools' / 'setup_env.py', tmp_path / 'tools')


def test_nothing_to_do_takes_no_time(clone, tmp_path, monkeypatch):
    place_at(tmp_path, monkeypatch)
    setup_env.PYTHON.parent.mkdir(parents=True)
    setup_env.PYTHON.symlink_to(sys.executable)
    done = {step.name: setup_env.fingerprint(step) for step in setup_env.RUNTIME}
    setup_env.STAMP.write_text(json.dumps(done))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run([sys.executable, '-IS', clone, 'runtime'], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0
    # Of the processor: a busy machine does not count.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.2


@pytest.mark.slow
def test_a_failing_index_is_named_with_the_log(clone, tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith('PIP_')}
    environment |= dict(
        PIP_INDEX_URL='http://127.0.0.1:9/simple',
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_CACHE_DIR='1',
        PIP_RETRIES='0',
    )
    result = subprocess.run(
        [sys.executable, clone, 'runtime'],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 2
    first, log, _ = result.stderr.splitlines()
    assert first.startswith('setup: "runtime, without torch" failed: ERROR: ')
    assert log == f'log: {tmp_path / ".venv" / "setup.log"}'
    assert '127.0.0.1' in (tmp_path / '.venv' / 'setup.log').read_text()
