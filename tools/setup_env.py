#!/usr/bin/env python3
"""Builds the private environment in ``.venv`` (what ``make setup`` runs).

Standard library only: it runs on the bare system Python before anything is
installed. The steps and their inputs are in ``requirements/``; a finished step
leaves its fingerprint in ``.venv/rtmw-setup.json`` and is skipped next time,
so a failed run goes on where it stopped.

Packages that must be compiled (``requirements/compiled.txt``) are kept as
wheels in ``$XDG_CACHE_HOME/rtmw_ext/wheels/<key>/``. The key names the Python,
the torch, the numpy and the CUDA toolkit that the wheel was compiled against.
"""

# An old Python gets as far as the line that says so.
from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / 'requirements'
VENV = ROOT / '.venv'
PYTHON = VENV / 'bin' / 'python'
STAMP = VENV / 'rtmw-setup.json'
MIN_PYTHON = (3, 10)


class SetupError(Exception):
    """A step failed; the text names the step and how to go on."""


def run(command: list[str], log: Path | None = None, **kwargs: Any) -> None:
    """Runs ``command``; with ``log``, its output goes there and a dot a second
    to the terminal, so that long compilations are seen to be alive."""
    if log is None:
        subprocess.run(command, check=True, **kwargs)
        return
    with log.open('ab') as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink, **kwargs)
        start = time.monotonic()
        while process.poll() is None:
            time.sleep(1)
            seconds = int(time.monotonic() - start)
            if seconds % 15 == 0:
                print(f'    ... {seconds} s, {tail(log)}', flush=True)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def tail(log: Path, width: int = 60) -> str:
    """The last line of a log, shortened."""
    lines = log.read_bytes()[-4000:].decode(errors='replace').split('\n')
    lines = [line.strip() for line in lines if line.strip()]
    return lines[-1][:width] if lines else ''


def pip(*arguments: str, **kwargs: Any) -> None:
    """pip of the private environment."""
    run([str(PYTHON), '-m', 'pip', '--disable-pip-version-check', *arguments], **kwargs)


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


def build_mmcv(source: Path, environment: dict[str, str], log: Path) -> None:
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
        ],
        log=log,
    )


PREPARE = {'onedl-mmcv': build_mmcv}


def compiled_wheel(requirement: str, cache: Path) -> Path:
    """The cached wheel of a pinned ``name==version``, compiled if absent."""
    name, version = requirement.split('==')
    found = list(cache.glob(f'{name.replace("-", "_")}-{version}-*.whl'))
    if found:
        print(f'    {found[0].name}: from {cache}')
        return found[0]
    cache.mkdir(parents=True, exist_ok=True)
    print(f'    compiling {requirement} on {os.cpu_count()} cores', flush=True)
    with tempfile.TemporaryDirectory(prefix='rtmw-build-') as folder:
        folder = Path(folder)
        log = cache / f'{name}-{version}.log'
        log.unlink(missing_ok=True)
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
            log=log,
            env=environment,
        )
        (archive,) = folder.glob('*.tar.gz')
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter='data')
        (source,) = [path for path in folder.iterdir() if path.is_dir()]
        PREPARE.get(name, lambda *_: None)(source, environment, log)
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
            log=log,
            env=environment,
        )
        (built,) = out.glob('*.whl')
        # Written beside, then renamed: a half-copied wheel is never picked up.
        partial = cache / f'.{built.name}.{os.getpid()}'
        shutil.copy(built, partial)
        return partial.rename(cache / built.name)


def step_venv() -> None:
    if not PYTHON.exists():
        run([sys.executable, '-m', 'venv', '--clear', str(VENV)])


def step_build_tools() -> None:
    pip('install', '-q', '-r', str(REQUIREMENTS / 'build.txt'))


def step_torch() -> None:
    pip('install', '--progress-bar', 'on', '-r', str(REQUIREMENTS / 'torch.txt'))


