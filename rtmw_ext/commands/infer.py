"""``rtmw infer``: inputs of any kind in, pictures and result files out."""

import argparse
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..core.errors import UsageError
from ..core.images import ImageError, open_image, read_image
from ..core.people import People
from ..output import FORMATS
from ..output.folder import OutputFolder
from ..output.pose_map import DEFAULT_PARTS
from ..output.records import Run, Source
from ..output.style import SHOWN
from ..output.video_writer import CODECS
from ..runtime import Detector, PoseModel, WholeBody, video
from ..runtime.network import BACKENDS, PRECISIONS
from ..zoo import (
    DEFAULTS,
    MODES,
    SECOND_LOOK,
    STAND_INS,
    Kind,
    resolve_network,
    resolve_networks,
)
from .exit_codes import ExitCode
from .flags import check_least
from .inputs import Input, find_inputs
from .signals import uninterrupted

MAX_PIXELS = 100_000_000
#: Images up to which ONNX Runtime is done first: it starts 0.5 to 1 s sooner than
#: OpenVINO, which takes less time an image.
FEW_IMAGES = 32
#: Frames of a video from one look for people to the next.
STRIDE = 8
#: ``--out`` for the standard output.
STANDARD = '-'
#: Flags that change results, as the results name them.
SETTINGS = (
    'stride',
    'smooth',
    'frames',
    'start',
    'end',
    'precision',
    'subbin',
    'bgr',
    'no_fallback',
)

_Item = TypeVar('_Item')


