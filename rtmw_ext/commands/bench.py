"""``rtmw bench``: milliseconds of networks, and where the time goes. What is compared
runs in turns, so that all meet the same machine; every number is a median with the 10th
and 90th percentile."""

import argparse
import contextlib
import functools
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np

from ..core.errors import RTMWError
from ..core.images import list_images, read_image
from ..core.metadata import NetworkError
from ..runtime import Detector, PoseModel, WholeBody, load_network, tuning
from ..runtime.detector import BORDER
from ..runtime.network import OnnxRuntime, OpenVino
from ..zoo import resolve_network
from .exit_codes import ExitCode
from .flags import check_least

#: Backends and precisions that any machine may have, the plainest first.
WAYS = (('onnxruntime', 'fp32'), ('openvino', 'fp32'), ('openvino', 'bf16'))

#: (w, h) of the pictures of many people.
PICTURE = 1920, 1080
#: Share of a person's cell of the picture that the person may fill, along each side.
APART = np.array([0.5, 0.6])

_Key = TypeVar('_Key')


class BenchError(RTMWError, ValueError):
    """A benchmark cannot be run; the text says why."""


def add_parser(
    commands: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'bench',
        help='milliseconds of networks, and beside rtmlib',
        description='Milliseconds of networks, and beside rtmlib.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        'networks',
        nargs='*',
        metavar='NETWORK',
        help='pose networks, files or names: a row each',
    )
    parser.add_argument(
        '--rtmlib', action='store_true', help='run rtmlib on the same files, in turns'
    )
    parser.add_argument('--det', help='detector: file or name')
    parser.add_argument('--images', help='folder of photos of people')
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--threads', type=int, default=0)
    parser.add_argument(
        '--frames', type=int, default=200, help='of the video (default: 200)'
    )


def run(flags: argparse.Namespace) -> int:
    """Prints the tables. Returns the exit code."""
    check_least(flags, rounds=1, threads=0, frames=1)
    if not flags.networks:
        raise BenchError(
            'name one or more pose networks (.onnx or .xml); '
            'tools/bench/runtime.py exports every size'
        )
    flags.networks = [str(resolve_network(name)) for name in flags.networks]
    network_table(flags.networks, flags.rounds, flags.threads)
    if flags.det is None:
        return ExitCode.DONE
    if flags.images is None:
        raise BenchError('--det needs --images, a folder of photos of people')
    flags.det = str(resolve_network(flags.det, 'detector'))
    photos = [read_image(path) for path in list_images(flags.images)]
    pose = flags.networks[0]
    profile(pose, flags.det, photos, flags.rounds, flags.threads)
    if flags.rtmlib:
        from .bench_rtmlib import beside_rtmlib

        beside_rtmlib(flags, photos)
    return ExitCode.DONE


def ways_of(network: Path) -> list[tuple[Path, str, str]]:
    """(file, backend, precision) of every way to run a network, and the int8 versions
    that ``rtmw tune`` has made of it."""
    found = [(network, *way) for way in WAYS]
    for backend, precision in WAYS:
        int8 = tuning.int8_file(network, backend)
        if int8.is_file():
            found.append((int8, backend, precision))
    return found


def in_turns(
    calls: dict[_Key, Callable[[], object]], rounds: int
) -> dict[_Key, list[float]]:
    """Milliseconds of each call in each round. Each is called twice and the second
    counts, as in a stream of images: the first meets the caches as another left them.

    Args:
        calls: {name: function}.
        rounds: The order turns around at each.

    Returns:
        {name: ``rounds`` numbers}.
    """
    times: dict[_Key, list[float]] = {name: [] for name in calls}
    for number in range(rounds):
        for name in list(calls)[:: -1 if number % 2 else 1]:
            calls[name]()
            start = time.perf_counter()
            calls[name]()
            times[name].append((time.perf_counter() - start) * 1e3)
    return times


def summary(values: Sequence[float]) -> str:
    """'median (10th percentile to 90th)'."""
    low, high = np.percentile(values, (10, 90))
    return f'{statistics.median(values):.2f} ({low:.2f} to {high:.2f})'


def ratios(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(slow, fast)]


def cost(path: str | Path) -> tuple[float, float]:
    """(GFLOPs, million parameters) of an ONNX file for one crop: multiply-adds
    of convolutions and matrix products, as papers count."""
    import onnx

    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    parameters = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shapes[value.name] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    flops = 0
    for node in graph.node:
        if node.op_type == 'Conv':
            flops += np.prod(shapes[node.output[0]]) * np.prod(
                shapes[node.input[1]][1:]
            )
        elif node.op_type in ('MatMul', 'Gemm'):
            flops += np.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return float(flops) / 1e9, parameters / 1e6


