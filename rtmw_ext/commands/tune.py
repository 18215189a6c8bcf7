"""``rtmw tune``: measures how this machine runs a network fastest, for ``rtmw infer``.

Shapes: B crops, K keypoints; (h, w) the network's input in pixels.
"""

import argparse
import contextlib
import functools
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..core.images import list_images
from ..core.metadata import NetworkError
from ..core.people import MIN_SCORE
from ..runtime import Detector, PoseModel
from ..runtime.network import BACKENDS
from ..runtime.pose import PERSON
from ..runtime.tuning import MANY, Setting, choose, int8_file, record_of, save
from ..zoo import resolve_network
from .bench import in_turns, ways_of
from .estimator_flags import default_backend
from .exit_codes import ExitCode
from .flags import check_least

#: Crops on which points are compared.
COMPARED = 16


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'tune',
        help='measure how this machine runs a network fastest',
        description='Measures how this machine runs a pose network fastest. '
        '`rtmw infer`, `rtmw motion` and `rtmw serve` then do so, where neither '
        '--backend, --precision nor --mode says how.',
    )
    parser.set_defaults(run=run)
    parser.add_argument('network', help='pose network: file or name')
    parser.add_argument(
        '--images',
        metavar='FOLDER',
        help='photos of people, for int8 and to compare points (default: one person)',
    )
    parser.add_argument('--det', help='detector for the photos: file or name')
    parser.add_argument('--threads', type=int, default=0, help='0 takes all cores')
    parser.add_argument(
        '--rounds', type=int, default=10, help='of each measurement (default: 10)'
    )
    parser.add_argument('--no-int8', action='store_true', help='leave out int8')
    parser.add_argument(
        '--forget', action='store_true', help='remove what was measured before'
    )


def run(flags: argparse.Namespace) -> int:
    """Prints the table and keeps it. Returns the exit code."""
    check_least(flags, rounds=1, threads=0)
    network = resolve_network(flags.network)
    if flags.forget:
        record_of(network).unlink(missing_ok=True)
        for backend in BACKENDS:
            int8_file(network, backend).unlink(missing_ok=True)
        return ExitCode.DONE
    threads = flags.threads or os.cpu_count() or 1
    settings = measure(network, flags, threads)
    print(
        '| backend | precision | first result, s | ms, 1 person | '
        f'ms a person of {MANY} | px from fp32 |\n|---|---|---|---|---|---|'
    )
    for row in settings:
        print(
            f'| {row.backend} | {_precision(row, network)} | {row.load:.2f} | '
            f'{row.single:.2f} | {row.each:.2f} | {row.apart:.3f} |'
        )
    save(network, threads, settings)
    print()
    for images, text in ((1, '1 image'), (1000, '1,000 images'), (None, 'videos')):
        chosen = choose(settings, default_backend(images), images)
        print(f'{text}: {chosen.backend} {_precision(chosen, network)}')
    return ExitCode.DONE


def _precision(setting: Setting, network: Path) -> str:
    """Of an int8 version, that of what stays real, too."""
    int8 = setting.file != str(network)
    return f'int8, {setting.precision}' if int8 else setting.precision


def measure(network: Path, flags: argparse.Namespace, threads: int) -> list[Setting]:
    """Every setting that runs here, in turns.

    Args:
        network: File of a pose network.
        flags: Of the command.
        threads: Of the CPU.

    Raises:
        ExportError: Nobody is found in the images.
        PoseError: It is no pose network.
    """
    from ..export.quantize import calibration_crops, person_crops

    shown = _shown(network, flags)
    crops = person_crops(*shown, COMPARED)
    if not flags.no_int8 and network.suffix == '.onnx':
        try:
            _quantize(network, calibration_crops(*shown))
        except ImportError as error:
            print(
                f'rtmw: int8 is left out, as it needs {error.name}: '
                'pip install rtmw_ext[export]',
                file=sys.stderr,
            )
    models: list[tuple[Path, str, str, PoseModel, float]] = []
    for file, backend, precision in ways_of(network):
        if flags.no_int8 and file != network:
            continue
        with contextlib.suppress(NetworkError):
            start = time.perf_counter()
            model = PoseModel(
                file, backend=backend, precision=precision, threads=threads
            )
            model.run(crops[:1])
            models.append(
                (file, backend, precision, model, time.perf_counter() - start)
            )
    reference = models[0][3]
    points, scores = reference.decode(reference.run(crops))
    seen = scores * reference.score_scale >= MIN_SCORE
    calls: dict[tuple[int, int], Callable[[], object]] = {}
    for number, (*_, model, _) in enumerate(models):
        for count in (1, MANY):
            calls[number, count] = functools.partial(model.run, crops[:count])
    times = in_turns(calls, flags.rounds)
    settings = []
    for number, (file, backend, precision, model, load) in enumerate(models):
        other, _ = model.decode(model.run(crops))
        apart = np.linalg.norm((other - points)[..., :2], axis=-1)[seen]
        settings.append(
            Setting(
                str(file),
                backend,
                precision,
                load,
                statistics.median(times[number, 1]),
                statistics.median(times[number, MANY]) / MANY,
                float(apart.mean()) if seen.any() else 0.0,
            )
        )
    return settings


def _shown(
    network: Path, flags: argparse.Namespace
) -> tuple[PoseModel, list[str] | list[Path], Detector | None]:
    """What crops the people of the images, the images, and what finds the people."""
    images = list_images(flags.images) if flags.images else [PERSON]
    detector = Detector(resolve_network(flags.det, 'detector')) if flags.det else None
    backend = 'onnxruntime' if network.suffix == '.onnx' else 'openvino'
    return PoseModel(network, backend=backend), images, detector


def _quantize(network: Path, crops: np.ndarray) -> None:
    """Makes the int8 versions of a network, in the cache."""
    from ..export.quantize import quantize

    for backend in BACKENDS:
        path = int8_file(network, backend)
        path.parent.mkdir(parents=True, exist_ok=True)
        quantize(network, path, crops, backend)