def add_parser(
    commands: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Adds the command to those of :mod:`rtmw_ext.commands.cli`."""
    parser = commands.add_parser(
        'infer',
        help='people in images and videos',
        description='People in images and videos.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        'inputs',
        nargs='+',
        metavar='INPUT',
        help='image, video, folder of these, glob or webcam number; or a list of '
        'them, one a line: @FILE, or FILE.txt',
    )
    parser.add_argument(
        '--recursive',
        action='store_true',
        help='look into folders of folders; outputs have the same folders',
    )
    parser.add_argument(
        '--out',
        default='rtmw_out',
        help='folder for the outputs (default: rtmw_out); - writes JSON lines to '
        'the standard output, and no pictures',
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace outputs of earlier runs; inputs are never replaced',
    )
    parser.add_argument(
        '--format',
        nargs='*',
        choices=tuple(FORMATS),
        help='result files (default: json): '
        + '; '.join(f'{name}: {row.description}' for name, row in FORMATS.items()),
    )
    parser.add_argument('--no-draw', action='store_true', help='no pictures, no videos')
    parser.add_argument(
        '--picture',
        choices=('jpg', 'png'),
        help='default: jpg, of pose maps png',
    )
    parser.add_argument('--boxes', action='store_true', help='draw boxes, with the ids')
    parser.add_argument('--ids', action='store_true', help='draw ids (videos)')
    parser.add_argument(
        '--parts',
        nargs='+',
        choices=tuple(SHOWN),
        help='draw only these parts (default: all; on pose maps '
        f'{" ".join(DEFAULT_PARTS)})',
    )
    parser.add_argument(
        '--pose-map',
        action='store_true',
        help="draw on black in OpenPose's colours, for ControlNet, in place of "
        'pictures',
    )
    parser.add_argument(
        '--pose-map-side',
        type=int,
        metavar='N',
        help='pixels of the shorter side of pose maps, in steps of 64 (default: the '
        "input's size)",
    )
    parser.add_argument(
        '--scene', action='store_true', help='draw the people in 3D, too (3D models)'
    )
    parser.add_argument(
        '--threshold',
        type=float,
        default=0.3,
        help='least score of a point drawn, 0 to 1 (default: 0.3)',
    )
    parser.add_argument(
        '--stride',
        type=int,
        metavar='N',
        help=f'videos: look for people every N frames (default: {STRIDE}, or that of '
        '--mode)',
    )
    parser.add_argument('--smooth', action='store_true', help='videos: one-euro filter')
    parser.add_argument(
        '--frames', type=int, metavar='N', help='videos: stop after N frames'
    )
    parser.add_argument(
        '--start',
        type=float,
        default=0.0,
        metavar='SECONDS',
        help='videos: from the frame of this time on',
    )
    parser.add_argument(
        '--end', type=float, metavar='SECONDS', help='videos: up to this time'
    )
    parser.add_argument(
        '--codec',
        choices=tuple(CODECS),
        default='h264',
        help='of the videos written, all in MP4 (default: h264, which every browser '
        'plays)',
    )
    parser.add_argument(
        '--no-fallback',
        action='store_true',
        help='images: where the detector finds nobody, do not '
        'look for one person in the whole image',
    )
    _add_network_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Finds people in all inputs. Returns the exit code."""
    out = None if flags.out == STANDARD else flags.out
    inputs, skipped = find_inputs(flags.inputs, flags.recursive, out)
    for line in skipped:
        print(f'rtmw: {line}', file=sys.stderr)
    sources = [source for source, _ in inputs]
    images = None if any(map(video.is_video, sources)) else len(sources)
    complete(flags, images)
    if flags.start < 0 or flags.end is not None and flags.end <= flags.start:
        raise UsageError(
            f'--start {flags.start:g} and --end {flags.end} hold no time: give '
            '0 <= start < end, in seconds'
        )
    check_least(flags, stride=1, batch=1, frames=1, threads=0, pose_map_side=64)
    # Before networks are fetched for nothing.
    outputs = _open_outputs(flags, inputs)
    estimator = build_estimator(flags, images)
    if flags.scene and not estimator.pose.is_3d:
        raise UsageError(
            f'--scene draws in 3D, but {flags.pose or "the default"} is a 2D '
            'model: give --pose an RTMW3D'
        )
    outputs.run = Run(
        _networks(estimator), {name: getattr(flags, name) for name in SETTINGS}
    )
    whole = infer(
        estimator,
        sources,
        outputs,
        flags.stride,
        flags.smooth,
        flags.frames,
        (flags.start, flags.end),
    )
    return ExitCode.DONE if whole else ExitCode.PARTLY


def complete(flags: argparse.Namespace, images: int | None) -> None:
    """Sets the flags that were not given: by ``--mode``, else by ``$RTMW_POSE`` and
    ``$RTMW_DET``, else to their defaults.

    Args:
        flags: Of this command.
        images: That it is for; None for videos.
    """
    mode = MODES[flags.mode] if flags.mode else None
    # Empty, a variable counts as not set.
    flags.pose = flags.pose or (
        mode.pose if mode else os.environ.get('RTMW_POSE') or None
    )
    flags.det = flags.det or (
        mode.detector if mode else os.environ.get('RTMW_DET') or None
    )
    if flags.stride is None:
        flags.stride = mode.stride if mode else STRIDE
    if flags.precision is None:
        few = images is not None and images <= FEW_IMAGES
        openvino = flags.backend == 'openvino' or (
            flags.backend is None and not few and find_spec('openvino')
        )
        fits = mode and flags.device == 'cpu' and openvino
        flags.precision = mode.precision if mode and fits else PRECISIONS[0]


def _open_outputs(flags: argparse.Namespace, inputs: list[Input]) -> OutputFolder:
    """The outputs that the flags describe, which replace nothing that must
    stay."""
    standard = flags.out == STANDARD
    if flags.pose_map and (flags.boxes or flags.ids or flags.scene):
        raise UsageError('--pose-map draws people alone: leave --boxes, --ids, --scene')
    if flags.pose_map_side is not None and not flags.pose_map:
        raise UsageError('--pose-map-side is of pose maps: give --pose-map, too')
    if standard and flags.format not in (None, ['jsonl']):
        raise UsageError(
            '--out - writes JSON lines: leave --format out, or give a folder'
        )
    outputs = OutputFolder(
        None if standard else Path(flags.out),
        ['json'] if flags.format is None else flags.format,
        draw=not flags.no_draw,
        picture=flags.picture or ('png' if flags.pose_map else 'jpg'),
        boxes=flags.boxes,
        scene=flags.scene,
        threshold=flags.threshold,
        ids=flags.ids,
        parts=flags.parts,
        pose_map=flags.pose_map,
        pose_map_side=flags.pose_map_side,
        codec=flags.codec,
    )
    networks = filter(None, (flags.pose, flags.det, flags.second_look))
    outputs.plan(
        _kinds([source for source, _ in inputs]),
        networks,
        flags.overwrite,
        [folder for _, folder in inputs],
    )
    return outputs


def _kinds(sources: list[str | int]) -> list[tuple[str | int, bool]]:
    return [(source, video.is_video(source)) for source in sources]


def _networks(estimator: WholeBody) -> dict[str, Path]:
    """{role: file} of the networks."""
    models = dict(
        pose=estimator.pose,
        detector=estimator.detector,
        second_look=estimator.pose.second_look,
    )
    return {
        role: Path(model.network.path)
        for role, model in models.items()
        if isinstance(model, (PoseModel, Detector))
    }


def _add_network_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--mode',
        choices=tuple(MODES),
        help='networks, stride and precision that no flag gives: '
        + '; '.join(
            f'{name}: {mode.pose}, {mode.detector}, {mode.stride}, {mode.precision}'
            for name, mode in MODES.items()
        ),
    )
    parser.add_argument(
        '--pose',
        help='pose network: file or name (default: $RTMW_POSE, else '
        f'{DEFAULTS["pose"]}, or {STAND_INS["pose"]} where that cannot be fetched)',
    )
    parser.add_argument(
        '--det',
        help='detector: file, name, or "none" for images of one person (default: '
        f'$RTMW_DET, else {DEFAULTS["detector"]}, or {STAND_INS["detector"]} where '
        'that cannot be fetched)',
    )
    parser.add_argument('--backend', choices=BACKENDS)
    parser.add_argument(
        '--device', default='cpu', help='cpu, cuda, cuda:1, ... (default: cpu)'
    )
    parser.add_argument(
        '--precision',
        choices=PRECISIONS,
        help=f'default: {PRECISIONS[0]}, or that of --mode',
    )
    parser.add_argument('--threads', type=int, default=0, help='0 takes all cores')
    parser.add_argument(
        '--batch', type=int, metavar='N', help='people a call of the network at most'
    )
    parser.add_argument(
        '--subbin', action='store_true', help='points between SimCC bins'
    )
    parser.add_argument(
        '--second-look',
        nargs='?',
        metavar='NETWORK',
        const=SECOND_LOOK,
        help='faces and hands again, in crops of their own: '
        'better and slower; by this network, file or name '
        f'(default: {SECOND_LOOK})',
    )
    parser.add_argument(
        '--bgr', action='store_true', help='feed BGR, as rtmlib 0.0.16 does'
    )


