#!/usr/bin/env python3
"""Builds the private environment in ``.venv``: the runtime alone (``runtime``,
what ``make demo`` needs), or everything (what ``make setup`` runs).

Standard library only: it runs on the bare system Python before anything is
installed. A finished step leaves the fingerprint of its inputs in
``.venv/rtmw-setup.json`` and is skipped next time, so a failed run goes on where
it stopped. A step prints a line; what its commands print goes to
``.venv/setup.log``.

Packages that must be compiled (``requirements/compiled.txt``) are kept as
wheels in ``$XDG_CACHE_HOME/rtmw_ext/wheels/<key>/``. The key names the Python,
the torch, the numpy and the CUDA toolkit that the wheel was compiled against.
"""

# An old Python gets as far as the line that says so.
from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / 'requirements'
VENV = ROOT / '.venv'
PYTHON = VENV / 'bin' / 'python'
STAMP = VENV / 'rtmw-setup.json'
LOG = VENV / 'setup.log'
#: The oldest Python of rtmw_ext, and that of the pinned packages.
MIN_PYTHON = (3, 10)
MIN_PYTHON_PINNED = (3, 11)


class SetupError(Exception):
    """A step failed; the text names the step and how to go on."""


class Step(NamedTuple):
    """A part of the set-up.

    Attributes:
        name: What it prints.
        run: Does it.
        inputs: Files below the repository; if one changes, the step runs again.
        mend: What to look at if it fails.
    """

    name: str
    run: Callable[[], None]
    inputs: tuple[str, ...] = ()
    mend: str = 'mend what the log names (network, disk)'


def run(command: list[str], **kwargs: Any) -> None:
    """Runs ``command``; what it prints goes to the log."""
    with LOG.open('ab') as log:
        log.write(f'\n$ {" ".join(command)}\n'.encode())
        log.flush()
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **kwargs,
        )


def pip(*arguments: str, **kwargs: Any) -> None:
    """pip of the private environment."""
    command = [str(PYTHON), '-m', 'pip', '--disable-pip-version-check', '--no-input']
    run([*command, *arguments], **kwargs)


def requirement_lines(name: str) -> list[str]:
    """The requirements of a file, without comments."""
    lines = (REQUIREMENTS / name).read_text().splitlines()
    return [line for line in map(str.strip, lines) if line and not line.startswith('#')]


def query(code: str) -> str:
    """One line printed by ``code`` in the private environment."""
    return subprocess.run(
        [str(PYTHON), '-c', code], check=True, capture_output=True, text=True
    ).stdout.strip()


def cuda_toolkit() -> str:
    """'cuXY' where mmcv's CUDA ops can be built (GPU and nvcc), else 'cpu'."""
    return query(
        'import torch; from torch.utils.cpp_extension import CUDA_HOME as h;'
        'print("cu" + torch.version.cuda'
        ' if torch.cuda.is_available() and h else "cpu")'
    )


def wheel_cache() -> Path:
    """The folder of compiled wheels for this Python, torch, numpy and CUDA."""
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    torch, numpy, python = query(
        'import sys, torch, numpy;'
        'print(torch.__version__, numpy.__version__.split(".")[0],'
        'sys.implementation.cache_tag)'
    ).split()
    key = f'{python}-{platform.machine()}-torch{torch}-numpy{numpy}-{cuda_toolkit()}'
    return Path(base) / 'rtmw_ext' / 'wheels' / key


def build_mmcv(source: Path, environment: dict[str, str]) -> None:
    """onedl-mmcv: C++20 (torch >= 2.14 headers need it, setup.py pins 17) and
    one precompiled torch header, which makes the CPU build 4 times shorter."""
    setup = source / 'setup.py'
    setup.write_text(setup.read_text().replace('-std=c++17', '-std=c++20'))
    environment.update(MMCV_WITH_OPS='1')
    if cuda_toolkit() != 'cpu':
        return
    environment['CFLAGS'] = flags = '-g0 -O2'
    header = source / 'mmcv/ops/csrc/common/pytorch_cpp_helper.hpp'
    includes = query(
        'from torch.utils.cpp_extension import include_paths;'
        'print(" ".join("-I" + p for p in include_paths()))'
    )
    # A compiler without this feature just ignores the file.
    run(
        [
            'c++',
            *flags.split(),
            '-fPIC',
            *includes.split(),
            '-std=c++20',
            '-DTORCH_API_INCLUDE_EXTENSION_H',
            '-DTORCH_EXTENSION_NAME=_ext',
            '-x',
            'c++-header',
            str(header),
            '-o',
            f'{header}.gch',
        ]
    )


