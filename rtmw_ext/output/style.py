"""Colours and widths of skeletons in pictures and scenes.

Shapes: K keypoints.
"""

from functools import cache
from typing import NamedTuple

from ..core.skeleton import NOSE, NUM_KEYPOINTS, PARTS, Link, links_of

#: Colours of the person's left, right and middle, by part. They are read on
#: dark and on light pictures; left ones are warm, right ones cold.
LEFT, RIGHT, MIDDLE = '#fd7e14', '#228be6', '#40c057'
LEFT_HAND, RIGHT_HAND = '#f59f00', '#15aabf'
FACE = '#9775fa'
#: Of boxes and labels, by id.
PALETTE = (
    '#12b886',
    '#e64980',
    '#4263eb',
    '#f08c00',
    '#ae3ec9',
    '#66a80f',
    '#1098ad',
    '#e03131',
)
#: Parts of people that can be shown, and their names in the skeleton.
SHOWN = {
    'body': ('body',),
    'face': ('face',),
    'hands': ('left_hand', 'right_hand'),
    'feet': ('feet',),
}
#: Points of bodies on neither side: the nose, and Halpe's head, neck and hip.
MIDDLES = (NOSE, 17, 18, 19)
#: Parts with lines of full width; others are finer.
THICK = ('body', 'feet')
FINE = 0.4


class Style(NamedTuple):
    """How a link is drawn.

    Attributes:
        link: Two points.
        part: Of the skeleton.
        color: ``#rrggbb``.
        width: 1 for the body.
    """

    link: Link
    part: str
    color: str
    width: float


def _color(part: str, link: Link) -> str:
    if part == 'face':
        return FACE
    if part.endswith('hand'):
        return LEFT_HAND if part == 'left_hand' else RIGHT_HAND
    if part == 'feet':
        return LEFT if link[0] == 15 else RIGHT
    # In the body, odd points are left ones.
    sides = {point % 2 for point in link if point not in MIDDLES}
    return (RIGHT, LEFT)[sides.pop()] if len(sides) == 1 else MIDDLE


@cache
def style_of(count: int) -> tuple[Style, ...]:
    """Links of people with so many points, as of
    :func:`rtmw_ext.core.skeleton.links_of`."""
    return tuple(
        Style(link, part, _color(part, link), 1.0 if part in THICK else FINE)
        for part, links in links_of(count).items()
        for link in links
    )


#: Of the 133 points.
STYLE = style_of(NUM_KEYPOINTS)


def shown_points(parts: tuple[str, ...]) -> list[int]:
    """Numbers of the points, of the 133, of parts of :data:`SHOWN`."""
    return [point for part in parts for name in SHOWN[part] for point in PARTS[name]]


def rgb(color: str) -> tuple[int, int, int]:
    """``#rrggbb`` as numbers."""
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue


def bgr(color: str) -> tuple[int, int, int]:
    """``#rrggbb`` as numbers in OpenCV's order."""
    red, green, blue = rgb(color)
    return blue, green, red
