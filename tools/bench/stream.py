#!/usr/bin/env python3
"""Lag and memory of a live stream that is faster than the network: a server in a
process of its own shows a clock at ``--times`` the rate that the network can take.

tools/bench/stream.py --seconds 300 --scheme rtsp
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))

from rtmw_ext.runtime import WholeBody  # noqa: E402
from rtmw_ext.runtime.stream import Stream  # noqa: E402
from rtmw_ext.zoo import resolve_network  # noqa: E402
from support.live import FIELDS, HEIGHT, WIDTH, LiveServer, shown  # noqa: E402


def serve(scheme: str, rate: float) -> None:
    """Says where it serves and when its clock began, and serves until it is
    killed."""
    server = LiveServer(scheme, rate)
    print(json.dumps([server.address, server._begin]), flush=True)
    sys.stdin.read()


def watch(address: str, begin: float, rate: float, take: float, work) -> dict:
    """Ages in frames of the frames taken in ``take`` seconds, and memory."""
    source, process = Stream(address, take, say=print), psutil.Process()
    taken, ages, memory = [], [], []
    frames = iter(source)
    for frame in frames:
        now = (time.monotonic() - begin) * rate
        age = (int(now) - shown(frame)) % 2**FIELDS
        ages.append(age)
        work(frame)
        taken.append(time.monotonic())
        if len(taken) % 50 == 1:
            memory.append(process.memory_info().rss / 2**20)
    skip = len(ages) // 20
    return dict(
        frames=len(ages),
        dropped=source.dropped,
        median=float(np.median(ages[skip:])),
        p99=float(np.percentile(ages[skip:], 99)),
        last_minute=float(np.median(ages[-max(1, len(ages) // 5) :])),
        memory=[round(memory[len(memory) // 10]), round(memory[-1])],
    )


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('--seconds', type=float, default=300.0)
    flags.add_argument('--scheme', choices=('http', 'rtsp'), default='rtsp')
    flags.add_argument('--times', type=float, default=2.0)
    flags.add_argument('--pose', default='rtmw-t')
    flags.add_argument('--serve', type=float, help=argparse.SUPPRESS)
    flags = flags.parse_args()
    if flags.serve:
        return serve(flags.scheme, flags.serve)
    model = WholeBody(resolve_network(flags.pose), threads=1)
    blank = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    durations = []
    for _ in range(30):
        start = time.monotonic()
        model(blank)
        durations.append(time.monotonic() - start)
    taken = float(np.median(durations))
    rate = round(flags.times / taken, 1)
    print(f'{flags.pose} takes {1e3 * taken:.0f} ms a frame; the server gives {rate}/s')
    command = [sys.executable, __file__, '--scheme', flags.scheme]
    server = subprocess.Popen(
        [*command, '--serve', str(rate)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address, begin = json.loads(server.stdout.readline())
        # What coding and packets hold back, whoever takes the frames.
        path = watch(address, begin, rate, 10, lambda frame: None)
        print('without a network:', json.dumps(path), flush=True)
        print(
            'with it:',
            json.dumps(watch(address, begin, rate, flags.seconds, model)),
            flush=True,
        )
    finally:
        server.kill()


if __name__ == '__main__':
    main()
