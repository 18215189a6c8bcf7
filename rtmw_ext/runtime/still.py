"""People who stand still in a video keep their points.

Shapes: N persons; boxes are (N, 4) x1, y1, x2, y2 in pixels;
frames are (H, W, 3) uint8 BGR.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..core.crops import PADDING
from ..core.geometry import Camera
from ..core.people import Origin, People
from .pose import PoseModel
from .tracking import is_steady

#: (w, h) of the grey picture of a crop: a cell is about as large as a finger.
CELLS = (48, 64)
#: Grey levels by which a cell may change. In H.264 of CRF 18 to 30, noise of 3 levels a
#: pixel changes cells by up to 8; a hand that moves by a pixel, by 11 to 51.
#: (projects/rtmw/people.jpg, people of 127 to 398 px.)
LEAST_CHANGE = 8.0


@dataclass
class Seen:
    """A person in the frame in which its points were computed.

    Attributes:
        box: (4, ) of its crop.
        picture: (h, w) float32 of :func:`grey_picture`.
        person: The person, alone.
    """

    box: np.ndarray
    picture: np.ndarray
    person: People


class StillPeople:
    """Computes the points of those who moved since theirs were computed; the others
    keep theirs, with :attr:`Origin.KEPT`.

    Every frame is compared with that of the last computation, so that a slow
    movement counts, too.

    Args:
        pose: The network.
    """

    def __init__(self, pose: PoseModel) -> None:
        self.pose = pose
        self.seen: list[Seen] = []

    def __call__(
        self,
        frame: np.ndarray,
        boxes: np.ndarray,
        box_scores: np.ndarray,
        camera: Camera | None = None,
    ) -> People:
        """As :class:`PoseModel`, with ``origin``."""
        kept = [self._kept(frame, box) for box in boxes]
        moved = np.array([before is None for before in kept], bool)
        people = self.pose(frame, boxes[moved], box_scores[moved], camera)
        fresh = iter(people)
        self.seen = [
            before or Seen(box, grey_picture(frame, box), next(fresh))
            for before, box in zip(kept, boxes)
        ]
        if not moved.all():
            people = People.concatenate(one.person for one in self.seen)
        origin = np.where(moved, Origin.MEASURED, Origin.KEPT).astype(np.uint8)
        return replace(
            people,
            boxes=boxes,
            box_scores=box_scores,
            origin=np.repeat(origin[:, None], people.scores.shape[1], 1),
        )

    def _kept(self, frame: np.ndarray, box: np.ndarray) -> Seen | None:
        """Who had this box, if its crop still looks the same."""
        for seen in self.seen:
            if is_steady(box[None], seen.box[None]):
                apart = np.abs(grey_picture(frame, seen.box) - seen.picture)
                if apart.max() < LEAST_CHANGE:
                    return seen
        return None


def grey_picture(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The part of a frame that the crop of a box (4, ) shows, in grey and small:
    ``CELLS`` float32 in [0, 255], each the mean of its pixels."""
    height, width = frame.shape[:2]
    middle, reach = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * PADDING / 2
    left, top = np.floor((middle - reach).clip(0, (width - 1, height - 1))).astype(int)
    right, bottom = np.ceil((middle + reach).clip(1, (width, height))).astype(int)
    part = frame[top : max(bottom, top + 1), left : max(right, left + 1)]
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return cv2.resize(grey, CELLS, interpolation=cv2.INTER_AREA)
