#!/usr/bin/env python3
"""Weights for a larger RTMW or RTMW3D from those of a smaller one, to begin a
training with:

tools/grow.py SMALL.pth SMALL_CONFIG LARGE_CONFIG LARGE.pth
tools/train.py LARGE_CONFIG --cfg-options load_from=LARGE.pth
"""

import argparse
import sys
from pathlib import Path

import torch

import rtmw_ext  # noqa: F401  (registers the modules)
from rtmw_ext.models.grow import grow
from rtmw_ext.models.loading import RANDOM, load_model


def main(description, convert):
    """
    Args:
        description (str): Of the command line.
        convert (callable): Puts the weights of its first model into its
            second; ValueError where it cannot.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkpoint', help='of the first model, or its name')
    parser.add_argument('first', help='its config')
    parser.add_argument('second', help='config of the second model')
    parser.add_argument('out', help='.pth to write')
    flags = parser.parse_args()
    try:
        first, _, _ = load_model(flags.first, flags.checkpoint)
        second, _, _ = load_model(flags.second, RANDOM)
        convert(first, second)
    except ValueError as error:
        raise SystemExit(f'{Path(sys.argv[0]).stem}: {error}') from None
    torch.save(dict(state_dict=second.state_dict()), flags.out)
    print(f'{flags.out}: {sum(p.numel() for p in second.parameters()):,} weights')


if __name__ == '__main__':
    main(__doc__, grow)
