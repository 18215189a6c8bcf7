"""``rtmw bench --rtmlib``: rtmlib on the same files, images and frames.

Each library runs in a process of its own, and they take turns: in one process, the
threads of rtmlib's ONNX Runtime still spin when ours begin.
"""

import argparse
import contextlib
import io
import itertools
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from ..core.crops import crop_matrices
from ..core.people import People
from ..runtime import Detector, PoseModel, WholeBody
from ..runtime.detector import decode_heads
from ..runtime.estimator import EVERY
from ..runtime.identity import iou
from ..runtime.tuning import SAME
from .bench import WAYS, BenchError, crowd, pick, ratios, summary, ways_of

CROWDS = (1, 2, 8, 20)
#: Least overlap of the boxes of one person.
OVERLAP = 0.3
#: Least score of the points that are compared.
SURE = 0.5
#: Turns in which the fastest of a library is chosen, before it meets the other one.
TRIAL = 3
#: Images of a turn: as many as show so many people.
PEOPLE = 8

#: Boxes (N, 4) and points (N, K, 2) of an image.
Found = tuple[np.ndarray, np.ndarray]
#: What a competitor does in each turn.
Turn = Callable[[], list[Found]]
#: What makes it, and its arguments.
Way = tuple[Any, ...]


@dataclass(frozen=True)
class Files:
    """What both libraries run.

    Attributes:
        pose: Network of rtmlib, and the first one of ours.
        pose_size: (w, h) of its input.
        detector: With NMS inside.
        detector_size: (w, h) of its input.
    """

    pose: str
    pose_size: tuple[int, int]
    detector: str
    detector_size: tuple[int, int]


class Competitor:
    """A function in a process of its own.

    Args:
        make: Is called there; makes the function and may take seconds.
        arguments: Its arguments; both are pickled.

    Raises:
        BenchError: The process failed; the text says why.
    """

    def __init__(self, make: Callable[..., Turn], *arguments: Any) -> None:
        context = multiprocessing.get_context('spawn')
        self._pipe, end = context.Pipe()
        self._process = context.Process(
            target=_compete, args=(end, make, arguments), daemon=True
        )
        self._process.start()
        end.close()
        #: What the function returned first.
        self.found: list[Found] = self._answer()

    def __call__(self) -> float:
        """Calls the function twice. Returns the milliseconds of the second call: the
        first meets the caches as the other competitor left them."""
        self._pipe.send(True)
        return self._answer()

    def _answer(self) -> Any:
        try:
            value, error = self._pipe.recv()
        except EOFError:
            error = 'its process ended'
        if error:
            raise BenchError(f'a competitor failed: {error}')
        return value

    def __enter__(self) -> 'Competitor':
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._pipe.send(False)
        self._process.join()


def _compete(pipe: Any, make: Callable[..., Turn], arguments: tuple) -> None:
    try:
        # rtmlib prints what it loads, between the rows of the tables.
        with contextlib.redirect_stdout(io.StringIO()):
            turn = make(*arguments)
            pipe.send((turn(), None))
            while pipe.recv():
                turn()
                start = time.perf_counter()
                turn()
                pipe.send(((time.perf_counter() - start) * 1e3, None))
    except Exception as error:
        pipe.send((None, f'{type(error).__name__}: {error}'))


def ours(
    pose: str,
    files: Files,
    images: Sequence[np.ndarray],
    backend: str,
    precision: str,
    streams: int,
) -> Turn:
    """Our way through images, ``streams`` at once."""
    network: dict[str, Any] = dict(
        backend=backend, precision=precision, streams=streams
    )
    estimator = WholeBody(
        PoseModel(pose, rgb=False, **network), Detector(files.detector, **network)
    )
    return lambda: [_sure(people) for people in estimator.images(images)]


def theirs(files: Files, images: Sequence[np.ndarray], backend: str) -> Turn:
    """rtmlib's way through images. What else it needs costs it no time."""
    find, estimate = _rtmlib(files, backend)
    least = SURE / PoseModel(files.pose).score_scale

    def turn() -> list[Found]:
        found = []
        for image in images:
            boxes = find(image)
            points, scores = estimate(image, boxes)
            points = np.where(scores[..., None] < least, np.nan, points)
            found.append((np.asarray(boxes, np.float32), points))
        return found

    return turn


def our_video(files: Files, frames: Sequence[np.ndarray], every: int) -> Turn:
    """Frames as `rtmw infer` does them, but for the stride ``every``."""
    estimator = WholeBody(
        PoseModel(files.pose, precision='auto'),
        Detector(files.detector, precision='auto'),
    )
    return lambda: [_sure(people) for _, people in estimator.video(iter(frames), every)]


