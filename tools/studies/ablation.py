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
from training_series import TrainingSeries, table

from rtmw_ext.core.paths import root
from rtmw_ext.engine.configs import load_config
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


def row(name: str, data: Path, rendered: int | None = None) -> Config:
    """The config of a row.

    Args:
        name: A value of ``ROWS``.
        data: Folder of the people.
        rendered: Crops of rendered people; default: drawn people.
    """
    paper = Config.fromfile(root() / 'configs/ablation' / f'{name}_256x192.py').model
    kind = 'rendered' if rendered else 'drawn'
    options = {'data_root': f'{data}/'}
    if rendered:
        options['train_dataloader.dataset.data_root'] = str(data / 'crops')
        options['train_dataloader.dataset.total'] = rendered
    config = load_config(
        root() / f'configs/demo/ablation-study_{kind}-128x96.py', options
    )
    if paper.neck is None:
        config.model.neck = None
    config.model.head.hem = paper.head.hem
    config.model.head.gau = paper.head.gau
    return config


def make_people(flags: argparse.Namespace, data: Path) -> None:
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


def main() -> None:
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
    study = TrainingSeries(
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
