"""``rtmw infer``: inputs of any kind in, pictures and result files out."""

import argparse
import itertools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..core.crops import BoxError
from ..core.errors import UsageError
from ..core.geometry import CameraError
from ..core.images import ImageError, check_pixels, read_image
from ..core.media import is_video, without_password
from ..core.people import MIN_SCORE, People
from ..core.signals import uninterrupted
from ..output import FORMATS
from ..output.box_files import BoxFile
from ..output.folder import OutputFolder
from ..output.pose_map import DEFAULT_PARTS
from ..output.records import Run, Source
from ..output.style import SHOWN
from ..output.video_writer import CODECS
from ..output.window import Window
from ..runtime import (
    WholeBody,
    video,
)
from ..runtime.stream import Stream
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
from .inputs import Input, find_inputs

if TYPE_CHECKING:
    from tqdm import tqdm

    from ..motion.live import VMCSender

#: Of an image: read and drawn, it takes 6 bytes a pixel.
MAX_PIXELS = 100_000_000
#: ``--out`` for the standard output.
STANDARD = '-'
#: Flags that change results, as the results name them.
SETTINGS = (
    'stride',
    'smooth',
    'skip_still',
    'frames',
    'start',
    'end',
    'precision',
    'subbin',
    'bgr',
    'no_fallback',
    *('boxes', 'det_threshold', 'max_people', 'person_height', 'camera'),
)

_Item = TypeVar('_Item')


@dataclass(frozen=True)
class Playback:
    """Which parts of videos, and how.

    Attributes:
        start: Seconds of files, from.
        end: And up to; None is the end.
        max_seconds: Of live sources.
        reconnect: Seconds for which a lost one is tried again.
        window: Shows what is drawn.
        sender: Sends the bones of a person.
        skip_still: As of :meth:`WholeBody.video`.
    """

    start: float = 0.0
    end: float | None = None
    max_seconds: float | None = None
    reconnect: float = 60.0
    window: Window | None = None
    sender: 'VMCSender | None' = None
    skip_still: bool = False

    def open(self, source: str | int) -> video.Video | Stream:
        """
        Raises:
            VideoError: It cannot be opened, or has no such seconds.
        """
        if not video.is_stream(source):
            return video.Video(source, self.start, self.end)
        if self.start or self.end is not None:
            raise video.VideoError(
                f'{video.name_of(source)} is live: give --max-seconds in place of '
                '--start and --end'
            )
        return Stream(source, self.max_seconds, self.reconnect, _say)


