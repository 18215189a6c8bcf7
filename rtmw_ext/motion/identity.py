"""Who is who in a clip, and whose motion is wanted.

Shapes: T frames of a track; boxes are x1, y1, x2, y2 in pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ..output import Frame
from ..runtime.identity import MEMORY, Identities, duplicates, iou
from ..runtime.video import DEFAULT_RATE
from .track import Motion, MotionError, Track

#: Orders of :func:`choose`.
ORDERS = ('largest', 'central')


def identify(
    frames: Iterable[Frame], *, rate: float = DEFAULT_RATE, memory: float = MEMORY
) -> list[Frame]:
    """Gives the people of a clip ids, as `rtmw infer` does, such as those of results
    that have none; whoever is there twice in a frame is dropped.

    Args:
        frames: Of one clip, in order.
        rate: Frames a second where they have no times, > 0.
        memory: Seconds for which those who are not found are remembered, > 0.

    Raises:
        MotionError: One is an image, or times do not increase.
    """
    identities = Identities(memory)
    named: list[Frame] = []
    last = -np.inf
    for frame in frames:
        if frame.frame is None:
            raise MotionError(
                f'{frame.source} is an image, without a number of a frame: give frames '
                'of a video'
            )
        time = frame.frame / rate if frame.time is None else frame.time
        if not time > last:
            raise MotionError(
                f'frame {frame.frame} is at {time:g} s, not after {last:g} s: give '
                'frames in order'
            )
        last = time
        people = frame.people[~duplicates(frame.people)]
        people.ids = identities(people, time)
        named.append(replace(frame, people=people))
    return named


def choose(
    motion: Motion,
    count: int | None = None,
    order: str = 'largest',
    *,
    ids: Sequence[int] | None = None,
    box: ArrayLike | None = None,
    frame: int | None = None,
) -> Motion:
    """The same clip with some of its people.

    Args:
        motion: All of them.
        count: How many at most, >= 1. None: all.
        order: Who comes first: ``largest``, by the sum of the areas of its boxes over
            the clip; ``central``, by how near the image's middle they are, summed up
            likewise.
        ids: Only these.
        box: (4, ) Only who is in it in ``frame``: whose box overlaps it most.
        frame: Number of the frame of ``box``. None: the first of the clip.

    Raises:
        MotionError: There is no such person, order or frame, ``count`` is less than
            1, or the size of the clip is needed and not known.
    """
    tracks = list(motion.tracks)
    if ids is not None:
        known = {track.id for track in tracks}
        if missing := sorted({*ids} - known):
            raise MotionError(
                f'there is no person {missing[0]}: there are '
                f'{", ".join(map(str, sorted(known))) or "none"}'
            )
        tracks = [track for track in tracks if track.id in ids]
    if box is not None:
        tracks = [_in_box(motion, np.asarray(box, float), frame)]
    if count is not None:
        if count < 1:
            raise MotionError(f'count={count} must be 1 or more')
        if order not in ORDERS:
            raise MotionError(f'order={order!r}: use one of {", ".join(ORDERS)}')
        weights = [_weight(motion, track.boxes, order) for track in tracks]
        first = np.argsort(-np.array(weights), kind='stable')[:count]
        tracks = [tracks[number] for number in sorted(first)]
    return motion.with_tracks(tracks)


def _weight(motion: Motion, boxes: np.ndarray, order: str) -> float:
    sides = boxes[:, 2:] - boxes[:, :2]
    if order == 'largest':
        return float(np.nansum(sides.prod(1)))
    if motion.size is None:
        raise MotionError('the size of the clip is not known: choose the largest')
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = np.abs(middle / np.array(motion.size) - 0.5).max(1)
    return float(np.nansum(1 - away))


def _in_box(motion: Motion, box: np.ndarray, frame: int | None) -> Track:
    if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
        raise MotionError(f'box is {box.tolist()}, not x1, y1, x2, y2 with x1 < x2')
    number = int(motion.frames[0]) if frame is None else frame
    best, most = None, 0.0
    for track in motion.tracks:
        place = number - int(track.frames[0])
        if 0 <= place < len(track) and track.there[place]:
            overlap = iou(box[None], track.boxes[place : place + 1])[0, 0]
            if overlap > most:
                best, most = track, overlap
    if best is None:
        raise MotionError(
            f'nobody is in box {box.tolist()} in frame {number}: give another box'
        )
    return best
