"""``rtmw infer``: inputs of any kind in, pictures and result files out."""

import glob
import signal
import sys
import threading
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from ..core.images import ImageError, list_images, read_image
from ..runtime import video

MAX_PIXELS = 100_000_000


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


def run(estimator, sources, outputs, every, smooth=False, limit=None):
    """Estimates and writes. Result files are completed whatever happens.

    Args:
        estimator (WholeBody): Finds the people.
        sources (list[str | int]): From :func:`find_inputs`.
        outputs (rtmw_ext.output.folder.OutputFolder): Where to write.
        every (int): As of :meth:`WholeBody.video`.
        smooth (bool): Smooth videos.
        limit (int, optional): Frames of a video at most.

    Returns:
        bool: Whether every input was there and whole.

    Raises:
        ImageError, VideoError: The only input cannot be read; of several, it
            is named and skipped.
        OutputError: A picture cannot be written.
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
                    name = outputs.unique_name(source)
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
    name = outputs.unique_name(source)
    found = estimator.video(
        frames if limit is None else _first(frames, limit),
        every,
        frames.rate if smooth else None,
    )
    number = 0
    with ExitStack() as stack:
        stack.callback(found.close)
        writer = stack.enter_context(outputs.video_writer(name, frames.rate))
        bar = stack.enter_context(_bar(frames.name, limit or frames.count))
        for number, (frame, people) in enumerate(found, 1):
            drawn = outputs.draw(frame, people) if outputs.draws else None
            with _uninterrupted():
                outputs.add(name, number - 1, people)
                if drawn is not None:
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
