#!/usr/bin/env python3
"""Weights for a larger RTMW or RTMW3D from those of a smaller one, to begin a
training with:

tools/grow.py SMALL.pth SMALL_CONFIG LARGE_CONFIG LARGE.pth
tools/train.py LARGE_CONFIG --cfg-options load_from=LARGE.pth
"""
import argparse

import torch

import rtmw_ext  # noqa: F401  (registers the modules)
from rtmw_ext.checkpoints import CheckpointError
from rtmw_ext.export.model import RANDOM, ExportError, load_model
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
    try:
        small, _, _ = load_model(flags.small, flags.checkpoint)
        large, _, _ = load_model(flags.large, RANDOM)
        grow(small, large)
    except (CheckpointError, ExportError, GrowError) as error:
        raise SystemExit(f'grow: {error}') from None
    torch.save(dict(state_dict=large.state_dict()), flags.out)
    print(f'{flags.out}: {sum(p.numel() for p in large.parameters()):,} '
          'weights')


if __name__ == '__main__':
    main()
