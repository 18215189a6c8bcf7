"""What ``train.py`` and ``test.py`` share: flags and the config they make.

The flags are those of mmpose's own tools, so that ``mim`` users feel at home.
"""

import argparse
import os
from pathlib import Path

from mmengine.config import Config, DictAction

from rtmw_ext.engine import configs  # registers the modules too
from rtmw_ext.zoo import WeightsError, resolve_checkpoint


def parser(description: str) -> argparse.ArgumentParser:
    """The flags that both tools have."""
    flags = argparse.ArgumentParser(description=description)
    flags.add_argument('config', help='path of a config')
    flags.add_argument('--work-dir', help='folder for logs and checkpoints')
    flags.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='other config values: key.sub=value, or NAME=value of one that stands '
        'at the top of the config',
    )
    flags.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='job launcher of a distributed run',
    )
    flags.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return flags


def load_config(flags: argparse.Namespace) -> Config:
    """The config with the flags applied; ``load_from`` may be a model's name.

    Raises:
        SystemExit: The config does not exist, or shipped weights cannot be
            had.
    """
    if not Path(flags.config).is_file():
        raise SystemExit(
            f'config {flags.config} does not exist: give the '
            'path of a file under configs/'
        )
    os.environ.setdefault('LOCAL_RANK', str(flags.local_rank))
    config = configs.load_config(flags.config, flags.cfg_options)
    if config.get('load_from'):
        try:
            config.load_from = resolve_checkpoint(config.load_from)
        except WeightsError as error:
            raise SystemExit(f'error: {error}') from None
    config.launcher = flags.launcher
    config.work_dir = (
        flags.work_dir
        or config.get('work_dir')
        or str(Path('work_dirs') / Path(flags.config).stem)
    )
    return config