def their_video(files: Files, frames: Sequence[np.ndarray]) -> Turn:
    """Frames with rtmlib's defaults."""
    import rtmlib

    class Solution:
        def __init__(self, **_: object) -> None:
            self.det_model, self.pose_model = _rtmlib(files, 'onnxruntime')

    def turn() -> list[Found]:
        tracker = rtmlib.PoseTracker(Solution)
        points = [tracker(frame)[0] for frame in frames]
        # It does not tell its boxes.
        return [(np.zeros((len(row), 4), np.float32), row) for row in points]

    return turn


def _sure(people: People) -> Found:
    """Points that score less than ``SURE`` are NaN."""
    points = np.where(people.scores[..., None] < SURE, np.nan, people.keypoints)
    return people.boxes, points


def _rtmlib(files: Files, backend: str) -> tuple[Any, Any]:
    """rtmlib's detector and pose objects."""
    import rtmlib

    return rtmlib.RTMDet(
        files.detector, files.detector_size[::-1], backend=backend
    ), rtmlib.RTMPose(files.pose, files.pose_size, backend=backend)


def in_turns(
    one: Competitor, other: Competitor, rounds: int
) -> tuple[list[float], list[float]]:
    """Milliseconds of both, whose order turns around at each of ``rounds``."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for place in (0, 1) if number % 2 else (1, 0):
            times[place].append((one, other)[place]())
    return times


def distances(
    found: Sequence[Found],
    reference: Sequence[Found],
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Pixels between the points of the same people, (M, ), whose boxes overlap.

    Args:
        found: Of each image.
        reference: Likewise.
        size: (w, h) of the network's input, whose pixels are meant. None: those of the
            image.
    """
    rows = [np.zeros(0)]
    for (boxes, points), (other_boxes, other_points) in zip(found, reference):
        if len(boxes) and len(other_boxes):
            overlaps = iou(boxes, other_boxes)
            own, same = linear_sum_assignment(-overlaps)
            there = overlaps[own, same] > OVERLAP
            own, same = own[there], same[there]
            apart = np.linalg.norm(points[own] - other_points[same], axis=-1)
            if size is not None:
                apart /= crop_matrices(other_boxes[same], size)[:, :1, 0]
            rows.append(apart[np.isfinite(apart)])
    return np.concatenate(rows)