def step_packages() -> None:
    pip(
        'install',
        '-q',
        *[
            argument
            for name in ('stack.txt', 'dev.txt')
            for argument in ('-r', str(REQUIREMENTS / name))
        ],
    )


def step_compiled() -> None:
    cache = wheel_cache()
    wheels = [compiled_wheel(line, cache) for line in requirement_lines('compiled.txt')]
    pip('install', '-q', '--no-deps', '--force-reinstall', *map(str, wheels))


def step_openmmlab() -> None:
    pip(
        'install',
        '-q',
        '--no-deps',
        '--no-build-isolation',
        *requirement_lines('openmmlab.txt'),
    )


def step_optional() -> None:
    pip(
        'install',
        '-q',
        '--no-deps',
        *requirement_lines('synthetic.txt'),
        *requirement_lines('bench.txt'),
    )


def step_rtmw_ext() -> None:
    pip('install', '-q', '--no-deps', '--no-build-isolation', '-e', str(ROOT))


def step_check() -> None:
    run(
        [
            str(PYTHON),
            '-c',
            'import torchvision, mmcv.ops, mmengine, mmdet, mmpose, mmdeploy,'
            'xtcocotools.mask, mim, rtmw_ext;'
            'print("    all packages import together")',
        ]
    )


STEPS = [
    ('venv', step_venv, ['tools/setup_env.py']),
    ('build tools', step_build_tools, ['requirements/build.txt']),
    ('torch', step_torch, ['requirements/torch.txt']),
    ('packages', step_packages, ['requirements/stack.txt', 'requirements/dev.txt']),
    ('compiled packages', step_compiled, ['requirements/compiled.txt']),
    ('OpenMMLab', step_openmmlab, ['requirements/openmmlab.txt']),
    (
        'synthetic people and benchmarks',
        step_optional,
        ['requirements/synthetic.txt', 'requirements/bench.txt'],
    ),
    ('rtmw_ext', step_rtmw_ext, ['setup.py', 'pyproject.toml']),
    ('check', step_check, []),
]


def fingerprints() -> dict[str, str]:
    """{step: hash of its inputs and of those of every step before it}."""
    digest = hashlib.sha256(f'{sys.version}{ROOT}'.encode())
    result = {}
    for name, _, inputs in STEPS:
        for path in inputs:
            if path.startswith('requirements/'):
                text = '\n'.join(requirement_lines(Path(path).name))
                digest.update(text.encode())
            elif path in ('setup.py', 'pyproject.toml'):
                digest.update((ROOT / path).read_bytes())
        digest.update(name.encode())
        result[name] = digest.hexdigest()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--force', action='store_true', help='run every step again')
    arguments = parser.parse_args()
    if sys.version_info < MIN_PYTHON:
        raise SetupError(
            f'Python {platform.python_version()} is too old: use '
            f'{".".join(map(str, MIN_PYTHON))} or newer, for example '
            'make setup PYTHON=python3.11'
        )
    done = {}
    if PYTHON.exists() and STAMP.exists() and not arguments.force:
        done = json.loads(STAMP.read_text())
    wanted = fingerprints()
    for number, (name, step, _) in enumerate(STEPS, 1):
        if done.get(name) == wanted[name]:
            continue
        print(f'[{number}/{len(STEPS)}] {name}', flush=True)
        start = time.monotonic()
        try:
            step()
        except (subprocess.CalledProcessError, OSError, ValueError) as error:
            message = f'step "{name}" failed: {error}'
            logs = sorted(wheel_cache().glob('*.log')) if step is step_compiled else []
            if logs:
                message += '\nlogs: ' + ', '.join(map(str, logs))
            raise SetupError(
                f'{message}\nMend what the lines above name (network, disk, '
                'compiler), then type `make setup` again: finished steps are '
                'kept.'
            ) from error
        done[name] = wanted[name]
        STAMP.write_text(json.dumps(done, indent=1))
        print(f'    done in {time.monotonic() - start:.0f} s', flush=True)


if __name__ == '__main__':
    try:
        main()
    except SetupError as error:
        sys.exit(f'setup: {error}')
