"""``rtmw infer``: inputs of any kind in, pictures and result files out."""

import glob
import os
import signal
import sys
import threading
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..core.errors import RTMWError
from ..core.images import ImageError, list_images, read_image
from ..output.draw2d import draw
from ..output.results import FORMATS
from ..runtime import video

MAX_PIXELS = 100_000_000


class OutputError(RTMWError, ValueError):
    """An output cannot be written; the text names it."""


def find_inputs(texts):
    """Command-line inputs -> files and webcams.

    Args:
        texts (list[str]): Images, videos, folders of images, globs or webcam
            numbers.

    Returns:
        list[str | int]: Paths and webcam numbers.

    Raises:
        ImageError: A folder without images, or a glob without matches.
    """
    found = []
    for text in texts:
        if text.isdigit() and not Path(text).exists():
            found.append(int(text))
        elif Path(text).is_dir():
            found += list_images(text)
        elif glob.has_magic(text) and not Path(text).exists():
            matches = sorted(glob.glob(text, recursive=True))
            if not matches:
                raise ImageError(f'no file matches {text}: check the pattern')
            found += matches
        else:
            found.append(text)
    return found


def is_video(source):
    return isinstance(source, int) or Path(source).suffix.lower() in video.SUFFIXES


def make_folder(folder):
    """Makes a folder for outputs, unless it is there.

    Raises:
        OutputError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f'folder {folder} cannot be made ({error}): choose another --out'
        ) from None
    if not os.access(folder, os.W_OK):
        raise OutputError(f'folder {folder} cannot be written: choose another --out')


class Outputs:
    """Pictures, videos and result files in a folder.

    Args:
        folder (Path): Is made.
        formats (list[str]): Of :data:`rtmw_ext.output.results.FORMATS`.
        draw (bool): Write pictures and videos.
        picture (str): Suffix of pictures.
        boxes (bool): Draw them.
        threshold (float): Least score of a point that is drawn.
        scene (bool): Draw the people in 3D, too, beside each picture; needs
            a 3D model and matplotlib.

    Raises:
        OutputError: The folder cannot be written.
    """

    def __init__(
        self,
        folder,
        formats=('json',),
        *,
        draw=True,
        picture='jpg',
        boxes=False,
        threshold=0.3,
        scene=False,
    ):
        make_folder(folder)
        self.folder, self.picture, self.draws = folder, picture, draw
        self.drawing = dict(boxes=boxes, threshold=threshold)
        self.add_scene = _add_scene() if scene else None
        self.formats = [FORMATS[name](folder) for name in formats]
        self.names = set()

    def name(self, source):
        """What to call the outputs of an input: its stem, made unique."""
        stem = f'webcam{source}' if isinstance(source, int) else Path(source).stem
        name, number = stem, 1
        while name in self.names:
            number += 1
            name = f'{stem}_{number}'
        self.names.add(name)
        return name

    def add(self, name, frame, people):
        for results in self.formats:
            results.add(name, frame, people)

    def draw(self, image, people):
        drawn = draw(image, people, **self.drawing)
        if self.add_scene is None:
            return drawn
        # The scene is drawn in RGB.
        seen = people.scores >= self.drawing['threshold']
        return self.add_scene(drawn[..., ::-1], people.keypoints_3d_cam, seen)[
            ..., ::-1
        ]

    def write_picture(self, name, image):
        path = self.folder / f'{name}.{self.picture}'
        if not cv2.imwrite(str(path), image):
            raise OutputError(
                f'picture {path} cannot be written: check the '
                'folder, its rights and the disk'
            )

    def close(self):
        for results in self.formats:
            results.close()


def _add_scene():
    try:
        from ..output.draw3d import add_scene
    except ImportError:
        raise OutputError(
            '--scene draws with matplotlib: pip install matplotlib'
        ) from None
    return add_scene


def run(estimator, sources, outputs, every, smooth=False, limit=None):
    """Estimates and writes. Result files are completed whatever happens.

    Args:
        estimator (WholeBody): Finds the people.
        sources (list[str | int]): From :func:`find_inputs`.
        outputs (Outputs): Where to write.
        every (int): As of :meth:`WholeBody.video`.
        smooth (bool): Smooth videos.
        limit (int, optional): Frames of a video at most.

    Returns:
        bool: Whether every input was there and whole.

    Raises:
        ImageError, VideoError: The only input cannot be read; of several, it
            is named and skipped.
        OutputError: As of :class:`Outputs`.
    """
    whole = True
    found = video.side_by_side(
        lambda source: None if is_video(source) else _image(estimator, source, outputs),
        sources,
        estimator.pose.network.streams,
    )
    try:
        for source, image in _progress(found, len(sources)):
            try:
                if is_video(source):
                    whole &= _video(estimator, source, outputs, every, smooth, limit)
                else:
                    people, drawn = image()
                    name = outputs.name(source)
                    with _uninterrupted():
                        outputs.add(name, None, people)
                        if drawn is not None:
                            outputs.write_picture(name, drawn)
            except (ImageError, video.VideoError) as error:
                if len(sources) == 1:
                    raise
                print(f'rtmw: skipped: {error}', file=sys.stderr)
                whole = False
    finally:
        with _uninterrupted():
            found.close()
            outputs.close()
    return whole


@contextmanager
def _uninterrupted():
    """Ctrl-C waits for the end of the block: no file is half written, and all
    of them hold the same frames."""
    before = signal.getsignal(signal.SIGINT)
    # The main thread alone may set handlers, and only it is interrupted.
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = []
    signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def _image(estimator, source, outputs):
    """The people of an image, and its picture if there is to be one."""
    _check_size(source)
    image = read_image(source)
    people = estimator(image)
    return people, outputs.draw(image, people) if outputs.draws else None


def _check_size(path):
    """Read and drawn, an image takes 6 bytes a pixel.

    Raises:
        ImageError: It has more than ``MAX_PIXELS``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            with Image.open(path) as image:
                width, height = image.size
    except Image.DecompressionBombError:
        width = height = np.inf
    except OSError:
        return  # read_image says what is wrong with it.
    if width * height > MAX_PIXELS:
        raise ImageError(
            f'image {path} has more than {MAX_PIXELS:,} pixels: scale it down'
        )


