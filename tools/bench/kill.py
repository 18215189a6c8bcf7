#!/usr/bin/env python3
"""Stops ``rtmw infer`` at random moments of a video by SIGKILL and SIGTERM, and
reads what is left.

    tools/bench/kill.py --moments 20 --seconds 60

A line for each moment: how long the process took to end, and frames in each file.
It fails if a file cannot be read, if files are more than ``--lost`` seconds of the
video apart, or if the input changed.
"""

import argparse
import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from rtmw_ext.core.images import read_image
from rtmw_ext.output import FORMATS, read, recover
from rtmw_ext.output.video_writer import VideoWriter

ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / 'projects' / 'rtmw' / 'people.jpg'
RATE = 30
FILES = dict(
    json='clip.json',
    jsonl='clip.jsonl',
    csv='keypoints.csv',
    npz='keypoints.npz',
    coco='coco_results.json',
    openpose='.',
)


def write_video(path: Path, seconds: float) -> None:
    """A video of people who move."""
    picture = cv2.resize(read_image(PHOTO), (320, 240))
    with VideoWriter(path, RATE) as writer:
        for number in range(round(seconds * RATE)):
            writer.write(np.roll(picture, number % 40, 1))


def frames_of(folder: Path) -> dict[str, int]:
    """{format: frames}, after unfinished files are completed."""
    for path in folder.glob('*.part'):
        recover(path)
    found = {}
    for name, file in FILES.items():
        results = read(folder / file)
        numbers = [frame.frame for frame in results]
        assert numbers == list(range(len(numbers))), (name, 'frames are missing')
        found[name] = len(numbers)
    capture = cv2.VideoCapture(str(folder / 'clip.mp4'))
    found['mp4'] = 0
    while capture.read()[0]:
        found['mp4'] += 1
    return found


def stop(clip: Path, folder: Path, number: int, delay: float) -> tuple[int, int, float]:
    """Runs ``rtmw infer`` and sends a signal ``delay`` seconds after the first
    frame. Returns the exit code, the frames that were written by then, and the
    seconds until the process was gone."""
    command = [sys.executable, '-m', 'rtmw_ext.commands.cli', 'infer', str(clip)]
    command += ['--out', str(folder), '--format', *FORMATS, '--det', 'none']
    command += ['--pose', 'rtmw-t', '--threads', '1']
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    lines = folder / 'clip.jsonl'
    while not (lines.exists() and lines.stat().st_size > 20_000):
        if process.poll() is not None:
            sys.exit(f'rtmw infer ended by itself with {process.returncode}')
        time.sleep(0.05)
    time.sleep(delay)
    with lines.open('rb') as file:
        written = sum(b'"frame"' in line[:20] for line in file)
    begin = time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)
    return process.wait(), written, time.monotonic() - begin


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('--moments', type=int, default=20, help='of each signal')
    flags.add_argument('--seconds', type=float, default=60.0, help='of the video')
    flags.add_argument('--longest', type=float, default=20.0, help='delay in seconds')
    flags.add_argument('--lost', type=float, default=1.0, help='seconds of the video')
    flags.add_argument('--seed', type=int, default=0)
    flags = flags.parse_args()
    rng = random.Random(flags.seed)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / 'clip.mp4'
        write_video(clip, flags.seconds)
        before = hashlib.sha256(clip.read_bytes()).digest()
        for number in [signal.SIGKILL, signal.SIGTERM] * flags.moments:
            out = Path(folder) / f'{number.name}-{rng.random():.6f}'
            delay = rng.uniform(0, flags.longest)
            code, written, took = stop(clip, out, number, delay)
            found = frames_of(out)
            lost = (written - min(found.values())) / RATE
            apart = (max(found.values()) - min(found.values())) / RATE
            kept = hashlib.sha256(clip.read_bytes()).digest() == before
            whole = max(lost, apart) <= flags.lost and kept
            failed += not whole
            counts = ', '.join(f'{name} {count}' for name, count in found.items())
            print(
                f'{number.name} after {delay:4.1f} s: exit code {code} '
                f'in {took:.2f} s, {counts}; '
                f'{max(lost, 0):.2f} s lost, {apart:.2f} s apart'
                + ' FAILED'
                * (not whole),
                flush=True,
            )
    print(f'{failed} of {2 * flags.moments} failed')
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()
