#!/usr/bin/env python3
"""Shards of crops for training from a folder of annotated photos:

tools/dataset/photos.py ../shared/real/lspet --out data/photos/lspet
tools/dataset/photos.py ../shared/real/ccp --kind part \
    --originals clothing-co-parsing/photos --out data/photos/ccp-parts

The folder has images/ and train.json in COCO-WholeBody's format. Where the
photos are small cuttings of larger ones (``source`` of an image), --originals
takes the crops out of those.
"""

import argparse

import cv2

from rtmw_ext.core.errors import RTMWError
from rtmw_ext.datasets.photos import CONTEXT, write_photo_crops


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('folder')
    flags.add_argument('--out', required=True, help='folder of the shards')
    flags.add_argument('--split', default='train')
    flags.add_argument(
        '--kind',
        choices=tuple(CONTEXT),
        default='person',
        help='a crop of each person (default), of each face and hand, or of each '
        'upright person as if the photo ended between shoulders and hips (bust)',
    )
    flags.add_argument(
        '--size', type=int, default=288, help='side of a crop in pixels (default: 288)'
    )
    flags.add_argument('--originals', help='folder of the larger photos')
    flags.add_argument(
        '--backgrounds',
        help='folder of photos to put behind most crops, which are of things on black',
    )
    flags = flags.parse_args()
    cv2.setNumThreads(1)
    try:
        write_photo_crops(
            flags.folder,
            flags.split,
            flags.out,
            flags.size,
            flags.kind,
            flags.originals,
            flags.backgrounds,
        )
    except RTMWError as error:
        raise SystemExit(f'error: {error}') from None


if __name__ == '__main__':
    main()