def build_estimator(flags: argparse.Namespace, images: int | None) -> WholeBody:
    """
    Args:
        flags: Those of networks.
        images: That it is for; None for videos.

    Returns:
        The estimator that the flags describe.
    """
    second_file = flags.second_look and resolve_network(flags.second_look)
    names: dict[Kind, str | None] = {'pose': flags.pose, 'detector': flags.det}
    if flags.det == 'none':
        del names['detector']
    networks = resolve_networks(names)
    files = [*networks.values(), second_file]
    threads = flags.threads or os.cpu_count() or 1
    # Several images at once, a thread each, beat all threads on one.
    side_by_side = flags.device == 'cpu' and images is not None and images > threads
    network = dict(
        backend=flags.backend or _first_backend(flags, files, images),
        device=flags.device,
        threads=threads,
        precision=flags.precision,
        streams=threads if side_by_side else 1,
    )
    pose = PoseModel(
        networks['pose'],
        rgb=False if flags.bgr else None,
        subbin=flags.subbin,
        second_look=second_file,
        **network,
    )
    for model in filter(None, (pose, pose.second_look)):
        model.batch = min(model.batch, flags.batch or model.batch)
    if flags.det == 'none':
        return WholeBody(pose)
    return WholeBody(
        pose,
        Detector(networks['detector'], **network),
        fallback=not flags.no_fallback,
    )


def _first_backend(
    flags: argparse.Namespace, files: list[Path | None], images: int | None
) -> str | None:
    """The backend that is done first with so many images; None for the default."""
    few = images is not None and images <= FEW_IMAGES
    can = flags.device == 'cpu' and flags.precision == 'fp32'
    readable = all(file.suffix == '.onnx' for file in files if file)
    return 'onnxruntime' if few and can and readable else None


