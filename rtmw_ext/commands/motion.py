"""``rtmw motion``: a video or its results in, people over time out."""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from ..core.camera_files import read_camera
from ..core.errors import UsageError
from ..core.geometry import Camera
from ..core.signals import uninterrupted
from ..output import FORMATS, OutputError
from ..output.files import part_of
from ..output.folder import OutputFolder
from ..output.records import Run, Source, person_records
from ..output.rerun_view import RerunView, load_rerun
from ..output.video_writer import CODECS
from ..runtime import video
from .estimator_flags import (
    STRIDE,
    add_network_flags,
    add_people_flags,
    build_estimator,
    check_people,
    complete,
    networks_of,
)
from .exit_codes import ExitCode
from .flags import check_least

if TYPE_CHECKING:
    from ..motion import Motion

#: What --persons takes.
PERSONS = (
    'largest or central over the clip (largest:2, the two largest), ids (3,7), or who '
    'is in a box of a frame (X1,Y1,X2,Y2@FRAME)'
)
#: End the names of the report of quality and of the file of rerun.
REPORT = '.report.json'
RERUN = '.rrd'
#: Flags that change results, as the results name them.
SETTINGS = (
    *('from_results', 'source', 'cutoff', 'max_gap', 'no_smooth', 'no_swaps'),
    *('no_solve', 'stride', 'camera', 'max_people', 'persons', 'det_threshold'),
    'person_height',
)


