#!/usr/bin/env python3
"""The paper's ablation (Table 4) on synthetic people: what PAFPN, HEM and GAU
give a small RTMW that is trained for the same number of steps, by seeds.

On a CPU, on drawn people; --rendered, on a GPU, on people of Anny. Each run's
result is kept in the output folder: stop the tool at any time and start it
again, and it goes on where it was. ``docs/ablation.md`` has its table.
"""

import argparse
from pathlib import Path

from mmengine.config import Config
from study import Study, table

from rtmw_ext.core.paths import root
from rtmw_ext.synthetic import drawn
from rtmw_ext.synthetic.export import export

#: Row of the table -> the config that is the paper's.
ROWS = {
    'baseline': 'rtmpose-l',
    '+ PAFPN': 'rtmpose-l_pafpn',
    '+ HEM': 'rtmpose-l_hem',
    '+ PAFPN + HEM': 'rtmpose-l_pafpn_hem',
    '+ PAFPN + HEM, no GAU': 'rtmpose-l_pafpn_hem_no-gau',
}
SIDE = 144  # of a rendered crop: 128 and room to move
#: steps, people to train and to evaluate with: drawn, rendered.
DEFAULTS = dict(steps=(600, 2500), train=(800, 60000), val=(300, 1000))


def row(name, data, rendered=None):
    """The config of a row.

    Args:
        name (str): A value of ``ROWS``.
        data (Path): Folder of the people.
        rendered (int, optional): Crops of rendered people; default: drawn.
    """
    paper = Config.fromfile(root() / 'configs/ablation' / f'{name}_256x192.py').model
    kind = 'rendered' if rendered else 'drawn'
    config = Config.fromfile(root() / f'configs/demo/ablation-study_{kind}-128x96.py')
    if paper.neck is None:
        config.model.neck = None
    config.model.head.hem = paper.head.hem
    config.model.head.gau = paper.head.gau
    train = config.train_dataloader.dataset
    if rendered:
        train.update(data_root=str(data / 'crops'), total=rendered)
    else:
        train.datasets[0].data_root = f'{data}/'
    for loader in (config.val_dataloader, config.test_dataloader):
        loader.dataset.data_root = f'{data}/'
    return config


def make_people(flags, data):
    """Writes what is missing of the people."""
    if flags.rendered:
        export(
            data / 'crops', flags.train, 1, 'crops', (SIDE, SIDE), workers=flags.workers
        )
        export(
            data, flags.val, 2, 'coco', (240, 320), (1, 1), 'val', workers=flags.workers
        )
        return
    for split, count, seed in (('train', flags.train, 1), ('val', flags.val, 2)):
        if not (data / 'annotations' / f'{split}.json').exists():
            drawn.write_dataset(data, count, seed=seed, people=(1, 1), split=split)


def main():
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('--out', type=Path, default='outputs/ablation-study')
    flags.add_argument('--rendered', action='store_true')
    for name, (small, large) in DEFAULTS.items():
        flags.add_argument(
            f'--{name}', type=int, help=f'default: {small}, rendered {large}'
        )
    flags.add_argument('--seeds', type=int, default=3)
    flags.add_argument('--workers', type=int, default=1, help='processes that render')
    flags = flags.parse_args()
    for name, values in DEFAULTS.items():
        if getattr(flags, name) is None:
            setattr(flags, name, values[flags.rendered])
    study = Study(
        flags.out,
        {
            key: value
            for key, value in vars(flags).items()
            if key not in ('out', 'workers')
        },
    )
    make_people(flags, study.data)
    results = {name: [] for name in ROWS}
    for seed in range(1, flags.seeds + 1):
        for name, paper in ROWS.items():
            config = row(paper, study.data, flags.rendered and flags.train)
            results[name].append(
                study.run(f'{paper}-{seed}', config, flags.steps, seed)
            )
    print(table(results))


if __name__ == '__main__':
    main()
