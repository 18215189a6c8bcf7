#!/usr/bin/env python3
"""Measures the generator: labelled crops a second, memory of a worker, and
the milliseconds of each step.

For example: tools/bench/synthetic.py --size 192 256 --workers 2
"""

import argparse
import multiprocessing
import resource
import time

import cv2
import numpy as np


def work(task: tuple[int, int, int, str]) -> tuple:
    """(seconds, people, peak MiB, {step: seconds}, CPU seconds)."""
    seed, count, size, kind = task
    cv2.setNumThreads(1)
    from rtmw_ext.synthetic.scene import SceneMaker, rng_of

    maker = SceneMaker()
    make = getattr(maker, kind)
    steps = dict.fromkeys(('person', 'background', '_develop', 'shadow', 'render'), 0.0)

    def timed(name):
        inner = getattr(maker, name)

        def call(*args, **kwargs):
            start = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                steps[name] += time.perf_counter() - start

        return call

    for i in range(3):  # compilers and caches
        make(rng_of(seed, i), size)
    for name in steps:
        setattr(maker, name, timed(name))
    start, busy = time.perf_counter(), time.process_time()
    people = sum(len(make(rng_of(seed, 3 + i), size).boxes) for i in range(count))
    seconds = time.perf_counter() - start
    busy = time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return seconds, people, peak, steps, busy


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument(
        '--kind',
        choices=('crop', 'photo'),
        default='crop',
        help='single persons, or whole pictures',
    )
    flags.add_argument(
        '--size', type=int, nargs=2, default=(192, 256), metavar=('WIDTH', 'HEIGHT')
    )
    flags.add_argument('--workers', type=int, default=2)
    flags.add_argument('--num', type=int, default=200, help='of each worker')
    flags = flags.parse_args()
    tasks = [
        (seed, flags.num, tuple(flags.size), flags.kind)
        for seed in range(flags.workers)
    ]
    # As tools/dataset/synthesize.py: each worker loads what it needs itself.
    with multiprocessing.get_context('spawn').Pool(flags.workers) as pool:
        rows = pool.map(work, tasks, chunksize=1)
    seconds = max(row[0] for row in rows)
    total = flags.num * flags.workers
    print(
        f'{flags.kind}s of {flags.size[0]}x{flags.size[1]}, '
        f'{flags.workers} workers: {total / seconds:.1f} a second, '
        f'{sum(row[1] for row in rows) / seconds:.1f} labelled people a '
        f'second; peak memory of a worker '
        f'{max(row[2] for row in rows):.0f} MiB'
    )
    mean = {
        name: np.mean([row[3][name] for row in rows]) / flags.num * 1e3
        for name in rows[0][3]
    }
    mean['render'] -= sum(mean[name] for name in ('background', '_develop', 'shadow'))
    each = np.mean([row[0] for row in rows]) / flags.num * 1e3
    mean['rest'] = each - sum(mean.values())
    cpu = np.mean([row[4] for row in rows]) / flags.num * 1e3
    print(
        f'{cpu:.1f} ms of CPU each, {each:.1f} ms in all:',
        ', '.join(f'{name.strip("_")} {value:.1f}' for name, value in mean.items()),
    )


if __name__ == '__main__':
    main()
