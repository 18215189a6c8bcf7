#!/usr/bin/env python3
"""Writes synthetic people with exact 2D and 3D truth.

``--format coco``: pictures with COCO-WholeBody annotations and 3D fields.
``--format detection``: small pictures with boxes, some without people.
``--format crops``: shards of single persons for training at full speed.
``--format clips``: videos of people who move, and what is true in every frame: ids, 2D,
3D, joint rotations, cameras.
``--format drawn``: drawings of people, as ``coco`` without 3D, in seconds.

A run that was stopped goes on where it was. For example:
tools/dataset/synthesize.py --num 1000 --out data/synthetic --split val --seed 7
"""

import argparse
from pathlib import Path

from rtmw_ext.core.images import ImageError
from rtmw_ext.synthetic import drawn
from rtmw_ext.synthetic.body import BodyError
from rtmw_ext.synthetic.export import KINDS, SECONDS, ExportError, export


def draw(flags: argparse.Namespace, size: list[int] | None) -> Path:
    try:
        return drawn.write_dataset(
            flags.out,
            flags.num,
            flags.seed,
            tuple(size or (320, 320)),
            tuple(flags.people or (1, 1)),
            flags.split,
        )
    except ValueError as error:
        raise ExportError(error) from None


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument(
        '--num', type=int, required=True, help='pictures, crops or clips'
    )
    flags.add_argument('--out', required=True, help='folder to write to')
    flags.add_argument('--seed', type=int, default=0)
    flags.add_argument('--format', choices=(*KINDS, 'drawn'), default='coco')
    flags.add_argument(
        '--size',
        type=int,
        nargs='+',
        metavar='PIXELS',
        help='width and height, or the side of crops; '
        '640 480, at most 320 for detectors, 288, 480 360 for clips, 320 320 '
        'for drawings by default',
    )
    flags.add_argument(
        '--people',
        type=int,
        nargs=2,
        metavar=('LEAST', 'MOST'),
        help='in a picture; 1 4, for detectors 0 6, in clips 1 5, in drawings 1 1 by '
        'default',
    )
    flags.add_argument('--seconds', type=float, default=SECONDS, help='of a clip')
    flags.add_argument(
        '--truth-only',
        action='store_true',
        help='clips get no videos',
    )
    flags.add_argument('--split', default='train', help='name of the split')
    flags.add_argument('--workers', type=int, default=2)
    flags.add_argument(
        '--backgrounds',
        help='folder of images to use behind people besides the procedural backgrounds',
    )
    flags = flags.parse_args()
    size = flags.size
    if size and len(size) == 1:
        size = size * 2
    try:
        path = (
            draw(flags, size)
            if flags.format == 'drawn'
            else export(
                flags.out,
                flags.num,
                flags.seed,
                flags.format,
                size,
                flags.people,
                flags.split,
                flags.workers,
                flags.backgrounds,
                seconds=flags.seconds,
                truth_only=flags.truth_only,
                progress=lambda line: print(line, flush=True),
            )
        )
    except (ExportError, BodyError, ImageError) as error:
        raise SystemExit(f'error: {error}') from None
    print(path)


if __name__ == '__main__':
    main()
