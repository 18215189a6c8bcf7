#!/usr/bin/env python3
"""The runtime's benchmarks on every size, exported here with random weights:

tools/bench/runtime.py [--det FILE --images FOLDER --rtmlib]

The video needs trained weights (random ones find no points to follow): give
networks of your own, ``--networks FILE ...``.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from rtmw_ext.commands import bench

SIZES = (
    'rtmw/rtmw-t_coco-wholebody-256x192',
    'rtmw/rtmw-s_coco-wholebody-256x192',
    'rtmw/rtmw-m_cocktail14-256x192',
    'rtmw/rtmw-l_cocktail14-256x192',
    'rtmw/rtmw-x_cocktail14-256x192',
    'rtmw/rtmw-l_cocktail14-384x288',
    'rtmw/rtmw-x_cocktail14-384x288',
    'rtmw3d/rtmw3d-l_cocktail17-384x288',
    'rtmw3d/rtmw3d-x_cocktail17-384x288',
)


def export_all(folder: Path) -> Iterator[str]:
    """ONNX files of every size; those there already are kept."""
    from rtmw_ext.core.paths import root
    from rtmw_ext.export.exporter import export
    from rtmw_ext.export.model import describe
    from rtmw_ext.models.loading import RANDOM, load_model

    for size in SIZES:
        path = folder / f'{Path(size).name}.onnx'
        if not path.is_file():
            config = root() / 'configs' / f'{size}.py'
            model, config, weights = load_model(str(config), RANDOM)
            export(model, describe(model, config, path.stem, weights), path)
        yield str(path)


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('--networks', nargs='*', default=[])
    flags.add_argument('--det')
    flags.add_argument('--images')
    flags.add_argument('--rtmlib', action='store_true')
    flags.add_argument('--rounds', type=int, default=10)
    flags.add_argument('--threads', type=int, default=0)
    flags.add_argument(
        '--frames', type=int, default=200, help='of the video (default: 200)'
    )
    flags.add_argument(
        '--folder', type=Path, default='work_dirs/bench', help='for the exported sizes'
    )
    flags = flags.parse_args()
    if not flags.networks:
        flags.networks = list(export_all(flags.folder))
    bench.run(flags)


if __name__ == '__main__':
    main()
