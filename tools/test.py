#!/usr/bin/env python3
"""Evaluates a checkpoint: ``tools/test.py CONFIG CHECKPOINT ...``."""
from pathlib import Path

import mmengine
from launch import load_config, parser
from mmengine.runner import Runner


def main():
    flags = parser(__doc__)
    flags.add_argument('checkpoint', help='path of a checkpoint')
    flags.add_argument('--out', help='write the metrics to this JSON file')
    flags.add_argument('--show-dir', help='write pictures to this folder')
    flags = flags.parse_args()
    if '://' not in flags.checkpoint and not Path(flags.checkpoint).is_file():
        raise SystemExit(f'checkpoint {flags.checkpoint} does not exist')
    config = load_config(flags)
    config.load_from = flags.checkpoint
    if flags.show_dir:
        detector = config.default_scope == 'mmdet'
        config.default_hooks.visualization.update(
            dict(draw=True, test_out_dir=str(Path(flags.show_dir).resolve()))
            if detector else dict(enable=True, out_dir=flags.show_dir))
    metrics = Runner.from_cfg(config).test()
    if flags.out:
        mmengine.dump(metrics, flags.out)


if __name__ == '__main__':
    main()
