#!/usr/bin/env python3
"""Carries shards of crops to another machine, as packs of JPEG:

tools/dataset/pack_crops.py data/photos/lspet --out packs/lspet
tools/dataset/pack_crops.py packs/lspet --unpack --out data/photos/lspet
"""

import argparse

from rtmw_ext.datasets.checks import AnnotationError
from rtmw_ext.datasets.packed_crops import pack_crops, unpack_crops


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('folder', help='of shards, or of packs')
    flags.add_argument('--out', required=True, help='folder to write to')
    flags.add_argument('--unpack', action='store_true')
    flags.add_argument(
        '--megabytes', type=float, default=50, help='of a pack at most (default: 50)'
    )
    flags.add_argument('--quality', type=int, default=90, help='of JPEG (default: 90)')
    flags = flags.parse_args()
    try:
        if flags.unpack:
            print(f'{unpack_crops(flags.folder, flags.out)} crops')
        else:
            for path in pack_crops(
                flags.folder, flags.out, flags.megabytes * 1e6, flags.quality
            ):
                print(f'{path} {path.stat().st_size / 1e6:.1f} MB')
    except AnnotationError as error:
        raise SystemExit(f'error: {error}') from None


if __name__ == '__main__':
    main()