PREPARE = {'onedl-mmcv': build_mmcv}


def compiled_wheel(requirement: str, cache: Path) -> Path:
    """The cached wheel of a pinned ``name==version``, compiled if absent."""
    import tarfile
    import tempfile

    name, version = requirement.split('==')
    found = list(cache.glob(f'{name.replace("-", "_")}-{version}-*.whl'))
    if found:
        return found[0]
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='rtmw-build-') as folder:
        folder = Path(folder)
        environment = {
            **os.environ,
            'MAX_JOBS': str(os.cpu_count()),
            'PATH': f'{VENV / "bin"}:{os.environ["PATH"]}',
        }
        pip(
            'download',
            '--no-deps',
            '--no-binary',
            ':all:',
            '--no-cache-dir',
            '--no-build-isolation',
            '-d',
            str(folder),
            requirement,
            env=environment,
        )
        (archive,) = folder.glob('*.tar.gz')
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter='data')
        (source,) = [path for path in folder.iterdir() if path.is_dir()]
        PREPARE.get(name, lambda *_: None)(source, environment)
        out = folder / 'wheel'
        # No pip cache: it would hand the wheel to another torch silently.
        pip(
            'wheel',
            '--no-deps',
            '--no-build-isolation',
            '--no-cache-dir',
            '-v',
            '-w',
            str(out),
            str(source),
            env=environment,
        )
        (built,) = out.glob('*.whl')
        # Written beside, then renamed: a half-copied wheel is never picked up.
        partial = cache / f'.{built.name}.{os.getpid()}'
        shutil.copy(built, partial)
        return partial.rename(cache / built.name)


def install(*files: str, options: tuple[str, ...] = ()) -> None:
    """Installs files of ``requirements/``."""
    arguments = [part for file in files for part in ('-r', str(REQUIREMENTS / file))]
    pip('install', *options, *arguments)


def step_venv() -> None:
    if not PYTHON.exists():
        run([sys.executable, '-m', 'venv', str(VENV)])


def step_runtime() -> None:
    """What pyproject.toml declares for the runtime, in the versions of stack.txt."""
    pip('install', '-c', str(REQUIREMENTS / 'build.txt'), 'setuptools')
    pins = ('-c', str(REQUIREMENTS / 'stack.txt'))
    pip(
        'install',
        '--no-build-isolation',
        *(pins if sys.version_info >= MIN_PYTHON_PINNED else ()),
        '-e',
        f'{ROOT}[runtime]',
    )


def step_compiled() -> None:
    cache = wheel_cache()
    wheels = [compiled_wheel(line, cache) for line in requirement_lines('compiled.txt')]
    pip('install', '--no-deps', '--force-reinstall', *map(str, wheels))


def step_check() -> None:
    run(
        [
            str(PYTHON),
            '-c',
            'import torchvision, mmcv.ops, mmengine, mmdet, mmpose, mmdeploy,'
            'xtcocotools.mask, mim, rtmw_ext',
        ]
    )


def files(*names: str) -> tuple[str, ...]:
    return tuple(f'requirements/{name}.txt' for name in names)


RUNTIME = [
    Step(
        'Python environment',
        step_venv,
        mend='Debian and Ubuntu: apt install python3-venv',
    ),
    Step(
        'runtime, without torch',
        step_runtime,
        ('pyproject.toml', 'setup.py', *files('build', 'stack')),
    ),
]
#: The order counts.
TRAINING = [
    Step('build tools', lambda: install('build.txt'), files('build')),
    Step('torch', lambda: install('torch.txt'), files('torch')),
    Step(
        'packages of training and tests',
        lambda: install('stack.txt', 'dev.txt'),
        files('stack', 'dev'),
    ),
    Step(
        'compiled packages (once, minutes)',
        step_compiled,
        files('build', 'torch', 'stack', 'compiled'),
        mend='mend what the log names (gcc, network, disk)',
    ),
    Step(
        'OpenMMLab',
        lambda: install('openmmlab.txt', options=('--no-deps', '--no-build-isolation')),
        files('openmmlab'),
    ),
    Step(
        'synthetic people and benchmarks',
        lambda: install('synthetic.txt', 'bench.txt', options=('--no-deps',)),
        files('synthetic', 'bench'),
    ),
    Step(
        'check: all import together',
        step_check,
        files('build', 'torch', 'stack', 'dev', 'compiled', 'openmmlab'),
    ),
]


