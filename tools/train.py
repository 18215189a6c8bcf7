#!/usr/bin/env python3
"""Trains a config: ``tools/train.py CONFIG [--resume] [--amp] ...``."""
import torch
from launch import load_config, parser
from mmengine.runner import Runner


def main():
    flags = parser(__doc__)
    flags.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from a checkpoint; without a path, from the last one')
    flags.add_argument(
        '--amp', action='store_true', help='mixed precision training')
    flags.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate to the batch actually used')
    flags.add_argument(
        '--no-validate', action='store_true', help='skip the evaluations')
    flags = flags.parse_args()
    config = load_config(flags)
    if flags.resume:
        config.resume = True
        config.load_from = None if flags.resume == 'auto' else flags.resume
    if flags.amp:
        if not torch.cuda.is_available():
            raise SystemExit('--amp needs a GPU: leave it out on this machine')
        config.optim_wrapper.type = 'AmpOptimWrapper'
        config.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if flags.auto_scale_lr:
        config.auto_scale_lr.enable = True
    if flags.no_validate:
        config.val_cfg = config.val_dataloader = config.val_evaluator = None
        config.default_hooks.checkpoint.pop('save_best', None)
    Runner.from_cfg(config).train()


if __name__ == '__main__':
    main()
