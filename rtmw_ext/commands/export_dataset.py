"""``rtmw export-dataset``: shards of ``rtmw label`` become a training set."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from ..core.errors import UsageError
from ..core.people import MIN_SCORE
from .exit_codes import ExitCode

FORMATS = ('coco-wholebody', 'yolo-pose')


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'export-dataset',
        help='shards of rtmw label become a training set',
        description='Shards of rtmw label become a training set. Needs the extra '
        'label.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        'shards', nargs='+', metavar='SHARDS', help='folder of shards, or shard'
    )
    parser.add_argument('--to', required=True, choices=FORMATS)
    parser.add_argument('--out', required=True, metavar='FOLDER')
    parser.add_argument(
        '--split',
        default='train',
        metavar='NAME',
        help='of the data set, such as val (default: train)',
    )
    parser.add_argument(
        '--threshold',
        type=float,
        default=MIN_SCORE,
        help=f'least score of a point that counts, 0 to 1 (default: {MIN_SCORE})',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace an earlier export'
    )


def run(flags: argparse.Namespace) -> int:
    """Writes the data set. Returns the exit code."""
    try:
        from ..label import export
    except ImportError as error:
        raise UsageError(
            f"rtmw export-dataset needs {error.name}: pip install 'rtmw_ext[label]'"
        ) from None
    if not 0 <= flags.threshold <= 1:
        raise UsageError(f'--threshold is {flags.threshold}: it must be in 0 to 1')
    if Path(flags.split).name != flags.split:
        raise UsageError(f'--split is {flags.split}: give a name, such as val')
    shards = export.find_shards(flags.shards)
    with tqdm(desc='shards', total=len(shards), disable=None, leave=False) as bar:
        images, people = export.export(
            *(shards, flags.to, Path(flags.out), flags.split, flags.threshold),
            step=bar.update,
            overwrite=flags.overwrite,
        )
    print(
        f'rtmw: {images:,} images and {people:,} people in {flags.out}', file=sys.stderr
    )
    return ExitCode.DONE
