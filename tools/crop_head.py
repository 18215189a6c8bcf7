#!/usr/bin/env python3
"""Weights for an RTMW or RTMW3D of a smaller input from those of a larger one,
to begin a training with; it sees the middle of what that saw, as large:

tools/crop_head.py LARGE.pth LARGE_CONFIG SMALL_CONFIG SMALL.pth
tools/train.py SMALL_CONFIG --cfg-options load_from=SMALL.pth
"""
import argparse

import torch

import rtmw_ext  # noqa: F401  (registers the modules)
from rtmw_ext.checkpoints import CheckpointError
from rtmw_ext.export.model import RANDOM, ExportError, load_model
from rtmw_ext.models.input_size import crop_head


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', help='of the large input, or a name')
    parser.add_argument('large', help='its config')
    parser.add_argument('small', help='config of the small input')
    parser.add_argument('out', help='.pth to write')
    flags = parser.parse_args()
    try:
        large, _, _ = load_model(flags.large, flags.checkpoint)
        small, _, _ = load_model(flags.small, RANDOM)
        crop_head(large, small)
    except (CheckpointError, ExportError, ValueError) as error:
        raise SystemExit(f'error: {error}') from None
    torch.save(dict(state_dict=small.state_dict()), flags.out)
    print(flags.out)


if __name__ == '__main__':
    main()
