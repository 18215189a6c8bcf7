#!/usr/bin/env python3
"""RTMW3D-t, and so RTMW-t, from scratch on rendered people, in one number:

tools/train_synthetic.py --minutes 60

Renders crops, teaches the backbone and the neck to see points (cells) and HEM
to pass on where they are (maps), then trains the whole at 128x96 and, on a
GPU, at 256x192, each from the weights before. On a GPU it trains while the
other cores render; on a CPU it renders first. A run that was stopped goes on
with the same command.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import torch

from rtmw_ext.core.paths import root
from rtmw_ext.models.loading import CheckpointError
from rtmw_ext.zoo import WeightsError, resolve_checkpoint

ROOT = Path(__file__).resolve().parents[1]
#: Stage -> config, and minutes beside those of the other stages.
STAGES = {
    'cells': ('cells-t_synthetic-128x96', 2),
    'maps': ('maps-t_synthetic-128x96', 0.6),
    '128x96': ('rtmw3d-t_synthetic-128x96', 2.4),
    '256x192': ('rtmw3d-t_synthetic-256x192', 5),
}
#: Device -> people, side of a crop in pixels, persons of a step.
DEFAULTS = {'cpu': (25600, 160, 64), 'cuda': (130000, 256, 512)}


def stages(flags: argparse.Namespace, device: str) -> list[tuple[Path, list[str]]]:
    """The trainings, one after the other.

    Args:
        flags: Of the command line.
        device: 'cpu' or 'cuda'.

    Returns:
        Work folder and arguments of
        tools/train.py of each.

    Raises:
        CheckpointError: There are no weights to begin with.
        WeightsError: Shipped ones cannot be had.
    """
    trainings, weights = [], flags.weights and resolve_checkpoint(flags.weights)
    if weights and not Path(weights).is_file():
        raise CheckpointError(
            f'--from {weights} is no file: give the .pth of '
            'an RTMW3D-t, or of cells, or '
            'rtmw3d-t'
        )
    names = flags.stages or [
        name
        for name in STAGES
        if not (
            weights
            and name in ('cells', 'maps')
            or name == '256x192'
            and device == 'cpu'
        )
    ]
    total = sum(STAGES[name][1] for name in names)
    for name in names:
        config, minutes = STAGES[name]
        folder = flags.out / name
        options = {
            'minutes': flags.minutes * minutes / total,
            'batch_size': flags.batch,
            'data_root': flags.out / 'crops',
            'num_crops': flags.num,
            'crops_device': device,
        }
        begun = (folder / 'last_checkpoint').exists()
        if weights and not begun:
            options['load_from'] = weights
        trainings.append(
            (
                folder,
                [
                    str(root() / 'configs/synthetic' / f'{config}.py'),
                    '--work-dir',
                    str(folder),
                    *(['--resume'] if begun else []),
                    '--cfg-options',
                    *(f'{key}={value}' for key, value in options.items()),
                ],
            )
        )
        weights = folder / 'last.pth'
    return trainings


def tool(name: str, *arguments) -> list[str]:
    return [sys.executable, str(ROOT / 'tools' / name), *map(str, arguments)]


def main(arguments: list[str] | None = None) -> None:
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    num, side, batch = DEFAULTS[device]
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--minutes', type=float, required=True, help='of training, all stages together'
    )
    parser.add_argument('--out', type=Path, default=ROOT / 'work_dirs' / 'synthetic')
    parser.add_argument(
        '--from',
        dest='weights',
        help='.pth of an RTMW3D-t to begin with, or '
        'rtmw3d-t, what is shipped; of cells with '
        '--stages maps 128x96',
    )
    parser.add_argument(
        '--stages',
        nargs='+',
        choices=list(STAGES),
        help='default: all, the last on a GPU only; with --from not the first two',
    )
    parser.add_argument('--num', type=int, default=num, help='people')
    parser.add_argument(
        '--side', type=int, default=side, help='pixels of a stored crop'
    )
    parser.add_argument('--batch', type=int, default=batch)
    parser.add_argument('--seed', type=int, default=11, help='of the people')
    parser.add_argument(
        '--workers',
        type=int,
        default=max(cores - (device == 'cuda'), 1),
        help='processes that render',
    )
    flags = parser.parse_args(arguments)
    flags.out = flags.out.resolve()
    try:
        trainings = stages(flags, device)
    except (CheckpointError, WeightsError) as error:
        sys.exit(f'train_synthetic: {error}')
    flags.out.mkdir(parents=True, exist_ok=True)
    render = subprocess.Popen(
        tool(
            'dataset/synthesize.py',
            '--format',
            'crops',
            '--num',
            flags.num,
            '--size',
            flags.side,
            '--seed',
            flags.seed,
            '--workers',
            flags.workers,
            '--out',
            flags.out / 'crops',
        )
    )
    try:
        if device == 'cpu' and render.wait():
            sys.exit('train_synthetic: the people could not be rendered')
        for folder, training in trainings:
            last = folder / 'last.pth'
            if last.exists():
                continue
            subprocess.run(tool('train.py', *training), check=True)
            # A name that stays, and says that this training is over.
            last.symlink_to((folder / 'last_checkpoint').read_text().strip())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    finally:
        render.terminate()
        render.wait()
    print(f'{last}\n{training[0]}')


if __name__ == '__main__':
    main()