def _variants(path: str | Path, threads: int) -> dict[str, OnnxRuntime | OpenVino]:
    """{'backend precision': network} that can run here."""
    networks: dict[str, OnnxRuntime | OpenVino] = {}
    for backend, precision in WAYS:
        with contextlib.suppress(NetworkError):
            networks[f'{backend} {precision}'] = load_network(
                path, backend, threads=threads, precision=precision
            )
    return networks


def network_table(paths: Sequence[str | Path], rounds: int, threads: int) -> None:
    """Table 3 of the paper on this CPU, as Markdown."""
    print(
        '| network | GFLOPs | params (M) | backend | ms, 1 person | '
        'ms a person of 8 |\n|---|---|---|---|---|---|'
    )
    for path in map(Path, paths):
        networks = _variants(path, threads)
        if not networks:
            load_network(path)  # It says why.
        cells = '- | -'
        if path.suffix == '.onnx':
            cells = '{:.2f} | {:.2f}'.format(*cost(path))
        calls: dict[tuple[str, int], Callable[[], object]] = {}
        for name, network in networks.items():
            ((_, _, height, width),) = network.inputs.values()
            if height is None or width is None:
                raise BenchError(f'{path} has no fixed input size: export it with one')
            crops = np.random.default_rng(0).standard_normal(
                (8, 3, height, width), np.float32
            )
            calls[name, 1] = functools.partial(network, crops[:1])
            calls[name, 8] = functools.partial(network, crops)
        times = in_turns(calls, rounds)
        for name in networks:
            eight = [value / 8 for value in times[name, 8]]
            print(
                f'| {path.stem} | {cells} | {name} | '
                f'{summary(times[name, 1])} | {summary(eight)} |',
                flush=True,
            )


def crowd(photo: np.ndarray, people: int) -> np.ndarray:
    """A grey picture of ``PICTURE`` with so many copies of a photo of one person, far
    enough from each other that a detector tells them apart.

    Args:
        photo: (H, W, 3) uint8 BGR.
        people: > 0.
    """
    rows = max(n for n in range(1, people + 1) if people % n == 0 and n * n <= people)
    cell = np.array(PICTURE) // (people // rows, rows)
    size = np.array(photo.shape[1::-1])
    copy = cv2.resize(photo, np.rint(size * (APART * cell / size).min()).astype(int))
    picture = np.full((*PICTURE[::-1], 3), BORDER, np.uint8)
    for number in range(people):
        place = divmod(number, people // rows)[::-1] * cell
        left, top = place + (cell - copy.shape[1::-1]) // 2
        picture[top : top + copy.shape[0], left : left + copy.shape[1]] = copy
    return picture


def pick(
    photos: Sequence[np.ndarray], detector: Detector, least: int, most: int
) -> np.ndarray:
    """The photo with the most confident detector of those with ``least`` to
    ``most`` people."""
    best = max(
        (
            (scores.min(), number)
            for number, (boxes, scores) in enumerate(map(detector, photos))
            if least <= len(boxes) <= most
        ),
        default=None,
    )
    if best is None:
        raise BenchError(
            f'no photo shows {least} to {most} people: give others by --images'
        )
    return photos[best[1]]


def profile(
    pose: str, det: str, photos: Sequence[np.ndarray], rounds: int, threads: int
) -> None:
    """Share of everything but the two networks, as Markdown."""
    detector = Detector(det, threads=threads)
    pose_model = PoseModel(pose, threads=threads)
    estimator = WholeBody(pose_model, detector)
    single = pick(photos, detector, 1, 1)
    networks = detector.network, pose_model.network
    timed: list[Any] = [_Timed(network) for network in networks]
    print(
        '\n| people | ms | detector network | pose network | the rest |\n'
        '|---|---|---|---|---|'
    )
    for people in (1, 8):
        image = crowd(single, people)
        rows = []
        count = len(estimator(image))
        detector.network, pose_model.network = timed
        for _ in range(rounds):
            for network in timed:
                network.seconds = 0.0
            start = time.perf_counter()
            estimator(image)
            total = time.perf_counter() - start
            rows.append((total, *(network.seconds for network in timed)))
        detector.network, pose_model.network = networks
        rest = [100 * (1 - (a + b) / total) for total, a, b in rows]
        total, a, b = (1e3 * statistics.median(column) for column in zip(*rows))
        print(
            f'| {count} | {total:.2f} | {a:.2f} ms | {b:.2f} ms | {summary(rest)} % |',
            flush=True,
        )


class _Timed:
    """A network that adds up the seconds of its calls."""

    def __init__(self, network: Any) -> None:
        self.network, self.seconds = network, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def __call__(self, batch: np.ndarray) -> Any:
        start = time.perf_counter()
        outputs = self.network(batch)
        self.seconds += time.perf_counter() - start
        return outputs