def add_parser(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'motion',
        help='people over time: steady ids, smooth 2D and 3D, files for animation',
        description='People over time, in two passes: all frames are known before '
        'any is filtered.',
    )
    parser.set_defaults(run=run, boxes=None, no_fallback=True)
    parser.add_argument(
        'video', nargs='?', metavar='VIDEO', help='may be left out with --from'
    )
    parser.add_argument(
        '--from',
        dest='from_results',
        metavar='FILE',
        help='results of rtmw infer, mmpose or OpenPose (a folder), in place of '
        'networks; VIDEO is then only drawn on',
    )
    parser.add_argument(
        '--source', metavar='NAME', help='of the video, where --from holds several'
    )
    parser.add_argument(
        '--out', default='rtmw_motion', help='folder (default: rtmw_motion)'
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace outputs of earlier runs'
    )
    parser.add_argument(
        '--format',
        nargs='*',
        choices=tuple(FORMATS),
        default=['json'],
        help='result files, as of rtmw infer (default: json)',
    )
    parser.add_argument(
        '--files',
        nargs='+',
        action='extend',
        metavar='NAME',
        default=[],
        help='files of motion: bvh, glb, trc, c3d, pose, holistic, csv, parquet, npz',
    )
    parser.add_argument(
        '--angles',
        dest='files',
        action='append_const',
        const='angles',
        help='joint angles and speeds, a CSV file a person (--files angles)',
    )
    parser.add_argument(
        '--plots',
        dest='files',
        action='append_const',
        const='plots',
        help='curves of angles, heights of feet and speeds, a PNG file a person '
        '(--files plots)',
    )
    parser.add_argument(
        '--rerun',
        action='store_true',
        help='video, people in 2D and 3D and curves of angles for the viewer rerun, '
        'a .rrd file',
    )
    parser.add_argument('--no-draw', action='store_true', help='no video')
    parser.add_argument('--codec', choices=tuple(CODECS), default='h264')
    parser.add_argument(
        '--cutoff',
        type=float,
        metavar='HZ',
        help='of the low-pass (default: chosen for each part of a person by '
        'cross-validation, 6 at most)',
    )
    parser.add_argument(
        '--max-gap',
        type=float,
        default=0.5,
        metavar='SECONDS',
        help='longest gap that is filled (default: 0.5)',
    )
    parser.add_argument('--no-smooth', action='store_true', help='no filters at all')
    parser.add_argument(
        '--no-swaps', action='store_true', help='leave left and right as they are'
    )
    parser.add_argument(
        '--no-solve',
        action='store_true',
        help='3D: leave bones, depth and feet as they are; there is no world then',
    )
    parser.add_argument(
        '--stride',
        type=int,
        metavar='N',
        help=f'look for people every N frames (default: {STRIDE}, or that of --mode)',
    )
    parser.add_argument(
        '--persons',
        metavar='WHO',
        help=f'only these: {PERSONS}',
    )
    add_people_flags(parser)
    add_network_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Makes the motion and writes it. Returns the exit code."""
    if flags.video is None and flags.from_results is None:
        raise UsageError('give a VIDEO, results by --from, or both')
    if flags.source and not flags.from_results:
        raise UsageError('--source is of --from: leave it out')
    if flags.cutoff is not None and not flags.cutoff > 0:
        raise UsageError(f'--cutoff is {flags.cutoff}: it must be more than 0 Hz')
    if not flags.max_gap >= 0:
        raise UsageError(f'--max-gap is {flags.max_gap}: it must be 0 seconds or more')
    check_least(flags, max_people=1, stride=1, batch=1, threads=0)
    # SciPy is of the extra `motion`: other commands do without.
    try:
        from ..motion.files import WRITERS, check_libraries
        from ..motion.files import write as write_motion
    except ModuleNotFoundError as error:
        raise UsageError(
            f'this command needs {error.name}: pip install rtmw_ext[motion]'
        ) from None
    if unknown := [name for name in flags.files if name not in WRITERS]:
        raise UsageError(f'--files {unknown[0]} is none of {", ".join(WRITERS)}')
    wanted = None if flags.persons is None else _wanted(flags.persons)
    # Networks take minutes.
    check_libraries(flags.files)
    if flags.rerun:
        load_rerun()
    given = flags.video or flags.from_results
    drawn = flags.video is not None and not flags.no_draw
    outputs = OutputFolder(
        Path(flags.out),
        flags.format,
        draw=drawn,
        boxes=True,
        ids=True,
        codec=flags.codec,
    )
    others = (flags.from_results, flags.camera, flags.pose, flags.det)
    (name,) = outputs.plan([(given, True)], filter(None, others), flags.overwrite)
    suffixes = {item: WRITERS[item].suffix for item in flags.files}
    endings = (REPORT, *suffixes.values(), *[RERUN] * flags.rerun)
    _check_files(Path(flags.out, name), endings, flags.overwrite)
    if flags.from_results is None:
        motion = _estimate(flags, outputs)
    else:
        motion = _read(flags)
        outputs.run = Run(settings=_settings(flags))
    if wanted is not None:
        motion = _choose(motion, flags.persons, wanted)
    outputs.run.camera = motion.camera
    if not flags.no_smooth:
        motion = motion.smooth(flags.cutoff, flags.max_gap, not flags.no_swaps)
    if motion.is_3d and not flags.no_solve:
        motion = motion.solve()
    motion.source = name
    _write(flags, motion, outputs)
    for item, suffix in suffixes.items():
        write_motion(motion, Path(flags.out, name + suffix), item)
    if flags.rerun:
        _log_rerun(flags.video, motion, Path(flags.out, name + RERUN))
    _report(motion, Path(flags.out, name + REPORT))
    return ExitCode.DONE


def _check_files(stem: Path, suffixes: Iterable[str], overwrite: bool) -> None:
    """
    Args:
        stem: Of all files, with their folder.
        suffixes: Theirs.
        overwrite: They may be replaced.

    Raises:
        OutputError: A file of motion, of one person or of several, is there.
    """
    for suffix in suffixes:
        pattern = rf'{re.escape(stem.name)}(-\d+)?{re.escape(suffix)}'
        files = sorted(stem.parent.iterdir())
        there = [path for path in files if re.fullmatch(pattern, path.name)]
        if there and not overwrite:
            raise OutputError(
                f'{there[0]} would be replaced: allow it by --overwrite, or choose '
                'another --out'
            )


def _settings(flags: argparse.Namespace) -> dict:
    return {name: getattr(flags, name) for name in SETTINGS}


def _read(flags: argparse.Namespace) -> 'Motion':
    from ..motion import Motion
    from ..motion.identity import choose

    camera = None if flags.camera is None else read_camera(flags.camera)
    motion = Motion.from_results(flags.from_results, flags.source, camera=camera)
    return choose(motion, flags.max_people)


def _wanted(text: str) -> dict[str, Any]:
    """The arguments of :func:`rtmw_ext.motion.identity.choose` of --persons.

    Raises:
        UsageError: The text is none of ``PERSONS``.
    """
    from ..motion.identity import ORDERS

    order, colon, count = text.partition(':')
    corners, at, frame = text.partition('@')
    try:
        if order in ORDERS:
            number = int(count) if colon else 1
            if number >= 1:
                return dict(count=number, order=order)
        elif at:
            x1, y1, x2, y2 = map(float, corners.split(','))
            if x1 < x2 and y1 < y2:
                return dict(box=(x1, y1, x2, y2), frame=int(frame))
        else:
            return dict(ids=[int(number) for number in text.split(',')])
    except ValueError:
        pass
    raise UsageError(f'--persons {text} names nobody: give {PERSONS}')


def _choose(motion: 'Motion', text: str, wanted: dict[str, Any]) -> 'Motion':
    """
    Args:
        motion: Of all people.
        text: Of --persons.
        wanted: What it says.

    Raises:
        UsageError: There is no such person.
    """
    from ..motion import MotionError
    from ..motion.identity import choose

    try:
        return choose(motion, **wanted)
    except MotionError as error:
        ids = ', '.join(str(track.id) for track in motion.tracks) or 'none'
        known = '' if 'ids' in wanted else f'; the ids of the clip are {ids}'
        raise UsageError(f'--persons {text}: {error}{known}') from None


def _estimate(flags: argparse.Namespace, outputs: OutputFolder) -> 'Motion':
    """The first pass: people of every frame."""
    from ..motion import Motion
    from ..motion.files import WRITERS

    complete(flags, None)
    camera: Camera | None = check_people(flags)
    frames = video.Video(flags.video)
    estimator = build_estimator(flags, None, camera)
    flat = [name for name in flags.files if WRITERS[name].is_3d]
    if flat and not estimator.pose.is_3d:
        raise UsageError(
            f'--files {flat[0]} needs points in 3D, but {flags.pose} is a model of 2D: '
            'give a --pose of 3D, such as rtmw3d-l'
        )
    outputs.run = Run(networks_of(estimator), _settings(flags))
    motion = Motion.from_video(
        frames,
        estimator,
        flags.stride,
        camera=camera,
        progress=lambda items: _shown(items, frames.count, 'people'),
    )
    if fault := frames.fault:
        print(f'rtmw: {frames.name} {fault}', file=sys.stderr)
    return motion


def _shown(items: Iterator, count: int, text: str) -> Iterator:
    quiet = not sys.stderr.isatty()
    return iter(tqdm(items, text, count or None, leave=False, disable=quiet))


def _write(flags: argparse.Namespace, motion: 'Motion', outputs: OutputFolder) -> None:
    """The second pass: result files, and people drawn on the video."""
    name, count = motion.source, len(motion.frames)
    source = Source(name, flags.video, 'video', motion.size, motion.rate, count)
    try:
        outputs.begin(source)
        for frame in motion.to_people():
            with uninterrupted():
                outputs.add(name, frame.frame, frame.people, frame.time)
        outputs.end()
        if outputs.draws:
            _draw(flags.video, motion, outputs)
    finally:
        with uninterrupted():
            outputs.close()


def _draw(path: str, motion: 'Motion', outputs: OutputFolder) -> None:
    frames = video.Video(path)
    people = {frame.frame: frame.people for frame in motion.to_people()}
    nobody = next(iter(people.values()))[:0]
    with outputs.video_writer(motion.source, frames.rate, path) as writer:
        pictures: Iterator[np.ndarray] = _shown(iter(frames), frames.count, 'video')
        for number, picture in enumerate(pictures):
            drawn = outputs.draw(picture, people.get(number, nobody))
            writer.write(drawn, frames.times.popleft())


def _log_rerun(path: str | None, motion: 'Motion', file: Path) -> None:
    """Writes what the viewer rerun shows.

    Args:
        path: Of the video; None shows the people alone.
        motion: What happens.
        file: To write.
    """
    angles = {
        f'{track.id}/{name}': (int(track.frames[0]), values)
        for track in motion.tracks
        for name, values in track.angles().items()
    }
    pictures: Iterator = repeat(None) if path is None else iter(video.Video(path))
    pictures = islice(pictures, int(motion.frames[0]), None)
    camera = {} if motion.camera is None else dict(camera_k=motion.camera['K'])
    view = RerunView(part_of(file))
    for frame in _shown(motion.to_people(), len(motion.frames), 'rerun'):
        number = frame.frame or 0
        curves = {
            name: values[number - first]
            for name, (first, values) in angles.items()
            if 0 <= number - first < len(values)
        }
        people = [row | camera for row in person_records(frame.people)]
        view.log(people, next(pictures, None), number, frame.time, curves)
    view.close()
    part_of(file).replace(file)


def _report(motion: 'Motion', path: Path) -> None:
    """Writes the report, and a line for each track: where its points come from, and
    how good they are."""
    from ..motion.report import write_report

    for row in write_report(motion, path):
        shares = ', '.join(f'{share:.1%} {name}' for name, share in row.shares.items())
        numbers = {
            'mean score {:.2f}': row.score,
            'jitter {:.2f} px': row.jitter,
            '{:.2f} mm a frame^3': row.jitter_3d,
            'bones +-{:.2%}': row.bone_spread,
            'standing feet {:.1f} mm/s': row.foot_slide,
        }
        known = [
            text.format(value) for text, value in numbers.items() if value is not None
        ]
        print(
            f'person {row.id}: {row.start:.2f} to {row.end:.2f} s, points {shares}; '
            + ', '.join(known)
        )
