#!/usr/bin/env python3
"""Trains a config: ``tools/train.py CONFIG [--resume] [--amp] ...``."""

import torch
from launch import load_config, parser
from mmengine.config import Config
from mmengine.runner import Runner

from rtmw_ext.engine.checkpoints import CheckpointWriteError, check_space
from rtmw_ext.engine.optim_wrapper import computes_in_bf16


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from a checkpoint; without a path, from the last one',
    )
    flags.add_argument(
        '--amp', action='store_true', help='mixed precision, whatever the config says'
    )
    flags.add_argument(
        '--tensorboard', action='store_true', help='log to TensorBoard too'
    )
    flags.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate to the batch actually used',
    )
    flags.add_argument(
        '--no-validate', action='store_true', help='skip the evaluations'
    )
    flags = flags.parse_args()
    config = load_config(flags)
    if flags.resume:
        config.resume = True
        config.load_from = None if flags.resume == 'auto' else flags.resume
    if flags.amp:
        use_mixed_precision(config)
    if flags.tensorboard:
        config.visualizer.vis_backends.append(dict(type='TensorboardVisBackend'))
    if flags.auto_scale_lr:
        config.auto_scale_lr.enable = True
    if flags.no_validate:
        config.val_cfg = config.val_dataloader = config.val_evaluator = None
        config.default_hooks.checkpoint.pop('save_best', None)
    try:
        check_space(config.work_dir, 0)
    except CheckpointWriteError as error:
        raise SystemExit(str(error)) from None
    Runner.from_cfg(config).train()


def use_mixed_precision(config: Config) -> None:
    """In bfloat16; on GPUs that lack it in float16 with a scaled loss.

    Raises:
        SystemExit: The machine has neither.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if computes_in_bf16(device):
        config.optim_wrapper.update(
            type='mmpose.PrecisionOptimWrapper', precision='bfloat16'
        )
    elif device == 'cuda':
        config.optim_wrapper.pop('precision', None)
        config.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
    else:
        raise SystemExit(
            '--amp needs a GPU or a CPU with bfloat16 '
            'instructions: leave it out on this machine'
        )


if __name__ == '__main__':
    main()
