#!/usr/bin/env python3
"""Measures ``rtmw label`` on generated pictures, and kills it.

    tools/bench/label.py speed --images 5000        # against the bare networks
    tools/bench/label.py memory --images 500 5000   # of this process
    tools/bench/label.py kill --images 5000 --moments 5

``kill`` begins a Ray cluster of two nodes on this machine, and kills a worker, the
second node or the driver at random moments; the same command then goes on. It fails if
the shards are not those of ``--engine local``, byte for byte.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from rtmw_ext.core.images import read_image

ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / 'projects' / 'rtmw' / 'people.jpg'
#: Of the bare networks.
BATCH = 16
#: Images of which the boxes are counted, about.
SAMPLE = 50
VICTIMS = ('worker', 'node', 'driver')


def write_pictures(folder: Path, count: int) -> Path:
    """Small pictures of people who stand elsewhere in each."""
    folder.mkdir()
    picture = cv2.resize(read_image(PHOTO), (320, 240))
    for number in range(count):
        moved = np.roll(picture, 7 * number % 320, 1)
        cv2.imwrite(str(folder / f'{number:06d}.jpg'), moved)
    return folder


def command(
    flags: argparse.Namespace, inputs: Path, out: Path, *more: str
) -> list[str]:
    line = [sys.executable, '-m', 'rtmw_ext.commands.cli', 'label', str(inputs)]
    line += ['--out', str(out), '--shard-size', str(flags.shard_size)]
    line += ['--pose', flags.pose, '--det', flags.det, '--backend', 'onnxruntime']
    return [*line, *more]


def local(flags: argparse.Namespace, inputs: Path, out: Path) -> None:
    """Labels by one process."""
    line = command(flags, inputs, out, '--engine', 'local')
    subprocess.run(line, cwd=ROOT, check=True)


def content(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob('*.parquet')}


def speed(flags: argparse.Namespace, folder: Path) -> bool:
    """Seconds of CPU of ``rtmw label`` against those of the networks alone."""
    from rtmw_ext.runtime import Detector, PoseModel
    from rtmw_ext.zoo import resolve_network

    (count,) = flags.images
    inputs = write_pictures(folder / 'in', count)
    network = dict(backend='onnxruntime', threads=1)
    pose = PoseModel(resolve_network(flags.pose, 'pose'), **network)
    detector = Detector(resolve_network(flags.det, 'detector'), **network)
    # A share of all: the boxes of an image are counted, too.
    paths = sorted(inputs.iterdir())[:: max(1, count // SAMPLE)]
    images = [read_image(path) for path in paths]
    tensors = [detector.letterbox(image)[0] for image in images[:BATCH]]
    people = [detector(image) for image in images]
    crops = np.zeros((BATCH, 3, *pose.input_size[::-1]), np.float32)
    once = sum(len(boxes) for boxes, _ in people) / len(images)
    detect = _cpu_seconds(lambda: [detector.network(tensor) for tensor in tensors])
    estimate = _cpu_seconds(lambda: pose.network(crops))
    bare = detect / len(tensors) + once * estimate / BATCH
    used = _children()
    local(flags, inputs, folder / 'out')
    whole = (_children() - used) / count
    # Starting takes as long for one image.
    used = _children()
    local(flags, write_pictures(folder / 'one', 1), folder / 'one_out')
    start = _children() - used
    each = whole - start / count
    print(
        f'{count} images of {once:.1f} boxes: {1e3 * each:.1f} ms of CPU an image, the '
        f'bare networks {1e3 * bare:.1f} ms at batch {BATCH}: '
        f'{100 * (each / bare - 1):+.1f} %; {start:.1f} s to start'
    )
    return each <= 1.1 * bare


def _cpu_seconds(function, times: int = 5) -> float:
    """Least seconds of CPU of several calls."""
    function()
    found = []
    for _ in range(times):
        begin = time.process_time()
        function()
        found.append(time.process_time() - begin)
    return min(found)


def _children() -> float:
    """Seconds of CPU that child processes took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory(flags: argparse.Namespace, folder: Path) -> bool:
    """Highest memory at several counts of images."""
    found = []
    for count in flags.images:
        inputs = write_pictures(folder / f'in{count}', count)
        out = folder / f'out{count}'
        line = command(flags, inputs, out, '--engine', 'local')
        process = subprocess.Popen(line, cwd=ROOT)
        _, status, used = os.wait4(process.pid, 0)
        assert status == 0
        found.append(used.ru_maxrss / 1024)
        print(f'{count} images: {found[-1]:.0f} MiB at most')
    return max(found) <= 1.1 * found[0]


def kill(flags: argparse.Namespace, folder: Path) -> bool:
    """Kills until all is done; whether the shards are those of one process."""
    import psutil
    from ray.cluster_utils import Cluster

    (count,) = flags.images
    inputs = write_pictures(folder / 'in', count)
    local(flags, inputs, folder / 'local')
    wanted = content(folder / 'local')
    # On a busy machine, Ray takes its time and is the last.
    os.environ |= {'RAY_raylet_start_wait_time_s': '300', 'RAY_worker_niceness': '0'}
    rng, out = random.Random(flags.seed), folder / 'ray'
    cluster = Cluster(initialize_head=True, head_node_args=dict(num_cpus=1))
    try:
        second = cluster.add_node(num_cpus=1)
        line = command(flags, inputs, out, '--engine', 'ray')
        line += ['--ray-address', cluster.address]
        driver = subprocess.Popen(line, cwd=ROOT)
        for moment in range(flags.moments):
            before = len(content(out))
            while driver.poll() is None and len(content(out)) == before:
                time.sleep(0.1)
            time.sleep(rng.uniform(0, flags.longest))
            victim, done = VICTIMS[moment % len(VICTIMS)], len(content(out))
            if driver.poll() is not None:
                break
            if victim == 'driver':
                driver.kill()
                driver.wait()
                driver = subprocess.Popen(line, cwd=ROOT)
            elif victim == 'worker':
                # Of this cluster, one that is at work.
                processes = psutil.Process().children(recursive=True)
                titles = {process: ' '.join(process.cmdline()) for process in processes}
                working = [p for p in titles if titles[p].startswith('ray::MapWorker')]
                rng.choice(working).kill()
            else:
                cluster.remove_node(second, allow_graceful=False)
                second = cluster.add_node(num_cpus=1)
            print(f'{victim} killed at {done} of {len(wanted)} shards', flush=True)
        code = driver.wait()
    finally:
        cluster.shutdown()
    found = content(out)
    print(f'exit code {code}; {len(found)} shards, the same bytes: {found == wanted}')
    return code == 0 and found == wanted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('what', choices=('speed', 'memory', 'kill'))
    parser.add_argument('--images', type=int, nargs='+', default=[5000])
    parser.add_argument('--shard-size', type=int, default=100)
    parser.add_argument('--moments', type=int, default=5)
    parser.add_argument('--longest', type=float, default=2.0, help='delay in seconds')
    parser.add_argument('--pose', default='rtmw-t')
    parser.add_argument('--det', default='rtmdet-nano')
    parser.add_argument('--seed', type=int, default=0)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = globals()[flags.what](flags, Path(folder))
    sys.exit(not good)


if __name__ == '__main__':
    main()