def infer(
    estimator: WholeBody,
    sources: list[str | int],
    outputs: OutputFolder,
    every: int,
    smooth: bool = False,
    limit: int | None = None,
    span: tuple[float, float | None] = (0.0, None),
) -> bool:
    """Estimates and writes. Result files are completed whatever happens.

    Args:
        estimator: Finds the people.
        sources: Files and webcam numbers.
        outputs: Where to write.
        every: As of :meth:`WholeBody.video`.
        smooth: Smooth videos.
        limit: Frames of a video at most.
        span: Seconds of videos: from, and up to (None: the end).

    Returns:
        Whether every input was there and whole.

    Raises:
        ImageError, VideoError: The only input cannot be read; of several, it
            is named and skipped.
        OutputError: A picture cannot be written.
    """
    whole = True
    names = iter(outputs.names or outputs.plan(_kinds(sources), overwrite=True))
    results = video.side_by_side(
        lambda source: (
            None if video.is_video(source) else _image(estimator, str(source), outputs)
        ),
        sources,
        estimator.pose.network.streams,
    )
    try:
        for source, result in _progress(results, len(sources)):
            name = next(names)
            try:
                if video.is_video(source):
                    whole &= _video(
                        estimator, source, name, outputs, every, smooth, limit, span
                    )
                elif estimated := result():
                    people, drawn, size = estimated
                    with uninterrupted():
                        outputs.begin(Source(name, source, size=size))
                        outputs.add(name, None, people)
                        outputs.end()
                        if drawn is not None:
                            outputs.write_picture(name, drawn)
            except (ImageError, video.VideoError) as error:
                if len(sources) == 1:
                    raise
                print(f'rtmw: skipped: {error}', file=sys.stderr)
                whole = False
    finally:
        with uninterrupted():
            results.close()
            outputs.close()
    return whole


def _image(
    estimator: WholeBody, source: str, outputs: OutputFolder
) -> tuple[People, np.ndarray | None, tuple[int, int]]:
    """The people of an image, its picture if there is to be one, and (w, h)."""
    _check_size(source)
    image = read_image(source)
    people = estimator(image)
    drawn = outputs.draw(image, people) if outputs.draws else None
    return people, drawn, image.shape[1::-1]


def _check_size(path: str) -> None:
    """Read and drawn, an image takes 6 bytes a pixel.

    Raises:
        ImageError: It has more than ``MAX_PIXELS``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            with open_image(path) as image:
                width, height = image.size
    except Image.DecompressionBombError:
        width = height = np.inf
    except OSError:
        return  # read_image says what is wrong with it.
    if width * height > MAX_PIXELS:
        raise ImageError(
            f'image {path} has more than {MAX_PIXELS:,} pixels: scale it down'
        )


def _video(
    estimator: WholeBody,
    source: str | int,
    name: str,
    outputs: OutputFolder,
    every: int,
    smooth: bool,
    limit: int | None,
    span: tuple[float, float | None],
) -> bool:
    """Estimates and writes a video. Returns whether it was whole."""
    frames = video.Video(source, *span)
    results = estimator.video(
        frames if limit is None else _first(frames, limit),
        every,
        frames.rate if smooth else None,
    )
    number = 0
    with ExitStack() as stack:
        stack.callback(results.close)
        writer = stack.enter_context(
            outputs.video_writer(
                name, frames.rate, None if isinstance(source, int) else source
            )
        )
        bar = stack.enter_context(_bar(frames.name, limit or frames.count))
        for number, (frame, people) in enumerate(results, 1):
            drawn = outputs.draw(frame, people) if outputs.draws else None
            with uninterrupted():
                if number == 1:
                    outputs.begin(_source_of(frames, source, name, frame))
                time = frames.times.popleft()
                outputs.add(name, number - 1, people, time)
                if drawn is not None:
                    writer.write(drawn, time)
            bar.update()
    with uninterrupted():
        outputs.end()
    if number == 0:
        raise video.VideoError(
            f'{frames.name} has no frame from {span[0]:g} s on, or up to --end: give '
            'others'
            if span != (0.0, None)
            else f'{frames.name} holds no frame that can be read: it is damaged; '
            'convert it to MP4'
        )
    if limit is None and (fault := frames.fault):
        print(f'rtmw: {frames.name} {fault}', file=sys.stderr)
        return False
    return True


def _source_of(
    frames: video.Video, source: str | int, name: str, frame: np.ndarray
) -> Source:
    return Source(
        name,
        source,
        'webcam' if isinstance(source, int) else 'video',
        frame.shape[1::-1],
        frames.rate,
        frames.count or None,
    )


def _first(frames: video.Video, limit: int) -> Iterator[np.ndarray]:
    iterator = iter(frames)
    for _, frame in zip(range(limit), iterator):
        yield frame
    iterator.close()


def _progress(items: Iterable[_Item], count: int) -> Iterator[_Item]:
    with _bar('images', count, hide=count < 2) as bar:
        for item in items:
            yield item
            bar.update()


def _bar(text: str, total: int | None, hide: bool = False) -> tqdm:
    return tqdm(
        desc=text,
        total=total or None,
        leave=False,
        disable=hide or not sys.stderr.isatty(),
    )
