"""``rtmw label``: people in millions of images and videos, as Parquet."""

import argparse
import sys
import threading
import time
from datetime import datetime, timezone
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tqdm import tqdm

from ..core.errors import UsageError
from ..version import __version__
from .estimator_flags import (
    STRIDE,
    add_network_flags,
    add_people_flags,
    build_estimator,
    check_people,
    complete,
)
from .exit_codes import ExitCode
from .flags import check_least

if TYPE_CHECKING:
    from ..label import engines

#: So many images that each gets a thread of a CPU, however many there are.
MANY = 1 << 40
SHARD_SIZE = 1000
ENGINES = ('ray', 'local')
#: Flags that change results, as the manifest names them.
SETTINGS = (
    *('pose', 'det', 'second_look', 'mode', 'device', 'precision', 'subbin', 'bgr'),
    *('det_threshold', 'max_people', 'person_height', 'camera', 'no_fallback'),
    *('stride', 'filter'),
)


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'label',
        help='people in millions of images and videos, as Parquet',
        description='People in millions of images and videos, as Parquet. A run that '
        'was stopped goes on with the same command. Needs the extra label.',
    )
    parser.set_defaults(run=run, boxes=None)
    parser.add_argument(
        'inputs',
        nargs='+',
        metavar='INPUT',
        help='image, video, WebDataset tar, Parquet with images, folder or glob of '
        'these, or a list of files, one a line: @FILE, or FILE.txt; paths, or '
        'addresses (s3, gs, https, ...)',
    )
    parser.add_argument(
        '--out', required=True, metavar='FOLDER', help='path or address of the shards'
    )
    parser.add_argument(
        '--engine',
        choices=ENGINES,
        help='who does the work: Ray, or this process (default: Ray, if it is '
        'installed)',
    )
    parser.add_argument(
        '--ray-address',
        metavar='ADDRESS',
        help='of a cluster, such as auto or ray://HEAD:10001 (default: $RAY_ADDRESS, '
        'else this machine)',
    )
    parser.add_argument(
        '--workers',
        type=int,
        metavar='N',
        help='of Ray, at most (default: as many as there is room for); each has '
        '--threads cores (default: 1)',
    )
    parser.add_argument(
        '--gpus',
        type=float,
        metavar='X',
        help='of a worker of Ray, such as 0.25 (default: 1 with --device cuda)',
    )
    parser.add_argument(
        '--shard-size',
        type=int,
        default=SHARD_SIZE,
        metavar='N',
        help=f'images of a shard (default: {SHARD_SIZE}); a tar or a video is one',
    )
    parser.add_argument(
        '--filter',
        nargs='+',
        default=[],
        metavar='NAME=N',
        help='keep people with: box=N, shorter side of the box in pixels; score=X, '
        'mean score of the points of the body; body=N, points of the body seen',
    )
    parser.add_argument(
        '--stride',
        type=int,
        metavar='N',
        help=f'videos: look for people every N frames (default: {STRIDE}, or that of '
        '--mode)',
    )
    parser.add_argument(
        '--no-fallback',
        action='store_true',
        help='images: where the detector finds nobody, do not look for one person in '
        'the whole image',
    )
    add_people_flags(parser)
    add_network_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Makes the shards that are not there. Returns the exit code."""
    try:
        from ..label import engines, inputs, places, shards
        from ..label.filters import parse_filter
        from ..label.work import Job
    except ImportError as error:
        raise UsageError(
            f"rtmw label needs {error.name}: pip install 'rtmw_ext[label]'"
        ) from None
    engine_name = flags.engine or ('ray' if find_spec('ray') else 'local')
    if engine_name == 'local':
        for name in ('ray_address', 'workers', 'gpus'):
            if getattr(flags, name) is not None:
                raise UsageError(
                    f'--{name.replace("_", "-")} is of Ray: leave --engine local out'
                )
    check_least(
        flags,
        **dict(stride=1, batch=1, threads=0, shard_size=1, workers=1),
        max_people=1,
    )
    # Machines of a cluster, each fastest in its way, are to write the same rows.
    flags.precision = flags.precision or 'fp32'
    complete(flags, MANY)
    flags.tuned = False
    keep = parse_filter(flags.filter)
    camera = check_people(flags)
    folder = places.Folder(flags.out)
    found = inputs.find_inputs(flags.inputs, flags.out)
    if found.skipped:
        kinds = ', '.join(f'{n} {kind}' for kind, n in found.skipped.most_common())
        _say(f'skipped files that are no image, video, tar or Parquet: {kinds}')
    units = found.units(flags.shard_size)
    if engine_name == 'ray':
        flags.threads = flags.threads or 1
    build = partial(build_estimator, flags, MANY, camera)
    job = Job(build, folder, flags.stride, keep)
    engine: engines.LocalEngine | engines.RayEngine
    if engine_name == 'ray':
        gpus = flags.gpus
        if gpus is None:
            gpus = float(flags.device.startswith(('cuda', 'tensorrt', 'rocm')))
        engine = engines.RayEngine(
            job, flags.ray_address, flags.workers, flags.threads, gpus
        )
    else:
        engine = engines.LocalEngine(job)
    try:
        manifest = dict(
            schema=shards.SCHEMA,
            program=f'rtmw_ext {__version__}',
            created=datetime.now(timezone.utc).isoformat(timespec='seconds'),
            inputs=inputs.record(found.given, units),
            shards=len(units),
            shard_size=flags.shard_size,
            models=engine.facts.models,
            settings={name: getattr(flags, name) for name in SETTINGS},
        )
        there = shards.claim(folder, manifest)
        left = [unit for unit in units if unit.number not in there]
        if there:
            _say(f'{len(there)} of {len(units)} shards are there already')
        _label(engine, left)
    finally:
        engine.close()
    folder.clear_parts()
    folder.clear_parts(shards.ERRORS)
    if folder.names(shards.ERRORS):
        _say(f'{folder.name}/{shards.ERRORS} names what could not be read, and why')
        return ExitCode.PARTLY
    return ExitCode.DONE


def _label(engine: 'engines.LocalEngine | engines.RayEngine', units: list) -> None:
    """Does the units, and says how far it is."""
    counts = [unit.count for unit in units]
    images = None if None in counts else sum(filter(None, counts))
    begin, people, done = time.monotonic(), 0, 0
    lock = threading.Lock()
    with tqdm(
        desc='shards' if images is None else 'images',
        total=len(units) if images is None else images,
        disable=None,
        leave=False,
    ) as bar:

        def step(more_images: int, more_people: int) -> None:
            nonlocal people
            with lock:
                people += more_people
                rate = people / max(time.monotonic() - begin, 1e-9)
                bar.set_postfix_str(f'{rate:.1f} people/s', refresh=False)
                if images is not None:
                    bar.update(more_images)

        for unit in engine.run(units, step):
            done += unit.images
            if images is None:
                bar.update()
    took = max(time.monotonic() - begin, 1e-9)
    _say(
        f'{len(units)} shards, {done:,} images, {people:,} people in {took:.1f} s: '
        f'{done / took:.1f} images/s, {people / took:.1f} people/s'
    )


def _say(line: str) -> None:
    print(f'rtmw: {line}', file=sys.stderr)
