#!/usr/bin/env python3
"""Evaluates a checkpoint: ``tools/test.py CONFIG CHECKPOINT ...``.

The checkpoint is a path, an address or a model's name (``rtmw models``). AP ranks
people by raw scores, with or without curves in the weights.
"""

from pathlib import Path

import mmengine
from launch import load_config, parser
from mmengine.runner import Runner

from rtmw_ext.datasets.checks import AnnotationError
from rtmw_ext.zoo import WeightsError, resolve_checkpoint


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument('checkpoint', help='path, address or name of a model')
    flags.add_argument('--out', help='write the metrics to this JSON file')
    flags.add_argument('--show-dir', help='write pictures to this folder')
    flags = flags.parse_args()
    config = load_config(flags)
    config.load_from = find_checkpoint(flags.checkpoint)
    if flags.show_dir:
        detector = config.default_scope == 'mmdet'
        config.default_hooks.visualization.update(
            dict(draw=True, test_out_dir=str(Path(flags.show_dir).resolve()))
            if detector
            else dict(enable=True, out_dir=flags.show_dir)
        )
    try:
        metrics = Runner.from_cfg(config).test()
    except AnnotationError as error:
        raise SystemExit(f'error: {error}') from None
    if flags.out:
        mmengine.dump(metrics, flags.out)


def find_checkpoint(text: str) -> str:
    """The path or address that the command line means.

    Raises:
        SystemExit: There is no such file.
    """
    try:
        path = resolve_checkpoint(text)
    except WeightsError as error:
        raise SystemExit(f'error: {error}') from None
    if '://' not in path and not Path(path).is_file():
        raise SystemExit(f'checkpoint {path} does not exist')
    return path


if __name__ == '__main__':
    main()