def fingerprint(step: Step) -> str:
    """A hash of the step's inputs, of the Python and of the folder."""
    digest = hashlib.sha256(f'{sys.version}{ROOT}{step.name}'.encode())
    for path in step.inputs:
        if path.startswith('requirements/'):
            digest.update('\n'.join(requirement_lines(Path(path).name)).encode())
        else:
            digest.update((ROOT / path).read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def one_line(title: str) -> Iterator[None]:
    """Prints a line: the title, then the seconds that the block took. They run
    on a terminal."""
    start = time.monotonic()
    done = threading.Event()

    def tick() -> None:
        while not done.wait(1):
            print(f'\r{title} {time.monotonic() - start:4.0f} s', end='', flush=True)

    print(title, end='', flush=True)
    ticking = threading.Thread(target=tick, daemon=True)
    if sys.stdout.isatty():
        ticking.start()
    outcome = 'failed'
    try:
        yield
        outcome = ''
    finally:
        done.set()
        if ticking.ident:
            ticking.join()
            print(f'\r{title}', end='')
        print(f' {time.monotonic() - start:4.0f} s {outcome}'.rstrip(), flush=True)


def why_it_failed() -> str:
    """The log's last line that names an error."""
    lines = LOG.read_bytes()[-20000:].decode(errors='replace').splitlines()
    lines = [line.strip() for line in lines if 'error' in line.lower()]
    return lines[-1][:200] if lines else 'a command of it failed'


def build(steps: list[Step], target: str, force: bool = False) -> None:
    """Runs the steps that are not done.

    Args:
        steps: In their order.
        target: Of make, to be typed again.
        force: Run them all.

    Raises:
        SetupError: One failed.
    """
    done = {}
    if PYTHON.exists() and STAMP.exists() and not force:
        done = json.loads(STAMP.read_text())
    wanted = {step.name: fingerprint(step) for step in steps}
    missing = [step for step in steps if done.get(step.name) != wanted[step.name]]
    if not missing:
        return
    # Of another Python, or moved: its scripts name the old place.
    of_another = done.get(steps[0].name, wanted[steps[0].name]) != wanted[steps[0].name]
    if of_another or not PYTHON.exists():
        shutil.rmtree(VENV, ignore_errors=True)
        done, missing = {}, steps
    VENV.mkdir(exist_ok=True)
    LOG.write_bytes(b'')
    for step in missing:
        try:
            with one_line(f'[{steps.index(step) + 1}/{len(steps)}] {step.name:34}'):
                step.run()
        except (subprocess.CalledProcessError, OSError, ValueError) as error:
            ran = isinstance(error, subprocess.CalledProcessError)
            raise SetupError(
                f'"{step.name}" failed: {why_it_failed() if ran else error}\n'
                f'log: {LOG}\n{step.mend}, then type `make {target}` again: '
                'finished steps are kept'
            ) from error
        done[step.name] = wanted[step.name]
        STAMP.write_text(json.dumps(done, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description='Builds the environment in .venv.')
    parser.add_argument(
        'what',
        nargs='?',
        choices=('runtime', 'all'),
        default='all',
        help='the runtime without torch, or all (default)',
    )
    parser.add_argument('--force', action='store_true', help='run every step again')
    flags = parser.parse_args()
    alone = flags.what == 'runtime'
    least = MIN_PYTHON if alone else MIN_PYTHON_PINNED
    target = 'runtime' if alone else 'setup'
    if sys.version_info < least:
        version = '.'.join(map(str, least))
        raise SetupError(
            f'Python {platform.python_version()} is too old: use {version} or newer, '
            f'for example make {target} PYTHON=python{version}'
        )
    build(RUNTIME if alone else RUNTIME + TRAINING, target, flags.force)


if __name__ == '__main__':
    try:
        main()
    except SetupError as error:
        sys.exit(f'setup: {error}')
    except KeyboardInterrupt:
        sys.exit('setup: stopped; the next run goes on here')
