"""Reading images, with errors that name the file and the fix.

Shapes: H rows, W columns; images are (H, W, 3) uint8 BGR.

A file is what its first bytes say, whatever its name is. HEIC needs pillow-heif, AVIF
a Pillow with AVIF; both are the extra ``heic``.

Values of 16 bits are read in the range that they use: cameras for depth, infrared
and X-rays store 10, 12 or 14 bits in files of 16. The range is what the file says
(``sBIT`` of PNG, ``MaxSampleValue`` and ``BitsPerSample`` of TIFF), if all values
are in it. Else it is the smallest of ``DEPTHS`` that holds the highest value.
"""

import io
import struct
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, features

from .errors import RTMWError

SUFFIXES = (
    *('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff'),
    *('.heic', '.heif', '.hif', '.avif'),
)
#: Bytes that are enough to know a file by, and how those of images begin.
HEAD = 64
SIGNATURES = (
    b'\xff\xd8\xff',  # JPEG
    b'\x89PNG\r\n\x1a\n',
    b'GIF8',
    *(b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'),  # TIFF
    *(b'\0\0\0\x0cjP  ', b'\xff\x4f\xff\x51'),  # JPEG 2000
)
#: Brands of HEIF files (ISO/IEC 23008-12, and AV1 Image File Format).
AVIF_BRANDS = {b'avif', b'avis'}
HEIF_BRANDS = {
    *(b'heic', b'heix', b'hevc', b'hevx', b'heim', b'heis', b'hevm', b'hevs'),
    *(b'mif1', b'msf1'),
}
EXTRA = "pip install 'rtmw_ext[heic]'"
#: Bits that values of 16-bit files may have.
DEPTHS = (8, 10, 12, 14)
#: Version numbers of TIFFs of more than 4 GB, and the tag of the highest value.
BIG_TIFF, MAX_SAMPLE_VALUE = (b'+\0', b'\0+'), 281
# The last bytes of whole files: JPEG's end of image, PNG's empty IEND chunk.
ENDINGS = {b'\xff\xd8': b'\xff\xd9', b'\x89P': b'IEND\xaeB`\x82'}

#: What :func:`read_image` takes: a file, its content, or pixels.
ImageSource = str | Path | bytes | np.ndarray


class ImageError(RTMWError, ValueError):
    """An image cannot be used; the text names it and the fix."""


class ImageTooLarge(ImageError):
    """An image has more pixels than are read."""


def _name_of(source: str | Path | bytes, name: str | None) -> str:
    """What messages call an image: ``name``, unless it is None."""
    if name is not None:
        return name
    return 'the image' if isinstance(source, bytes) else f'image {source}'


def _heif_brands(head: bytes) -> set[bytes]:
    """Brands of the file that begins so; none if it is no HEIC and no AVIF."""
    if head[4:8] != b'ftyp':
        return set()
    length = min(struct.unpack('>I', head[:4])[0], len(head))
    # Behind the first is its version.
    starts = (8, *range(16, length - 3, 4))
    brands = {head[start : start + 4] for start in starts}
    return brands if brands & (AVIF_BRANDS | HEIF_BRANDS) else set()


def is_image(path: str | Path) -> bool:
    """Whether a file has the suffix of an image, or begins as one does."""
    path = Path(path)
    if path.suffix.lower() in SUFFIXES:
        return path.is_file()
    try:
        with path.open('rb') as file:
            head = file.read(HEAD)
    except OSError:
        return False
    return (
        head.startswith(SIGNATURES)
        or (head.startswith(b'RIFF') and head[8:12] == b'WEBP')
        # Two bytes alone would be those of texts, too.
        or (head.startswith(b'BM') and head[6:10] == bytes(4))
        or bool(_heif_brands(head))
    )


def open_image(source: str | Path | bytes, name: str | None = None) -> Image.Image:
    """Opens an image by Pillow or, if it is HEIC, by pillow-heif, which is not
    registered in Pillow.

    Args:
        source: The file, of which what is needed is read, or its content.
        name: What messages call it; None calls it by its file.

    Returns:
        An image whose pixels are not decoded yet.

    Raises:
        ImageError: It is HEIC or AVIF, and what reads these is not installed.
        OSError, Image.DecompressionBombError: As of ``Image.open``.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    if isinstance(source, bytes):
        head = source[:HEAD]
    else:
        with Path(source).open('rb') as opened:
            head = opened.read(HEAD)
    brands = _heif_brands(head)
    if brands & AVIF_BRANDS and not features.check('avif'):
        raise ImageError(
            f'{_name_of(source, name)} is AVIF, which this Pillow does not read: '
            f'{EXTRA}, or convert it to PNG'
        )
    if brands and not brands & AVIF_BRANDS:
        try:
            from pillow_heif import HeifImageFile
        except ImportError:
            raise ImageError(
                f'{_name_of(source, name)} is HEIC, which needs pillow-heif: {EXTRA}, '
                'or convert it to JPEG'
            ) from None
        return HeifImageFile(file)
    return Image.open(file)


def check_pixels(
    source: str | Path | bytes, most: int, name: str | None = None
) -> bool:
    """Checks an image's size before it is decoded.

    Args:
        source: The file, of which what is needed is read, or its content.
        most: Its pixels at most.
        name: What messages call it; None calls it by its file.

    Returns:
        Whether its size is known; else :func:`read_image` says what is wrong, or
        OpenCV knows it.

    Raises:
        ImageTooLarge: It has more pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            with open_image(source) as image:
                width, height = image.size
    except Image.DecompressionBombError:
        width = height = most
    except (OSError, ImageError):
        return False
    if width * height > most:
        raise ImageTooLarge(
            f'{_name_of(source, name)} has more than {most:,} pixels: scale it down'
        )
    return True


def read_image(
    source: ImageSource, flags: int = cv2.IMREAD_COLOR, name: str | None = None
) -> np.ndarray:
    """Reads an image file, or checks an array, into 8-bit BGR.

    Greyscale, RGBA and 16-bit images are converted, the latter from the range of
    their values; rotation is applied as EXIF says, in HEIC and AVIF as their
    transforms say, whatever EXIF does (ISO/IEC 23008-12).

    Args:
        source: A file, its content, or (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
            of uint8 in BGR(A) order, or of uint16 in their range.
        flags: OpenCV's reading mode, for files: a colour mode, with
            ``IMREAD_IGNORE_ORIENTATION`` to leave EXIF rotation out. HEIC and
            AVIF are always upright.
        name: What messages call a file or its content; None calls it by its file.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        ImageError: The file is missing, empty, cut off or no image, or needs a
            package; the array has another shape or type.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    called = _name_of(source, name)
    if isinstance(source, bytes):
        data = source
    else:
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise ImageError(
                f'{called} cannot be read ({error.strerror}): check the path'
            ) from None
    if not data:
        raise ImageError(f'{called} is empty (0 bytes): fetch it again')
    # OpenCV fills a truncated file with grey; Pillow says so, but decodes all
    # of it. A file that ends as its format does is whole.
    ending = ENDINGS.get(data[:2])
    if ending is None or not data.endswith(ending):
        heif = bool(_heif_brands(data[:HEAD]))
        try:
            with open_image(data, called) as image:
                image.load()
                if heif:
                    data = _as_bmp(image)
        except ImageError:
            raise
        except Exception as error:
            unknown = isinstance(error, Image.UnidentifiedImageError)
            # OpenCV knows some that Pillow does not, and says so if not.
            if heif or not unknown:
                raise ImageError(
                    f'{called} cannot be read '
                    f'({"damaged HEIC or AVIF" if unknown else error}): it may be cut '
                    'off or not an image; fetch it again'
                ) from None
    pixels = _decode(data, flags | cv2.IMREAD_ANYDEPTH)
    if pixels is not None and pixels.dtype in (np.uint16, np.int16):
        return _to_8_bits(pixels, _stated_depth(data))
    if pixels is not None and pixels.dtype != np.uint8:
        pixels = _decode(data, flags)
    if pixels is None:
        raise ImageError(
            f'{called} cannot be decoded: it may be damaged, or no image; '
            'fetch it again or convert it to JPEG or PNG'
        )
    return pixels


def _as_bmp(image: Image.Image) -> bytes:
    """The upright image in a form that OpenCV decodes by any mode."""
    pixels = np.asarray(ImageOps.exif_transpose(image).convert('RGB'))
    return cv2.imencode('.bmp', pixels[..., ::-1])[1].tobytes()


def _decode(data: bytes, flags: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None


def _to_8_bits(pixels: np.ndarray, stated: int | None = None) -> np.ndarray:
    """
    Args:
        pixels: uint16 or int16, not empty; values below 0 become 0.
        stated: Bits that the values are said to have.

    Returns:
        uint8 of the same shape.
    """
    needed = int(pixels.max()).bit_length()
    container = np.iinfo(pixels.dtype).max.bit_length()
    depths = [stated] if stated else DEPTHS
    depth = next((bits for bits in depths if needed <= bits), container)
    return (pixels.clip(0) >> max(depth - 8, 0)).astype(np.uint8)


def _stated_depth(data: bytes) -> int | None:
    """Bits of the decoded values of a 16-bit file, if it says that."""
    if data.startswith(b'\x89PNG'):
        return _png_depth(data)
    if data.startswith((b'II', b'MM')):
        return _tiff_depth(data)
    return None


def _png_depth(data: bytes) -> int | None:
    """Of the chunk sBIT, which precedes the pixels (PNG specification, 11.3.2.7)."""
    place = 8
    while place + 8 <= len(data):
        length, kind = struct.unpack_from('>I4s', data, place)
        if kind == b'sBIT':
            bits = data[place + 8 : place + 8 + length]
            # Of grey or of three colours; alpha, the second or fourth, is not read.
            return max(bits[: 3 if length > 2 else 1], default=0) or None
        if kind == b'IDAT':
            break
        place += length + 12
    return None


def _tiff_depth(data: bytes) -> int | None:
    """Of the tags MaxSampleValue and BitsPerSample (TIFF 6.0)."""
    from PIL.TiffImagePlugin import BITSPERSAMPLE, ImageFileDirectory_v2

    try:
        # Pillow reads the tags of files whose pixels it does not know, too.
        tags = ImageFileDirectory_v2(data[:16] if data[2:4] in BIG_TIFF else data[:8])
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        if max(tags.get(BITSPERSAMPLE, (16,))) < 16:
            return 16  # OpenCV spreads packed values over all bits.
        highest = max(tags.get(MAX_SAMPLE_VALUE, (0,)))
    except Exception:
        return None
    return int(highest).bit_length() or None


def _from_array(array: np.ndarray) -> np.ndarray:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or not array.size:
        raise ImageError(
            f'image array of shape {array.shape} is not (H, W), '
            '(H, W, 1), (H, W, 3) or (H, W, 4)'
        )
    if channels == 4:
        # Before its range is measured.
        array = np.ascontiguousarray(array[..., :3])
    if array.dtype == np.uint16:
        array = _to_8_bits(array)
    if array.dtype != np.uint8:
        raise ImageError(
            f'image array of type {array.dtype} is not uint8 or '
            'uint16: scale it to 0..255 and convert it'
        )
    if channels == 1:
        return cv2.cvtColor(array.reshape(array.shape[:2]), cv2.COLOR_GRAY2BGR)
    return array


def list_images(folder: str | Path) -> list[str]:
    """The image files of a folder, sorted by name.

    Raises:
        ImageError: There is none, or it is no folder.
    """
    try:
        paths = sorted(filter(is_image, Path(folder).iterdir()))
    except OSError as error:
        raise ImageError(
            f'folder {folder} cannot be read ({error.strerror}): give a folder of '
            'images'
        ) from None
    if not paths:
        raise ImageError(
            f'folder {folder} holds no image: it needs files such as '
            f'{", ".join(SUFFIXES)}'
        )
    return [str(path) for path in paths]