def _video(estimator, source, outputs, every, smooth, limit):
    frames = video.Video(source)
    name = outputs.name(source)
    found = estimator.video(
        frames if limit is None else _first(frames, limit),
        every,
        frames.rate if smooth else None,
    )
    number = 0
    with ExitStack() as stack:
        stack.callback(found.close)
        writer = None
        bar = stack.enter_context(_bar(frames.name, limit or frames.count))
        for number, (frame, people) in enumerate(found, 1):
            drawn = outputs.draw(frame, people) if outputs.draws else None
            with _uninterrupted():
                outputs.add(name, number - 1, people)
                if drawn is not None:
                    # An MP4 without a frame cannot be read.
                    if writer is None:
                        writer = stack.enter_context(
                            video.VideoWriter(
                                outputs.folder / f'{name}.mp4',
                                frames.rate,
                                drawn.shape[1::-1],
                            )
                        )
                    writer.write(drawn)
            bar.update()
    if number == 0:
        raise video.VideoError(
            f'{frames.name} holds no frame that can be '
            'read: it is damaged; convert it to MP4'
        )
    if limit is None and frames.ends_early:
        print(
            f'rtmw: {frames.name} ends after {number} of {frames.count} '
            'frames: it is cut off; what there is was done',
            file=sys.stderr,
        )
        return False
    return True


def _first(frames, limit):
    iterator = iter(frames)
    for _, frame in zip(range(limit), iterator):
        yield frame
    iterator.close()


def _progress(items, count):
    with _bar('images', count, hide=count < 2) as bar:
        for item in items:
            yield item
            bar.update()


def _bar(text, total, hide=False):
    from tqdm import tqdm

    return tqdm(
        desc=text,
        total=total or None,
        leave=False,
        disable=hide or not sys.stderr.isatty(),
    )
