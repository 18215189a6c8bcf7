#!/usr/bin/env python3
"""Does distillation pay? A student alone and the same student distilled, on
drawn people, for the same number of steps, by seeds.

Each run's result is kept in the output folder: stop the tool at any time and
start it again, and it goes on where it was. ``docs/distillation.md`` has its
table.
"""

import argparse
import json
from pathlib import Path

from mmengine.config import Config
from training_series import TrainingSeries, table

from rtmw_ext.core.paths import root
from rtmw_ext.core.skeleton import FIELDS
from rtmw_ext.engine.configs import load_config
from rtmw_ext.synthetic import drawn

CONFIG = 'configs/demo/distill-study_drawn-128x96.py'


def student(data: Path, **changes) -> Config:
    """The student's config, with other values in its model."""
    config = load_config(root() / CONFIG, {'data_root': f'{data}/'})
    config.model.update(changes)
    return config


def teacher_model(config: Config) -> dict:
    """RTMW-s for the student's input."""
    model = Config.fromfile(root() / 'configs/_base_/models/rtmw_s.py')
    model.model.head.update(decoder=config.codec, init_cfg=config.model.head.init_cfg)
    model.model.test_cfg.flip_test = False
    model.model.train_cfg = config.model.train_cfg
    return model.model.to_dict()


def run_all(study: TrainingSeries, flags: argparse.Namespace) -> dict[str, list]:
    """{way: [metrics of each seed]}."""
    data = study.data
    config = student(data)
    teacher = config.model = teacher_model(config)
    results = {
        'teacher': [study.run('teacher', config, flags.teacher_steps, 0)],
        'alone': [],
        'stage 1': [],
        'stage 1 + 2': [],
    }
    for seed in range(1, flags.seeds + 1):
        one, two = f'stage1-{seed}', f'stage2-{seed}'
        last = flags.last_steps or flags.steps // 5
        results['alone'].append(
            study.run(f'alone-{seed}', student(data), flags.steps + last, seed)
        )
        results['stage 1'].append(
            study.run(
                one,
                student(
                    data,
                    type='DistilledEstimator',
                    teacher=teacher,
                    teacher_weights=str(study.out / 'teacher'),
                    decay='iter',
                ),
                flags.steps,
                seed,
            )
        )
        results['stage 1 + 2'].append(
            study.run(
                two,
                student(
                    data,
                    type='DistilledEstimator',
                    stage=2,
                    teacher_weights=str(study.out / one),
                ),
                last,
                seed,
            )
        )
    return results


def label_bodies_only(path: Path, share: float) -> None:
    """Leaves a ``share`` of the people with the 17 points of the body alone,
    which is what most of the paper's datasets label."""
    content = json.loads(path.read_text())
    people = content['annotations']
    for person in people[: round(share * len(people))]:
        for field in list(FIELDS)[1:]:
            person[field] = [0] * len(person[field])
            person[field.replace('kpts', 'valid')] = False
    path.write_text(json.dumps(content))


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('--out', type=Path, default='outputs/distill-study')
    flags.add_argument('--steps', type=int, default=300, help='of stage 1')
    flags.add_argument(
        '--last-steps', type=int, help='of stage 2; default: a fifth of those'
    )
    flags.add_argument('--teacher-steps', type=int, default=800)
    flags.add_argument('--images', type=int, default=800)
    flags.add_argument(
        '--bodies-only',
        type=float,
        default=0.0,
        metavar='PART',
        help='of the training people without labels of feet, face and hands',
    )
    flags.add_argument('--seeds', type=int, default=3)
    flags = flags.parse_args()
    study = TrainingSeries(
        flags.out, {key: value for key, value in vars(flags).items() if key != 'out'}
    )
    for split, images, seed in (('train', flags.images, 1), ('val', 100, 2)):
        if not (study.data / 'annotations' / f'{split}.json').exists():
            drawn.write_dataset(
                study.data, images, seed=seed, people=(1, 1), split=split
            )
            if split == 'train':
                label_bodies_only(
                    study.data / 'annotations/train.json', flags.bodies_only
                )
    print(table(run_all(study, flags)))


if __name__ == '__main__':
    main()
