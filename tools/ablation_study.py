#!/usr/bin/env python3
"""The paper's ablation (Table 4) on synthetic people: what PAFPN, HEM and GAU
give a small RTMW that is trained for the same number of steps, by seeds.

Each run's result is kept in the output folder: stop the tool at any time and
start it again, and it goes on where it was. ``docs/ablation.md`` has its
table.
"""
import argparse
from pathlib import Path

from mmengine.config import Config
from study import Study, table

from rtmw_ext import zoo
from rtmw_ext.synthetic.export import export

CONFIG = 'configs/demo/ablation-study_synthetic-128x96.py'
#: Row of the table -> the config that is the paper's.
ROWS = {
    'baseline': 'rtmpose-l',
    '+ PAFPN': 'rtmpose-l_pafpn',
    '+ HEM': 'rtmpose-l_hem',
    '+ PAFPN + HEM': 'rtmpose-l_pafpn_hem',
    '+ PAFPN + HEM, no GAU': 'rtmpose-l_pafpn_hem_no-gau',
}
PEOPLE = (1, 1)
SIDE = 144  # of a crop: 128 and room to move


def row(name, data, crops):
    """The config of a row.

    Args:
        name (str): A value of ``ROWS``.
        data (Path): Folder with ``crops/`` and the pictures of ``val``.
        crops (int): Number of the crops.
    """
    paper = Config.fromfile(
        zoo.root() / 'configs/ablation' / f'{name}_256x192.py').model
    config = Config.fromfile(zoo.root() / CONFIG)
    if paper.neck is None:
        config.model.neck = None
    config.model.head.hem = paper.head.hem
    config.model.head.gau = paper.head.gau
    config.merge_from_dict({
        'train_dataloader.dataset.data_root': str(data / 'crops'),
        'train_dataloader.dataset.total': crops,
        'val_dataloader.dataset.data_root': f'{data}/',
        'test_dataloader.dataset.data_root': f'{data}/',
    })
    return config


def main():
    flags = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    flags.add_argument('--out', type=Path, default='outputs/ablation-study')
    flags.add_argument('--steps', type=int, default=300)
    flags.add_argument('--crops', type=int, default=6000, help='to train with')
    flags.add_argument('--people', type=int, default=400, help='to evaluate')
    flags.add_argument('--seeds', type=int, default=3)
    flags.add_argument('--workers', type=int, default=1,
                       help='processes that render')
    flags = flags.parse_args()
    study = Study(flags.out, {key: value for key, value in vars(flags).items()
                              if key not in ('out', 'workers')})
    export(study.data / 'crops', flags.crops, 1, 'crops', (SIDE, SIDE),
           workers=flags.workers)
    export(study.data, flags.people, 2, 'coco', (240, 320), PEOPLE, 'val',
           workers=flags.workers)
    results = {name: [] for name in ROWS}
    for seed in range(1, flags.seeds + 1):
        for name, paper in ROWS.items():
            results[name].append(study.run(
                f'{paper}-{seed}', row(paper, study.data, flags.crops),
                flags.steps, seed))
    print(table(results))


if __name__ == '__main__':
    main()
