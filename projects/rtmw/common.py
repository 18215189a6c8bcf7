"""What the demos that train share: their folder, running a tool, finding its
results."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def empty_folder(text: str, name: str) -> Path:
    """The folder of ``--out``, by default ``outputs/NAME``, with nothing in it
    (not made); the first line of ``text`` is what ``--help`` says."""
    flags = argparse.ArgumentParser(description=text.split('\n')[0])
    flags.add_argument('--out', default=str(ROOT / 'outputs' / name))
    out = ROOT / flags.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    return out


def run(*command, log: str | Path) -> None:
    """Runs a Python tool of the repository, its output on the terminal and in
    ``log``; stops with its error."""
    print('$', *command, flush=True)
    with open(log, 'w') as sink:
        process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for line in process.stdout:
            sink.write(line)
            if any(word in line for word in ('Iter(', 'AP:', 'MPJPE:', 'Error')):
                print('  ', line.strip().split(' - ')[-1], flush=True)
    if process.wait():
        sys.exit(f'{command[0]} failed, see {log}')


def last_checkpoint(work_dir: str | Path) -> Path:
    """The checkpoint that MMEngine names as the last of a run."""
    return Path((Path(work_dir) / 'last_checkpoint').read_text().strip())