def moving(photo: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """The frames of a camera that sways before a photo."""
    height, width = photo.shape[:2]
    for number in range(count):
        phase = 2 * np.pi * number / 100
        matrix = cv2.getRotationMatrix2D(
            (width / 2, height / 2), 3 * np.sin(phase), 1 + 0.06 * np.sin(2 * phase)
        )
        matrix[:, 2] += (0.04 * width * np.sin(phase), 0.03 * height * np.cos(phase))
        yield cv2.warpAffine(
            photo, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
        )


def beside_rtmlib(flags: argparse.Namespace, photos: Sequence[np.ndarray]) -> None:
    """The tables of ``rtmw bench --rtmlib``, as Markdown.

    Args:
        flags: Of the command.
        photos: (H, W, 3) BGR.

    Raises:
        BenchError: rtmlib is not installed, or photos do not show enough people.
    """
    try:
        import rtmlib  # noqa: F401
    except ImportError:
        raise BenchError(
            'rtmlib is not installed: pip install --no-deps -r requirements/bench.txt'
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        detector, path = Detector(flags.det), flags.det
        if detector.decode is decode_heads:
            from ..export.detector_nms import add_nms

            path = str(Path(folder) / 'rtmdet_nms.onnx')
            add_nms(flags.det, path)
            print(
                f'\n{flags.det} has raw heads, which rtmlib cannot run: both run '
                'it with NMS added'
            )
        pose = flags.networks[0]
        files = Files(pose, PoseModel(pose).input_size, path, detector.input_size)
        single = pick(photos, detector, 1, 1)
        _same_backend(files, single, flags.rounds)
        _fastest(files, flags.networks, single, flags.rounds)
        _video(files, pick(photos, detector, 2, 4), flags.frames, flags.rounds)


def _images(single: np.ndarray, people: int) -> list[np.ndarray]:
    return [crowd(single, people)] * max(1, PEOPLE // people)


def _of_an_image(
    one: Competitor, other: Competitor, count: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Milliseconds an image of both, who do ``count`` in each turn."""
    first, second = in_turns(one, other, rounds)
    return [ms / count for ms in first], [ms / count for ms in second]


def _same_backend(files: Files, single: np.ndarray, rounds: int) -> None:
    print(
        '\nDetection on every image, ONNX Runtime, BGR as rtmlib feeds it, one image '
        'at a time.\n\n| people | ours, ms | rtmlib, ms | rtmlib / ours | points '
        'apart: median px, over 0.5 px |\n|---|---|---|---|---|'
    )
    for people in CROWDS:
        images = _images(single, people)
        with (
            Competitor(ours, files.pose, files, images, *WAYS[0], 1) as one,
            Competitor(theirs, files, images, 'onnxruntime') as other,
        ):
            apart = distances(one.found, other.found)
            mine, reference = _of_an_image(one, other, len(images), rounds)
            print(
                f'| {len(one.found[0][0])} | {summary(mine)} | {summary(reference)} | '
                f'{summary(ratios(reference, mine))} | {np.median(apart):.3f}, '
                f'{100 * (apart > 0.5).mean():.2f} % |',
                flush=True,
            )


def _fastest(
    files: Files, poses: Sequence[str], single: np.ndarray, rounds: int
) -> None:
    print(
        '\nFastest of each: every backend, precision, network of ours and number of '
        f'images at once, whose points are within {SAME:g} px of those of ONNX Runtime '
        'and fp32 on average, in pixels of the crop.\n\n'
        '| people | ours, ms | rtmlib, ms | rtmlib / ours | ours is | rtmlib is |\n'
        '|---|---|---|---|---|---|'
    )
    streams = sorted({1, os.cpu_count() or 1})
    for people in CROWDS:
        images = _images(single, people)
        our_ways: dict[str, Way] = {
            f'{pose.stem}, {backend} {precision}, {count} at once': (
                *(ours, str(pose), files, images, backend, precision, count),
            )
            for network, count in itertools.product(poses, streams)
            for pose, backend, precision in ways_of(Path(network))
        }
        their_ways: dict[str, Way] = {
            backend: (theirs, files, images, backend)
            for backend in ('onnxruntime', 'openvino')
        }
        mine, my_name = _best(our_ways, files.pose_size)
        other, other_name = _best(their_ways, files.pose_size)
        with Competitor(*mine) as one, Competitor(*other) as two:
            our_times, their_times = _of_an_image(one, two, len(images), rounds)
            print(
                f'| {len(one.found[0][0])} | {summary(our_times)} | '
                f'{summary(their_times)} | '
                f'{summary(ratios(their_times, our_times))} | {my_name} | '
                f'{other_name} |',
                flush=True,
            )


def _best(ways: dict[str, Way], size: tuple[int, int]) -> tuple[Way, str]:
    """The fastest way whose points are those of the first one, and its name.

    Args:
        ways: By name.
        size: (w, h) of the pose network's input.
    """
    reference: list[Found] | None = None
    times: dict[str, float] = {}
    for name, way in ways.items():
        # Not every machine has every backend and precision.
        with contextlib.suppress(BenchError), Competitor(*way) as competitor:
            reference = reference or competitor.found
            if not np.mean(distances(competitor.found, reference, size)) > SAME:
                times[name] = statistics.median(competitor() for _ in range(TRIAL))
    if not times:
        raise BenchError('no backend runs these files: try one with `rtmw infer`')
    name = min(times, key=times.__getitem__)
    return ways[name], name


def _video(files: Files, photo: np.ndarray, count: int, rounds: int) -> None:
    frames = list(moving(photo, count))
    with Competitor(our_video, files, frames, 1) as always:
        reference = always.found
    with (
        Competitor(our_video, files, frames, EVERY) as one,
        Competitor(their_video, files, frames) as other,
    ):
        mine, their = in_turns(one, other, rounds)
        counts = [
            np.mean([len(points) for _, points in competitor.found])
            for competitor in (one, other)
        ]
        apart = distances(one.found, reference)
    rates = [[len(frames) / ms * 1e3 for ms in row] for row in (mine, their)]
    print(
        f'\nVideo of {len(frames)} frames, both at their defaults.\n\n'
        '| | ours | rtmlib | ours / rtmlib |\n|---|---|---|---|\n'
        f'| frames a second | {summary(rates[0])} | {summary(rates[1])} | '
        f'{summary(ratios(rates[0], rates[1]))} |\n'
        f'| people a frame | {counts[0]:.2f} | {counts[1]:.2f} | |\n\n'
        f'Mean distance to detection on every frame: '
        f'{np.mean(apart):.2f} px, of points that score {SURE:g}',
        flush=True,
    )
