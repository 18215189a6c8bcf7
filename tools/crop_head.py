#!/usr/bin/env python3
"""Weights for an RTMW or RTMW3D of a smaller input from those of a larger one,
to begin a training with; it sees the middle of what that saw, as large:

tools/crop_head.py LARGE.pth LARGE_CONFIG SMALL_CONFIG SMALL.pth
tools/train.py SMALL_CONFIG --cfg-options load_from=SMALL.pth
"""

from grow import main

from rtmw_ext.models.loading import crop_head

if __name__ == '__main__':
    main(__doc__, crop_head)
