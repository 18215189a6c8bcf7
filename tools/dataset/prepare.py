#!/usr/bin/env python3
"""Checks a dataset's files, converts them, and counts what can be trained.

    tools/dataset/prepare.py aic
    tools/dataset/prepare.py --list

Files are expected below data/ as they are distributed; what is missing is named
with the address that offers it. A dataset in COCO format needs no more than its
file configs/_base_/datasets/NAME_133.py to be counted here.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from rtmw_ext.datasets import catalog
from rtmw_ext.datasets.checks import AnnotationError
from rtmw_ext.datasets.converters import DOWNLOADS, Download


def show(names: list[str]) -> None:
    """Prints where the files of datasets come from and go."""
    for name in names:
        download = DOWNLOADS.get(name)
        if download is None:
            print(f'{name}: see {catalog.config_file(name)}')
            continue
        print(f'{name}: {download.home}')
        for pattern in download.files:
            print(f'    data/{download.root}/{pattern}')
        if download.note:
            print(f'    {download.note}')


def count(name: str, data: Path) -> tuple[int, int]:
    """(people, labelled points) of a dataset's training files."""
    people = points = 0
    for config in catalog.training_sets(catalog.config_file(name)):
        config.pop('share', None)
        # Configs say data/...; the folder may be elsewhere.
        root = Path(config['data_root'])
        config['data_root'] = str(data / root.relative_to('data')) + '/'
        dataset = DATASETS.build(Config(config).to_dict())
        people += len(dataset)
        points += sum(
            int((dataset.get_data_info(index)['keypoints_visible'] > 0).sum())
            for index in range(len(dataset))
        )
    return people, points


def convert(name: str, download: Download, data: Path) -> None:
    """Checks the downloaded files and converts them, where they need it.

    Raises:
        SystemExit: A file is missing.
    """
    missing = download.missing(data)
    if missing:
        print(f'{name} is not complete: nothing is at')
        for pattern in missing:
            print(f'    {data / download.root / pattern}')
        print(f'It is offered at {download.home}')
        if download.note:
            print(f'Note: {download.note}')
        sys.exit(1)
    if download.convert:
        for path, people in download.convert(data / download.root).items():
            print(f'wrote {path}: {people} people')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('name', nargs='?', choices=catalog.names())
    parser.add_argument(
        '--list', action='store_true', help='print the files of every dataset'
    )
    parser.add_argument(
        '--data', type=Path, default=Path('data'), help='the folder of all datasets'
    )
    flags = parser.parse_args()
    if flags.list or flags.name is None:
        show(catalog.names())
        return
    init_default_scope('mmpose')
    if flags.name in DOWNLOADS:
        convert(flags.name, DOWNLOADS[flags.name], flags.data)
    try:
        people, points = count(flags.name, flags.data)
    except AnnotationError as error:
        sys.exit(f'error: {error}')
    print(f'{flags.name}: {people} people to train with, {points} labelled points')


if __name__ == '__main__':
    main()
