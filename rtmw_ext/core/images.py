"""Reading images, with errors that name the file and the fix.

Shapes: H rows, W columns; images are (H, W, 3) uint8 BGR.
"""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .errors import RTMWError

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')


class ImageError(RTMWError, ValueError):
    """An image cannot be used; the text names it and the fix."""


# The last bytes of whole files: JPEG's end of image, PNG's empty IEND chunk.
ENDINGS = {b'\xff\xd8': b'\xff\xd9', b'\x89P': b'IEND\xaeB`\x82'}


def read_image(
    source: str | Path | np.ndarray, flags: int = cv2.IMREAD_COLOR
) -> np.ndarray:
    """Reads an image file, or checks an array, into 8-bit BGR.

    Greyscale, RGBA and 16-bit images are converted; EXIF rotation is applied.

    Args:
        source: A file, or (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8 in
            BGR(A) order or uint16.
        flags: OpenCV's reading mode, for files: a colour mode, with
            ``IMREAD_IGNORE_ORIENTATION`` to leave EXIF rotation out.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        ImageError: The file is missing, empty, cut off or no image; the array
            has another shape or type.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    path = Path(source)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(
            f'image {path} cannot be read ({error.strerror}): check the path'
        ) from None
    if not data:
        raise ImageError(f'image {path} is empty (0 bytes): fetch it again')
    # OpenCV fills a truncated file with grey; Pillow says so, but decodes all
    # of it. A file that ends as its format does is whole.
    ending = ENDINGS.get(data[:2])
    if ending is None or not data.endswith(ending):
        try:
            with Image.open(io.BytesIO(data)) as image:
                image.load()
        except Exception as error:
            raise ImageError(
                f'image {path} cannot be read ({error}): it may be cut off or '
                'not an image; fetch it again'
            ) from None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise ImageError(
            f'image {path} cannot be decoded by OpenCV: it may '
            'be damaged; fetch it again or convert it to JPEG or '
            'PNG'
        )
    return pixels


def _from_array(array: np.ndarray) -> np.ndarray:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or not array.size:
        raise ImageError(
            f'image array of shape {array.shape} is not (H, W), '
            '(H, W, 1), (H, W, 3) or (H, W, 4)'
        )
    if array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    if array.dtype != np.uint8:
        raise ImageError(
            f'image array of type {array.dtype} is not uint8 or '
            'uint16: scale it to 0..255 and convert it'
        )
    if channels == 1:
        return cv2.cvtColor(array.reshape(array.shape[:2]), cv2.COLOR_GRAY2BGR)
    if channels == 4:
        return cv2.cvtColor(array, cv2.COLOR_BGRA2BGR)
    return array


def list_images(folder: str | Path) -> list[str]:
    """The image files of a folder, sorted by name.

    Raises:
        ImageError: There is none.
    """
    paths = sorted(
        path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES
    )
    if not paths:
        raise ImageError(
            f'folder {folder} holds no image: it needs files '
            f'ending in {", ".join(SUFFIXES)}'
        )
    return [str(path) for path in paths]
