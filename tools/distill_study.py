#!/usr/bin/env python3
"""Does distillation pay? A student alone and the same student distilled, on
drawn people, for the same number of steps, by seeds.

Each run's result is kept in the output folder: stop the tool at any time and
start it again, and it goes on where it was. ``docs/distillation.md`` has its
table.
"""
import argparse
import json
import statistics
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from rtmw_ext import zoo
from rtmw_ext.synthetic import drawn

CONFIG = 'configs/demo/distill-study_drawn-128x96.py'
PARTS = ('', 'body/', 'foot/', 'face/', 'hand/')


def schedule(config, steps):
    """The learning rate warms up and falls by a cosine in ``steps``."""
    config.train_cfg.update(max_iters=steps, val_begin=steps + 1)
    warmup, cosine = config.param_scheduler
    warmup.end = cosine.begin = max(steps // 10, 1)
    cosine.update(end=steps, T_max=steps - warmup.end)


def run(name, config, flags, steps, seed):
    """Trains and evaluates once; {metric: value}."""
    folder = flags.out / name
    result = folder / 'result.json'
    if result.exists():
        return json.loads(result.read_text())
    data = f'{flags.out / "data"}/'
    config.merge_from_dict({
        'work_dir': str(folder),
        'randomness.seed': seed,
        'train_dataloader.dataset.datasets.0.data_root': data,
        'val_dataloader.dataset.data_root': data,
        'test_dataloader.dataset.data_root': data,
        'experiment_name': name,
    })
    schedule(config, steps)
    config.resume = (folder / 'last_checkpoint').exists()
    runner = Runner.from_cfg(config)
    runner.train()
    metrics = runner.val()
    result.write_text(json.dumps(metrics))
    print(f'{name}: AP {metrics["coco-wholebody/AP"]:.3f}', flush=True)
    return metrics


def student(**changes):
    config = Config.fromfile(zoo.root() / CONFIG)
    config.model.update(changes)
    return config


def teacher_model():
    """RTMW-s for the student's input."""
    config = student()
    model = Config.fromfile(zoo.root() / 'configs/_base_/models/rtmw_s.py')
    model.model.head.decoder = config.codec
    model.model.test_cfg.flip_test = False
    model.model.train_cfg = config.model.train_cfg
    return model.model.to_dict()


def study(flags):
    """{way: [metrics of each seed]}."""
    config = student()
    config.model = teacher_model()
    teacher = run('teacher', config, flags, flags.teacher_steps, 0)
    results = {'teacher': [teacher], 'alone': [], 'stage 1': [],
               'stage 1 + 2': []}
    for seed in range(1, flags.seeds + 1):
        one, two = f'stage1-{seed}', f'stage2-{seed}'
        last = flags.steps // 5
        results['alone'].append(
            run(f'alone-{seed}', student(), flags, flags.steps + last, seed))
        results['stage 1'].append(run(
            one, student(
                type='DistilledEstimator', teacher=teacher_model(),
                teacher_weights=str(flags.out / 'teacher'), decay='iter'),
            flags, flags.steps, seed))
        results['stage 1 + 2'].append(run(
            two, student(
                type='DistilledEstimator', stage=2,
                teacher_weights=str(flags.out / one)),
            flags, last, seed))
    return results


def table(results):
    """Markdown: mean and, of several seeds, least and most AP by part."""
    names = [part.rstrip('/') or 'whole' for part in PARTS]
    lines = [f'| AP | {" | ".join(names)} |', '|---' * 6 + '|']
    for way, runs in results.items():
        cells = []
        for part in PARTS:
            values = [100 * one[f'coco-wholebody/{part}AP'] for one in runs]
            cell = f'{statistics.mean(values):.1f}'
            if len(values) > 1:
                cell += f' ({min(values):.1f}-{max(values):.1f})'
            cells.append(cell)
        lines.append(f'| {way} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def main():
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('--out', type=Path, default='outputs/distill-study')
    flags.add_argument('--steps', type=int, default=300,
                       help='of stage 1; stage 2 has a fifth of them')
    flags.add_argument('--teacher-steps', type=int, default=800)
    flags.add_argument('--images', type=int, default=800)
    flags.add_argument('--seeds', type=int, default=3)
    flags = flags.parse_args()
    settings = {key: value for key, value in vars(flags).items()
                if key != 'out'}
    known = flags.out / 'settings.json'
    if known.exists() and json.loads(known.read_text()) != settings:
        raise SystemExit(f'{flags.out} holds a study with other settings, '
                         f'{known.read_text()}: choose another --out')
    for split, images, seed in (('train', flags.images, 1), ('val', 100, 2)):
        if not (flags.out / 'data/annotations' / f'{split}.json').exists():
            drawn.write_dataset(flags.out / 'data', images, seed=seed,
                                people=(1, 1), split=split)
    known.write_text(json.dumps(settings))
    print(table(study(flags)))


if __name__ == '__main__':
    main()
