#!/usr/bin/env python3
"""Memory that result files take: a process for each format and number of frames.

tools/bench/memory.py --frames 500 20000 --people 4
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rtmw_ext.core.people import People
from rtmw_ext.output import FORMATS
from rtmw_ext.output.video_writer import VideoWriter

#: The video, beside the formats.
VIDEO = 'mp4'


def write(format_name: str, frames: int, count: int) -> None:
    """Writes frames of people who move, and prints the peak in MiB and the
    seconds."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.random((count, 133, *shape), np.float32)

    boxes = rng.random((count, 4), np.float32)
    people = People(
        draw(2), draw(), boxes, boxes[:, 0], draw(3), draw(3), np.arange(count)
    )
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        if format_name == VIDEO:
            picture = rng.integers(0, 256, (240, 320, 3), np.uint8)
            with VideoWriter(Path(folder) / 'clip.mp4', 30) as writer:
                for number in range(frames):
                    writer.write(np.roll(picture, number, 1))
        else:
            results = FORMATS[format_name](Path(folder))
            for number in range(frames):
                people.keypoints += 0.25
                results.add('clip', number, people, number / 30)
            results.close()
        # In KiB, of this process from its start.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
    print(
        f'{format_name:8} {frames:6} frames: {peak:5.0f} MiB, '
        f'{size:6.0f} MiB on disk, {time.monotonic() - start:4.0f} s'
    )


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('--frames', type=int, nargs='+', default=[500, 20_000])
    flags.add_argument('--people', type=int, default=4)
    flags.add_argument(
        '--formats', nargs='+', default=[*FORMATS, VIDEO], choices=[*FORMATS, VIDEO]
    )
    flags.add_argument('--here', action='store_true', help='in this process')
    flags = flags.parse_args()
    for name in flags.formats:
        for frames in flags.frames:
            if flags.here:
                write(name, frames, flags.people)
                continue
            command = [sys.executable, __file__, '--here', '--formats', name]
            command += ['--frames', str(frames), '--people', str(flags.people)]
            subprocess.run(command, check=True)


if __name__ == '__main__':
    main()
