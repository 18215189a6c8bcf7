#!/usr/bin/env python3
"""Training samples per second: mmpose's transforms and codec against ours.

Both do the same work on the same people, seeded alike, in one process, in
turns: from the image file to the packed labels. Prints medians over the turns
by the clock and in processor time (which other programs disturb less), the
median of each step, and the time of encoding labels alone.

Where albumentations (1.x) is installed, mmpose's side uses it as the released
config does; else both sides use our blur and dropout.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, KEYPOINT_CODECS, TRANSFORMS

from rtmw_ext.core.paths import root
from rtmw_ext.core.skeleton import NUM_KEYPOINTS
from rtmw_ext.synthetic import drawn

try:
    import albumentations  # noqa: F401  (mmpose's transform asks for it)

    ALBUMENTATIONS = True
except ImportError:
    ALBUMENTATIONS = False


def theirs(ours: list[dict]) -> list[dict]:
    """mmpose's pipeline that does the work of ours."""
    crop = ours[0]
    codec = dict(
        next(step for step in ours if step['type'] == 'GenerateTarget')['encoder'],
        type='SimCCLabel',
    )
    if ALBUMENTATIONS:
        blur = [
            dict(
                type='Albumentation',
                transforms=[
                    dict(type='Blur', p=0.1),
                    dict(type='MedianBlur', p=0.1),
                    dict(
                        type='CoarseDropout',
                        max_holes=1,
                        max_height=0.4,
                        max_width=0.4,
                        min_holes=1,
                        min_height=0.2,
                        min_width=0.2,
                        p=0.5,
                    ),
                ],
            )
        ]
    else:
        blur = [
            step
            for step in ours
            if step['type'] in ('RandomBlur', 'RandomMedianBlur', 'CoarseDropout')
        ]
    return [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='RandomFlip', direction='horizontal'),
        dict(type='RandomHalfBody'),
        dict(
            type='RandomBBoxTransform',
            scale_factor=crop['scale_factor'],
            rotate_factor=crop['rotate_factor'],
        ),
        dict(type='TopdownAffine', input_size=crop['input_size']),
        dict(type='PhotometricDistortion'),
        *blur,
        dict(type='GenerateTarget', encoder=codec, use_dataset_keypoint_weights=True),
        dict(type='PackPoseInputs'),
    ]


class Timed:
    """A pipeline that keeps the seconds of each of its steps."""

    def __init__(self, steps: list[dict]) -> None:
        self.names = [step['type'] for step in steps]
        self.steps = [TRANSFORMS.build(step) for step in steps]
        self.seconds = [[] for _ in steps]

    def __call__(self, sample: dict) -> dict:
        for number, step in enumerate(self.steps):
            start = time.perf_counter()
            sample = step(sample)
            self.seconds[number].append(time.perf_counter() - start)
        return sample


def run(
    dataset: BaseDataset, pipeline: Callable, seed: int, number: int
) -> tuple[float, float]:
    """Seconds (clock, processor) that ``number`` samples take, without
    reading annotations."""
    np.random.seed(seed)
    samples = [dataset.get_data_info(index % len(dataset)) for index in range(number)]
    start = time.perf_counter(), time.thread_time()
    for sample in samples:
        pipeline(sample)
    return time.perf_counter() - start[0], time.thread_time() - start[1]


def encode_ms(codecs: dict, turns: int, number: int) -> dict[str, float]:
    """{name: median ms a person} of the codecs' encode."""
    rng = np.random.default_rng(0)
    times = {name: [] for name in codecs}
    for _ in range(turns):
        points = rng.uniform(0, 190, (number, 1, NUM_KEYPOINTS, 2))
        visible = np.ones((1, NUM_KEYPOINTS), np.float32)
        for name, codec in codecs.items():
            start = time.perf_counter()
            for keypoints in points:
                codec.encode(keypoints, visible)
            times[name].append(time.perf_counter() - start)
    return {
        name: float(np.median(values)) / number * 1e3 for name, values in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        '--data',
        default='configs/_base_/data/rtmw_256x192.py',
        help='config whose train_pipeline is measured',
    )
    parser.add_argument(
        '--coco',
        type=Path,
        help='a COCO-WholeBody annotation file with its '
        'images beside it (default: drawn people, 640x480)',
    )
    parser.add_argument('--turns', type=int, default=7)
    parser.add_argument('--number', type=int, default=100, help='samples a turn')
    parser.add_argument('--json', type=Path, help='write the figures here')
    flags = parser.parse_args()
    init_default_scope('mmpose')
    cv2.setNumThreads(1)
    path = Path(flags.data)
    ours = Config.fromfile(
        path if path.is_file() else root() / path
    ).train_dataloader.dataset.pipeline
    ours = [step.to_dict() for step in ours]
    with tempfile.TemporaryDirectory() as folder:
        if flags.coco:
            source = dict(
                data_root=str(flags.coco.parent),
                ann_file=flags.coco.name,
                data_prefix=dict(img=''),
            )
        else:
            drawn.write_dataset(folder, 40, seed=0, size=(640, 480))
            source = dict(
                data_root=folder,
                ann_file='annotations/train.json',
                data_prefix=dict(img='images/train/'),
            )
        dataset = DATASETS.build(dict(type='WholeBodyDataset', pipeline=[], **source))
        sides = {
            'mmpose': Timed(theirs(ours)),
            'ours': Timed(ours),
            'ours, reduced decoding': Timed([dict(ours[0], reduce=True), *ours[1:]]),
        }
        for side in sides.values():
            run(dataset, side, 0, 10)
            side.seconds = [[] for _ in side.steps]
        times = {name: [] for name in sides}
        for turn in range(flags.turns):
            for name, side in sides.items():
                times[name].append(run(dataset, side, turn, flags.number))
    figures = {}
    base = np.median(times['mmpose'], axis=0)
    print(
        f'{flags.data}, {flags.turns} turns of {flags.number} samples, '
        f'{"albumentations" if ALBUMENTATIONS else "our blur and dropout"} '
        "on mmpose's side\n"
    )
    for name, side in sides.items():
        clock, processor = np.median(times[name], axis=0)
        figures[name] = dict(
            samples_per_second=flags.number / clock,
            ratio=base[0] / clock,
            processor_ratio=base[1] / processor,
        )
        print(
            f'{name}: {flags.number / clock:.1f} samples/s, '
            f'{base[0] / clock:.2f} x mmpose by the clock, '
            f'{base[1] / processor:.2f} x in processor time'
        )
        spent = np.median(side.seconds, axis=1)
        for step, seconds in zip(side.names, spent):
            print(
                f'  {step:24s} {seconds * 1e3:7.3f} ms '
                f'{100 * seconds / spent.sum():5.1f} %'
            )
    codec = next(step for step in ours if step['type'] == 'GenerateTarget')['encoder']
    spent = encode_ms(
        {
            'mmpose': KEYPOINT_CODECS.build(dict(codec, type='SimCCLabel')),
            'ours': KEYPOINT_CODECS.build(codec),
        },
        flags.turns,
        flags.number,
    )
    figures['encode'] = dict(spent, ratio=spent['mmpose'] / spent['ours'])
    print(
        f'label encoding: mmpose {spent["mmpose"]:.3f} ms, ours '
        f'{spent["ours"]:.3f} ms, {spent["mmpose"] / spent["ours"]:.1f} x'
    )
    if flags.json:
        flags.json.write_text(json.dumps(figures, indent=1))


if __name__ == '__main__':
    main()