def _say(line: str) -> None:
    print(f'rtmw: {line}', file=sys.stderr)


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
        help='image, video, folder of these, glob, webcam number, or address (rtsp, '
        'rtmp, http, srt, udp); or a list of them, one a line: @FILE, or FILE.txt',
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
    parser.add_argument(
        '--draw-boxes', action='store_true', help='draw boxes, with the ids'
    )
    parser.add_argument('--ids', action='store_true', help='draw ids (videos)')
    parser.add_argument(
        '--labels',
        action='store_true',
        help='write the name and the score of each point drawn beside it',
    )
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
        default=MIN_SCORE,
        help=f'least score of a point drawn, 0 to 1 (default: {MIN_SCORE})',
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
        '--skip-still',
        action='store_true',
        help='videos: who stands still keeps its points; not with --mode accurate',
    )
    parser.add_argument(
        '--frames', type=int, metavar='N', help='videos: stop after N frames'
    )
    parser.add_argument(
        '--boxes',
        metavar='FILE',
        help='people, in place of a detector: COCO annotations or results, results of '
        'rtmw infer, or CSV with image, x1, y1, x2, y2[, score][, frame]',
    )
    add_people_flags(parser)
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
        '--max-seconds', type=float, metavar='N', help='webcams and streams: stop after'
    )
    parser.add_argument(
        '--reconnect',
        type=float,
        default=60.0,
        metavar='SECONDS',
        help='webcams and streams: try so long to get a lost one back (default: 60)',
    )
    parser.add_argument(
        '--show',
        action='store_true',
        help='videos, webcams and streams: show them in a window; closing it stops',
    )
    parser.add_argument(
        '--vmc',
        metavar='HOST:PORT',
        help='videos, webcams and streams: send the bones of a person to VTuber and '
        'game engines by the VMC protocol (3D models)',
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
    add_network_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Finds people in all inputs. Returns the exit code."""
    out = None if flags.out == STANDARD else flags.out
    inputs, skipped = find_inputs(flags.inputs, flags.recursive, out)
    for line in skipped:
        print(f'rtmw: {line}', file=sys.stderr)
    sources = [source for source, _ in inputs]
    images = None if any(map(is_video, sources)) else len(sources)
    if flags.boxes and flags.det not in (None, 'none'):
        raise UsageError('--boxes says where people are: leave --det out')
    complete(flags, images)
    if flags.skip_still and flags.mode == 'accurate':
        raise UsageError(
            '--mode accurate predicts everybody in every frame: leave --skip-still '
            'out, or give another --mode'
        )
    if flags.start < 0 or flags.end is not None and flags.end <= flags.start:
        raise UsageError(
            f'--start {flags.start:g} and --end {flags.end} hold no time: give '
            '0 <= start < end, in seconds'
        )
    if flags.boxes and flags.start:
        raise UsageError('--boxes counts frames from the first one: leave --start out')
    check_least(
        flags,
        **dict(stride=1, batch=1, frames=1, threads=0, pose_map_side=64),
        max_people=1,
    )
    camera = check_people(flags)
    boxes = _read_boxes(flags, sources)
    # Before networks are fetched for nothing.
    outputs = _open_outputs(flags, inputs)
    sender = _open_sender(flags.vmc) if flags.vmc else None
    estimator = build_estimator(flags, images, camera)
    for name in ('scene', 'camera', 'person_height', 'vmc'):
        if getattr(flags, name) and not estimator.pose.is_3d:
            raise UsageError(
                f'--{name.replace("_", "-")} is for 3D, but '
                f'{flags.pose or "the default"} is a 2D model: give --pose an RTMW3D'
            )
    settings = {name: getattr(flags, name) for name in SETTINGS}
    outputs.run = Run(networks_of(estimator), settings, camera)
    whole = infer(
        estimator,
        sources,
        outputs,
        flags.stride,
        flags.smooth,
        flags.frames,
        Playback(
            flags.start,
            flags.end,
            flags.max_seconds,
            flags.reconnect,
            Window('rtmw') if flags.show else None,
            sender,
            flags.skip_still,
        ),
        boxes,
    )
    return ExitCode.DONE if whole else ExitCode.PARTLY


def _open_sender(address: str) -> 'VMCSender':
    # It loads SciPy.
    from ..motion.live import VMCSender

    return VMCSender(address)


def _read_boxes(flags: argparse.Namespace, sources: list[str | int]) -> BoxFile | None:
    """The boxes of the inputs, if there is a file of them; a line says which have
    none."""
    if flags.boxes is None:
        return None
    files = [source for source in sources if isinstance(source, str)]
    if len(files) < len(sources):
        raise UsageError('--boxes is of files: leave webcams out')
    boxes = BoxFile(flags.boxes, flags.det_threshold or 0.0)
    if missing := boxes.match(files):
        named = ', '.join(missing[:2]) + (', ...' if len(missing) > 2 else '')
        print(
            f'rtmw: {flags.boxes} has no boxes of {len(missing)} of {len(files)} '
            f'inputs ({named}): nobody is there',
            file=sys.stderr,
        )
    return boxes


def _open_outputs(flags: argparse.Namespace, inputs: list[Input]) -> OutputFolder:
    """The outputs that the flags describe, which replace nothing that must
    stay."""
    standard = flags.out == STANDARD
    drawn = flags.draw_boxes or flags.ids or flags.labels or flags.scene
    if flags.pose_map and drawn:
        raise UsageError(
            '--pose-map draws people alone: leave --draw-boxes, --ids, --labels, '
            '--scene'
        )
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
        boxes=flags.draw_boxes,
        labels=flags.labels,
        scene=flags.scene,
        threshold=flags.threshold,
        ids=flags.ids,
        parts=flags.parts,
        pose_map=flags.pose_map,
        pose_map_side=flags.pose_map_side,
        codec=flags.codec,
    )
    others = (flags.pose, flags.det, flags.second_look, flags.boxes, flags.camera)
    outputs.plan(
        _kinds([source for source, _ in inputs]),
        filter(None, others),
        flags.overwrite,
        [folder for _, folder in inputs],
    )
    return outputs


def _kinds(sources: list[str | int]) -> list[tuple[str | int, bool]]:
    return [(source, is_video(source)) for source in sources]


def infer(
    estimator: WholeBody,
    sources: list[str | int],
    outputs: OutputFolder,
    every: int,
    smooth: bool = False,
    limit: int | None = None,
    playback: Playback = Playback(),
    boxes: BoxFile | None = None,
) -> bool:
    """Estimates and writes. Result files are completed whatever happens.

    Args:
        estimator: Finds the people.
        sources: Files and webcam numbers.
        outputs: Where to write.
        every: As of :meth:`WholeBody.video`.
        smooth: Smooth videos.
        limit: Frames of a video at most.
        playback: Which parts of videos, and how.
        boxes: Of the people in all sources, in place of the detector's.

    Returns:
        Whether every input was there and whole.

    Raises:
        ImageError, VideoError, CameraError, BoxError: The only input cannot be
            read, or the camera or boxes are not of it; of several, it is named and
            skipped.
        OutputError: A picture cannot be written.
    """
    whole = True
    names = iter(outputs.names or outputs.plan(_kinds(sources), overwrite=True))
    results = video.side_by_side(
        lambda source: (
            None if is_video(source) else _image(estimator, str(source), outputs, boxes)
        ),
        sources,
        estimator.pose.network.streams,
    )
    try:
        for source, result in _progress(results, len(sources)):
            name = next(names)
            try:
                if is_video(source):
                    whole &= _video(
                        estimator,
                        source,
                        name,
                        outputs,
                        every,
                        smooth,
                        limit,
                        playback,
                        boxes,
                    )
                    if playback.window is not None and playback.window.closed:
                        break
                elif estimated := result():
                    people, drawn, size = estimated
                    with uninterrupted():
                        outputs.begin(Source(name, source, size=size))
                        outputs.add(name, None, people)
                        outputs.end()
                        if drawn is not None:
                            outputs.write_picture(name, drawn)
            except (ImageError, video.VideoError, CameraError, BoxError) as error:
                if len(sources) == 1:
                    raise
                # These are of one input, but say only what is wrong with it.
                of = f'{source}: ' if isinstance(error, (CameraError, BoxError)) else ''
                print(f'rtmw: skipped: {of}{error}', file=sys.stderr)
                whole = False
    finally:
        with uninterrupted():
            results.close()
            outputs.close()
    return whole


def _image(
    estimator: WholeBody, source: str, outputs: OutputFolder, boxes: BoxFile | None
) -> tuple[People, np.ndarray | None, tuple[int, int]]:
    """The people of an image, its picture if there is to be one, and (w, h)."""
    check_pixels(source, MAX_PIXELS)
    image = read_image(source)
    people = estimator(image, boxes=None if boxes is None else boxes.boxes_of(source))
    drawn = outputs.draw(image, people) if outputs.draws else None
    return people, drawn, image.shape[1::-1]


def _video(
    estimator: WholeBody,
    source: str | int,
    name: str,
    outputs: OutputFolder,
    every: int,
    smooth: bool,
    limit: int | None,
    playback: Playback,
    boxes: BoxFile | None,
) -> bool:
    """Estimates and writes a video. Returns whether it was whole."""
    frames = video.interruptible(lambda: playback.open(source))
    live = isinstance(frames, Stream)
    results = estimator.video(
        frames if limit is None else _first(frames, limit),
        every,
        frames.rate if smooth else None,
        boxes=None
        if boxes is None
        else (boxes.boxes_of(str(source), number) for number in itertools.count()),
        live=live,
        skip_still=playback.skip_still,
    )
    webcam = isinstance(source, int)
    described = Source(
        name,
        source if isinstance(source, int) else without_password(source),
        'webcam' if webcam else 'stream' if live else 'video',
    )
    with _bar(frames.name, limit or frames.count) as bar:

        def each(people: People, time: float, drawn: np.ndarray | None) -> bool:
            if playback.sender is not None:
                playback.sender.send(people, time)
            bar.update()
            if playback.window is None or drawn is None:
                return False
            playback.window.show(drawn)
            return playback.window.closed

        outputs.add_video(
            described,
            frames,
            results,
            None if isinstance(source, int) or live else source,
            draw=playback.window is not None,
            each=each,
        )
    if playback.window is not None and playback.window.closed:
        return True
    if limit is None and (fault := frames.fault):
        print(f'rtmw: {frames.name} {fault}', file=sys.stderr)
        return False
    return True


def _first(frames: video.Video | Stream, limit: int) -> Iterator[np.ndarray]:
    iterator = iter(frames)
    for _, frame in zip(range(limit), iterator):
        yield frame
    iterator.close()


def _progress(items: Iterable[_Item], count: int) -> Iterator[_Item]:
    if count < 2:
        yield from items
        return
    with _bar('images', count) as bar:
        for item in items:
            yield item
            bar.update()


def _bar(text: str, total: int | None) -> 'tqdm':
    # It takes 30 ms; one image needs none.
    from tqdm import tqdm

    quiet = not sys.stderr.isatty()
    return tqdm(desc=text, total=total or None, leave=False, disable=quiet)
