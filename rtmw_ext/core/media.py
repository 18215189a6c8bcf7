"""Media files, by their content: what is a video, and opening it with PyAV.

PyAV is loaded when it is needed. ``ImportError`` says that it is absent.
"""

import functools
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from .errors import VideoError

#: What names of videos end in; it counts where the content says nothing.
SUFFIXES = (
    '.3g2 .3gp .asf .avi .dv .flv .gif .m2ts .m4v .mjpeg .mjpg .mkv .mov .mp4 .mpeg '
    '.mpg .mts .mxf .nut .ogg .ogv .rm .ts .vob .webm .wmv'
).split()
#: First bytes of images of which a file holds one.
STILLS = (b'\xff\xd8\xff', b'BM', b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
#: First bytes of those that may be animated.
ANIMATED = (b'GIF8', b'\x89PNG', b'RIFF')
ANIMATED_FORMATS = ('GIF', 'PNG', 'WEBP')
#: Brands of HEIF files of one image (ISO/IEC 23008-12).
IMAGE_BRANDS = {b'heic', b'heix', b'heim', b'heis', b'mif1', b'avif'}
#: FFmpeg's names of formats of images, and of text that it draws.
STILL_FORMATS = ('image2', 'tty', 'ico')
#: Schemes of addresses that may be those of files.
FILE_SCHEMES = ('http', 'https', 'ftp', 'hls')
#: Seconds until a server must have answered, and until more must come.
TIMEOUTS = (5.0, 10.0)
#: Of FFmpeg, for live sources: a second and a few frames tell what they are; packets
#: of MPEG-TS have no length, and whole ones would end where the next begins; of HLS,
#: the newest segment comes first.
LIVE_OPTIONS = dict(
    analyzeduration='1000000',
    fpsprobesize='8',
    max_packet_size='184',
    live_start_index='-1',
)
MOTION_JPEG = ('.mjpeg', '.mjpg')


def is_video(source: str | Path | int) -> bool:
    """Whether a source has frames: a webcam's number, or a video or animation by
    its content; by its suffix where it has none."""
    if isinstance(source, int):
        return True
    found = holds_video(source)
    return Path(source).suffix.lower() in SUFFIXES if found is None else found


def holds_video(path: str | Path) -> bool | None:
    """Whether a file is a video or an animation; None where its content says
    nothing, or cannot be read."""
    if is_address(path) or is_device(path):
        return True
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return _holds_video(str(path), status.st_size, status.st_mtime_ns)


@functools.lru_cache(1 << 16)
def _holds_video(path: str, size: int, modified: int) -> bool | None:
    """The further arguments tell versions of a file apart."""
    if not Path(path).is_file():
        return None
    try:
        with open(path, 'rb') as file:
            head = file.read(16)
    except OSError:
        return None
    if head[8:12] in IMAGE_BRANDS and head[4:8] == b'ftyp':
        return False
    # Else a film of JPEGs is like a JPEG with more behind it, as cameras write.
    if head.startswith(STILLS) and not path.lower().endswith(MOTION_JPEG):
        return False
    if head.startswith(ANIMATED) and head[8:12] != b'AVI ':
        return is_animated(path)
    try:
        return format_name(path) is not None
    except ImportError:
        return _opencv_opens(path) or None
    except VideoError:
        return None


def is_animated(path: str | Path) -> bool | None:
    """Whether a file is an image with several frames; None if it is no image that
    may have them, or cannot be read."""
    try:
        with Image.open(path, formats=ANIMATED_FORMATS) as image:
            return bool(getattr(image, 'is_animated', False))
    except Exception:  # Pillow raises any for what is damaged.
        return None


def _opencv_opens(path: str) -> bool:
    import cv2

    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    try:
        return capture.isOpened()
    finally:
        capture.release()


def format_name(path: str | Path) -> str | None:
    """FFmpeg's name of the format of a video file, by its content alone; None of an
    image.

    Raises:
        VideoError: It is no video that FFmpeg knows.
        ImportError: PyAV is absent.
    """
    import av

    with open(path, 'rb') as file:
        try:
            with av.open(_Nameless(file), metadata_errors='replace') as container:
                name = container.format.name.split(',')[0]
                if _is_still(name):
                    return None
                video_stream(container, path)
                return name
        except av.FFmpegError as error:
            raise _no_video(path, error.strerror) from None


def _is_still(name: str) -> bool:
    """Whether a format is that of images."""
    return name.startswith(STILL_FORMATS) or '_pipe' in name


class _Nameless:
    """A file without a name: FFmpeg would judge by its suffix, too."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.read: Callable[..., bytes] = file.read
        self.seek: Callable[..., int] = file.seek
        self.tell: Callable[..., int] = file.tell


def is_address(source: str | Path | int) -> bool:
    """Whether a source is an address, such as ``rtsp://camera/stream``."""
    return isinstance(source, str) and bool(re.match(r'[a-z][a-z0-9+.]+://', source))


def is_device(source: str | Path | int) -> bool:
    """Whether a source is a file of a camera, as Linux has them."""
    return str(source).startswith('/dev/video')


def is_live(source: str | Path | int) -> bool:
    """Whether a source goes on while nobody looks: a webcam, or an address that is
    live by its kind. Those of HTTP may be either."""
    if isinstance(source, int) or is_device(source):
        return True
    return is_address(source) and str(source).split(':')[0] not in FILE_SCHEMES


def without_password(address: str) -> str:
    """An address without what its owner keeps secret."""
    return re.sub(r'//[^/@]*@', '//', address)


def has_length(address: str) -> bool:
    """Whether what an address of HTTP gives has an end.

    Raises:
        VideoError: It cannot be opened.
        ImportError: PyAV is absent.
    """
    with open_video(address) as container:
        return bool(container.duration) or _is_still(container.format.name)


def open_address(address: str, live: bool = False) -> Any:
    """Opens an address as an ``av.container.InputContainer``.

    Args:
        address: Of a file or a stream.
        live: It goes on while nobody looks.

    Raises:
        VideoError: It cannot be opened, or has no pictures.
        ImportError: PyAV is absent.
    """
    import av

    scheme = address.split(':')[0]
    options = LIVE_OPTIONS.copy() if live else {}
    if scheme in ('rtsp', 'rtsps'):
        # UDP loses packets, and many networks do not pass it.
        options['rtsp_transport'] = 'tcp'
    try:
        return av.open(
            address, options=options, timeout=TIMEOUTS, metadata_errors='replace'
        )
    except av.ProtocolNotFoundError:
        raise VideoError(
            f'{without_password(address)} cannot be opened: the FFmpeg of this PyAV '
            f'knows no {scheme}; have another program pass it on, such as '
            f'`ffmpeg -i {scheme}://... -c copy -f mpegts udp://127.0.0.1:5000`'
        ) from None
    except (av.FFmpegError, OSError) as error:
        raise VideoError(
            f'{without_password(address)} cannot be opened '
            f'({error.strerror or error}): check the address, and that it is on'
        ) from None


def open_video(path: str | Path, live: bool = False) -> Any:
    """Opens a video file or an address as an ``av.container.InputContainer``.

    Args:
        path: A file or an address.
        live: As of :func:`open_address`.

    Raises:
        VideoError: It is no video that FFmpeg knows.
        ImportError: PyAV is absent.
    """
    if is_address(path):
        return open_address(str(path), live)
    import av

    name = format_name(path)
    if name is None:
        raise _no_video(path, 'an image')
    try:
        # Without "file:", FFmpeg takes some names for addresses.
        return av.open(f'file:{path}', format=name, metadata_errors='replace')
    except av.FFmpegError as error:
        raise _no_video(path, error.strerror) from None


def video_stream(container: Any, name: str | Path) -> Any:
    """The video stream of a container that players show.

    Raises:
        VideoError: There is none; covers of music do not count.
    """
    from av.stream import Disposition

    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        raise _no_video(name, 'it has no pictures')
    best = container.streams.best('video')
    stream = best if best in streams else streams[0]
    if stream.codec_context is None:
        raise VideoError(
            f'{without_password(str(name))} has a video codec that PyAV does not '
            'know: convert it to MP4'
        )
    return stream


def _no_video(name: str | Path, why: str | None) -> VideoError:
    return VideoError(
        f'{without_password(str(name))} cannot be opened ({why}): it is damaged or no '
        'video; convert it to MP4'
    )


def first_second(stream: Any) -> float | None:
    """The time of a stream's first frame on its own clock; None if it does not
    say."""
    if stream.start_time is None:
        return None
    return float(stream.start_time * stream.time_base)
