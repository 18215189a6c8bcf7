#!/usr/bin/env python3
"""Weights for a larger RTMW or RTMW3D from those of a smaller one, to begin a
training with:

tools/grow.py SMALL.pth SMALL_CONFIG LARGE_CONFIG LARGE.pth
tools/train.py LARGE_CONFIG --cfg-options load_from=LARGE.pth
"""
import argparse

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmpose.registry import MODELS

import rtmw_ext  # noqa: F401  (registers the modules)
from rtmw_ext.models.grow import GrowError, grow


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', help='of the small model')
    parser.add_argument('small', help='its config')
    parser.add_argument('large', help='config of the large model')
    parser.add_argument('out', help='.pth to write')
    flags = parser.parse_args()
    init_default_scope('mmpose')
    models = []
    for path in (flags.small, flags.large):
        config = Config.fromfile(path)
        config.model.backbone.init_cfg = None
        models.append(MODELS.build(config.model))
        if path is flags.large:
            models[1].init_weights()
    load_checkpoint(models[0], flags.checkpoint, map_location='cpu',
                    strict=True)
    try:
        grow(*models)
    except GrowError as error:
        raise SystemExit(f'grow: {error}') from None
    torch.save(dict(state_dict=models[1].state_dict()), flags.out)
    print(f'{flags.out}: {sum(p.numel() for p in models[1].parameters()):,} '
          'weights')


if __name__ == '__main__':
    main()
