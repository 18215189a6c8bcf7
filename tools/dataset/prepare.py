#!/usr/bin/env python3
"""Checks a dataset's files, converts them, and counts what can be trained.

    tools/dataset/prepare.py aic
    tools/dataset/prepare.py --list

Files are expected below data/ as their owners distribute them; what is
missing is named with the place that offers it.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from rtmw_ext.datasets import catalog
from rtmw_ext.datasets.converters import OWNERS


def show(names):
    for name in names:
        owner = OWNERS[name]
        print(f'{name}: {owner.home}')
        for pattern in owner.files:
            print(f'    data/{owner.root}/{pattern}')
        if owner.note:
            print(f'    {owner.note}')


def count(name, data):
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


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('name', nargs='?', choices=list(OWNERS))
    parser.add_argument(
        '--list', action='store_true', help='print the files of every dataset'
    )
    parser.add_argument(
        '--data', type=Path, default=Path('data'), help='the folder of all datasets'
    )
    flags = parser.parse_args()
    if flags.list or flags.name is None:
        show(OWNERS)
        return
    init_default_scope('mmpose')
    owner = OWNERS[flags.name]
    missing = owner.missing(flags.data)
    if missing:
        folder = flags.data / owner.root
        print(f'{flags.name} is not complete: nothing is at')
        for pattern in missing:
            print(f'    {folder / pattern}')
        print(f'Its owner offers it at {owner.home}')
        if owner.note:
            print(f'Note: {owner.note}')
        sys.exit(1)
    if owner.convert:
        for path, people in owner.convert(flags.data / owner.root).items():
            print(f'wrote {path}: {people} people')
    people, points = count(flags.name, flags.data)
    print(f'{flags.name}: {people} people to train with, {points} labelled points')


if __name__ == '__main__':
    main()
