"""Text of any script on pictures.

Shapes: pictures are (H, W, 3) uint8.
"""

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..core.errors import UsageError

#: Fonts of many scripts that systems have; the first that is there is taken.
FONTS = ('DejaVuSans.ttf', 'NotoSans-Regular.ttf', 'Arial Unicode.ttf', 'arial.ttf')
#: Where matplotlib, if it is there, keeps the first.
MATPLOTLIB = 'mpl-data/fonts/ttf/DejaVuSans.ttf'
#: Share of a label's background that its colour covers.
COVER = 0.85


@lru_cache(64)
def load_font(size: int, path: str | None = None) -> ImageFont.FreeTypeFont:
    """A font.

    Args:
        size: In pixels.
        path: A TrueType or OpenType file; None takes a system's, else Pillow's.

    Raises:
        UsageError: The file cannot be read.
    """
    if path is not None:
        try:
            return ImageFont.truetype(path, size)
        except OSError as error:
            raise UsageError(
                f'font {path} cannot be read ({error}): give a TrueType or OpenType '
                'file'
            ) from None
    for name in _candidates():
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    default = ImageFont.load_default(size)
    assert isinstance(default, ImageFont.FreeTypeFont)
    return default


@cache
def _candidates() -> tuple[str, ...]:
    # Without importing matplotlib, which takes long.
    package = find_spec('matplotlib')
    places = package.submodule_search_locations if package else None
    return (*FONTS, *(str(Path(place) / MATPLOTLIB) for place in places or ()))


@lru_cache(512)
def text_mask(text: str, size: int, font: str | None = None) -> np.ndarray:
    """(h, w) uint8, how far each pixel is covered by a line of text, with a
    margin. It must not be changed.

    Args:
        text: Line breaks count as spaces.
        size: Of the font in pixels.
        font: As of :func:`load_font`.
    """
    loaded = load_font(size, font)
    text = ' '.join(text.split())
    margin = max(1, size // 4)
    width = int(np.ceil(loaded.getlength(text))) + 2 * margin
    height = sum(loaded.getmetrics()) + margin
    canvas = Image.new('L', (width, height))
    ImageDraw.Draw(canvas).text((margin, margin // 2), text, 255, font=loaded)
    return np.asarray(canvas)


def draw_text(
    picture: np.ndarray,
    text: str,
    corner: tuple[float, float],
    color: tuple[int, int, int],
    size: int,
    background: tuple[int, int, int] | None = None,
    font: str | None = None,
) -> None:
    """Draws a line of text, moved into the picture where it would stand outside.

    Args:
        picture: (H, W, 3); it is changed.
        text: Of any script that the font has.
        corner: x, y of its lower left corner in pixels.
        color: Of the text, in the picture's order.
        size: Of the font in pixels.
        background: Of a label behind the text; None draws the text alone.
        font: As of :func:`load_font`.
    """
    mask = text_mask(text, size, font)
    mask = mask[: picture.shape[0], : picture.shape[1]]
    height, width = mask.shape
    x, y = (
        int(np.clip(place, 0, side - length))
        for place, side, length in (
            (corner[0], picture.shape[1], width),
            (corner[1] - height, picture.shape[0], height),
        )
    )
    place = picture[y : y + height, x : x + width]
    below = place.astype(np.float32)
    if background is not None:
        below += COVER * (np.array(background, np.float32) - below)
    below += (mask[..., None] / np.float32(255)) * (np.array(color, np.float32) - below)
    place[:] = below.round()
