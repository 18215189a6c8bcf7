#!/usr/bin/env python3
"""`--skip-still` beside the prediction of everybody in every frame:

    tools/bench/still.py [VIDEO]

Without a video: 60 frames of projects/rtmw/people.jpg with normal noise of ``--noise``
levels, in H.264. Prints crops of the pose network and processor time a frame, in two
turns each, and of points with a score of 0.5 in both the mean distance, beside that of
the same points from frame to frame without skipping.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rtmw_ext.core.images import read_image
from rtmw_ext.core.people import Origin, People
from rtmw_ext.output.video_writer import VideoWriter
from rtmw_ext.runtime import Detector, PoseModel, WholeBody
from rtmw_ext.runtime.video import Video
from rtmw_ext.zoo import resolve_network

ROOT = Path(__file__).resolve().parents[2]
FRAMES, RATE = 60, 25
#: Least score of a point that counts.
SURE = 0.5


def write_still(path: Path, noise: float) -> None:
    """A video in which nothing but the noise moves."""
    picture = read_image(ROOT / 'projects/rtmw/people.jpg')
    rng = np.random.default_rng(0)
    with VideoWriter(path, RATE) as writer:
        for _ in range(FRAMES):
            frame = picture + rng.normal(0, noise, picture.shape)
            writer.write(frame.clip(0, 255).round().astype(np.uint8))


def distances(first: People, second: People) -> Iterator[np.ndarray]:
    """Pixels between the sure points of the people who are in both, by their ids."""
    assert first.ids is not None and second.ids is not None
    for row, other in np.argwhere(first.ids[:, None] == second.ids):
        sure = np.minimum(first.scores[row], second.scores[other]) >= SURE
        apart = first.keypoints[row] - second.keypoints[other]
        yield np.linalg.norm(apart, axis=-1)[sure]


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('video', type=Path, nargs='?')
    flags.add_argument('--noise', type=float, default=3.0)
    flags.add_argument('--pose', default='rtmw-t')
    flags.add_argument('--det', default='rtmdet-nano')
    flags = flags.parse_args()
    pose = PoseModel(resolve_network(flags.pose))
    estimator = WholeBody(pose, Detector(resolve_network(flags.det, 'detector')))
    with tempfile.TemporaryDirectory() as folder:
        path = flags.video or Path(folder) / 'still.mp4'
        if flags.video is None:
            write_still(path, flags.noise)
        frames = [*Video(path)]
    run, crops = pose.run, [0]

    def counted(batch: np.ndarray) -> list[np.ndarray]:
        crops[0] += len(batch)
        return run(batch)

    pose.run = counted  # type: ignore[method-assign]
    found: dict[bool, list[People]] = {}
    for skip in (False, True) * 2:
        crops[0], start = 0, time.process_time()
        results = estimator.video(iter(frames), skip_still=skip)
        found[skip] = [people for _, people in results]
        spent = 1000 * (time.process_time() - start) / len(frames)
        print(
            f'{"--skip-still" if skip else "everybody":12s} '
            f'{crops[0] / len(frames):.2f} crops and {spent:.0f} ms a frame'
        )
    always, skipping = found[False], found[True]
    kept = np.concatenate([people.origin.ravel() for people in skipping]) == Origin.KEPT
    pairs = {
        'of both': zip(always, skipping),
        'frame to frame': zip(always, always[1:]),
    }
    for name, items in pairs.items():
        apart = np.concatenate([one for pair in items for one in distances(*pair)])
        print(
            f'{name}: {apart.mean():.2f} px, {np.quantile(apart, 0.95):.2f} at the 95 %'
        )
    print(f'{kept.mean():.0%} of the points kept')


if __name__ == '__main__':
    main()
