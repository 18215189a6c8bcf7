#!/usr/bin/env python3
"""Training speed of our RTMW-m config and of mmpose's own, end to end.

Both train on the same drawn people with the same batch, loaders and threads,
each as its config says, turn about. Samples a second count loading, step and
hooks. Under load, trust the CPU seconds.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

SIDES = {
    'ours': {},
    'ours, float32': {'optim_wrapper.precision': 'float32'},
    'mmpose': {},
}
OURS = 'configs/rtmw/rtmw-m_coco-wholebody-256x192.py'
ALBUMENTATIONS = importlib.util.find_spec('albumentations')
THEIRS = (
    'configs/wholebody_2d_keypoint/rtmpose/cocktail14/'
    'rtmw-m_8xb1024-270e_cocktail14-256x192.py'
)


def our_config(data: str):
    from mmengine.config import Config

    from rtmw_ext.core.paths import root

    config = Config.fromfile(root() / OURS)
    dataset = config.train_dataloader.dataset.datasets['coco-wholebody']
    dataset.update(
        data_root=f'{data}/',
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/train/'),
    )
    return config


def their_config(data: str):
    import mmpose
    from mmengine.config import Config

    path = Path(mmpose.__file__).parent / '.mim' / THEIRS
    config = Config.fromfile(path)
    dataset = config.train_dataloader.dataset
    dataset.datasets = [
        dict(
            type='CocoWholeBodyDataset',
            data_mode='topdown',
            pipeline=[],
            data_root=f'{data}/',
            ann_file='annotations/train.json',
            data_prefix=dict(img='images/train/'),
        )
    ]
    if not ALBUMENTATIONS:
        dataset.pipeline = [
            step
            for old in dataset.pipeline
            for step in (
                [old]
                if old.type != 'Albumentation'
                else [
                    dict(type='RandomBlur', prob=0.1),
                    dict(type='RandomMedianBlur', prob=0.1),
                    dict(type='CoarseDropout', prob=0.5, size=(0.2, 0.4)),
                ]
            )
        ]
    return config


def train(side: str, flags: argparse.Namespace) -> None:
    """One training; prints samples and CPU seconds as JSON."""
    import torch
    from mmengine.hooks import Hook
    from mmengine.runner import Runner

    import rtmw_ext  # noqa: F401  (registers the modules)

    torch.set_num_threads(flags.threads)
    config = (their_config if side == 'mmpose' else our_config)(flags.data)
    config.train_dataloader.update(
        batch_size=flags.batch,
        num_workers=flags.workers,
        persistent_workers=flags.workers > 0,
    )
    config.merge_from_dict(
        {
            'model.backbone.init_cfg': None,
            'train_cfg.max_epochs': 1,
            'default_hooks.checkpoint.interval': -1,
            'default_hooks.checkpoint.save_last': False,
            'default_hooks.checkpoint.save_best': None,
            'work_dir': str(Path(flags.data) / 'work'),
            'log_level': 'WARNING',
            **SIDES[side],
        }
    )
    # The second stage's pipeline: of ours by name, of mmpose's in a list.
    config.default_hooks.pop('stage_pipeline_switch', None)
    config.custom_hooks = [
        hook
        for hook in config.get('custom_hooks', [])
        if 'PipelineSwitch' not in hook.type
    ]
    for kind in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            config[f'{kind}_{part}'] = None

    class Clock(Hook):
        priority = 'LOWEST'

        def after_train_iter(self, runner, batch_idx, **_) -> None:
            if batch_idx == flags.warmup - 1:
                self.start = time.monotonic(), cpu_seconds()
            if batch_idx == flags.warmup + flags.steps - 1:
                samples = flags.steps * flags.batch
                wall, cpu = (
                    now - then
                    for now, then in zip((time.monotonic(), cpu_seconds()), self.start)
                )
                print(
                    json.dumps(dict(speed=samples / wall, cpu=cpu / samples)),
                    flush=True,
                )

    runner = Runner.from_cfg(config)
    runner.register_hook(Clock())
    runner.train()


def cpu_seconds() -> float:
    """Of this process and its loader's workers, which are still running."""
    workers = multiprocessing.active_children()
    return sum(
        sum(psutil.Process(pid).cpu_times()[:2])
        for pid in (os.getpid(), *(worker.pid for worker in workers))
    )


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('--batch', type=int, default=16)
    flags.add_argument('--steps', type=int, default=6)
    flags.add_argument('--warmup', type=int, default=2)
    flags.add_argument('--workers', type=int, default=1)
    flags.add_argument('--threads', type=int, default=2)
    flags.add_argument('--rounds', type=int, default=2)
    flags.add_argument('--side', choices=SIDES, help=argparse.SUPPRESS)
    flags.add_argument('--data', help=argparse.SUPPRESS)
    flags = flags.parse_args()
    if flags.side:
        return train(flags.side, flags)

    from rtmw_ext.synthetic import drawn

    results = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as data:
        drawn.write_dataset(
            data,
            (flags.warmup + flags.steps) * flags.batch,
            seed=1,
            size=(640, 480),
            people=(1, 1),
        )
        for _ in range(flags.rounds):
            for side in SIDES:
                out = subprocess.run(
                    [
                        sys.executable,
                        __file__,
                        *sys.argv[1:],
                        '--side',
                        side,
                        '--data',
                        data,
                    ],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                ).stdout
                results[side].append(
                    json.loads(
                        [
                            line
                            for line in out.splitlines()
                            if line.startswith('{"speed"')
                        ][0]
                    )
                )
    print(
        f'RTMW-m 256x192, batch {flags.batch}, {flags.threads} threads, '
        f'{flags.workers} loader processes, {flags.steps} steps x '
        f'{flags.rounds}'
    )
    if not ALBUMENTATIONS:
        print(
            'without albumentations, mmpose blurs and drops out by our '
            'transforms, which are faster'
        )
    base = {}
    for side in reversed(SIDES):
        speed, cpu = (
            statistics.median(run[key] for run in results[side])
            for key in ('speed', 'cpu')
        )
        base = base or dict(speed=speed, cpu=cpu)
        print(
            f'{side:14s} {speed:6.2f} samples/s ({speed / base["speed"]:.2f}'
            f'x)  {cpu:6.3f} CPU s a sample ({base["cpu"] / cpu:.2f}x)'
        )


if __name__ == '__main__':
    main()
