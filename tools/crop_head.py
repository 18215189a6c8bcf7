#!/usr/bin/env python3
"""Weights for an RTMW or RTMW3D of a smaller input from those of a larger one,
to begin a training with; it sees the middle of what that saw, as large:

tools/crop_head.py LARGE.pth LARGE_CONFIG SMALL_CONFIG SMALL.pth
tools/train.py SMALL_CONFIG --cfg-options load_from=SMALL.pth
"""

import argparse

import torch

from rtmw_ext.models.loading import RANDOM, crop_head, load_model


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkpoint', help='of the larger model, or its name')
    parser.add_argument('large', help='its config')
    parser.add_argument('small', help='config of the smaller model')
    parser.add_argument('out', help='.pth to write')
    flags = parser.parse_args()
    try:
        large, _, _ = load_model(flags.large, flags.checkpoint)
        small, _, _ = load_model(flags.small, RANDOM)
        crop_head(large, small)
    except ValueError as error:
        raise SystemExit(f'crop_head: {error}') from None
    torch.save(dict(state_dict=small.state_dict()), flags.out)
    print(f'{flags.out}: {sum(p.numel() for p in small.parameters()):,} weights')


if __name__ == '__main__':
    main()
