"""How far points lie from those of partly labelled photos.

Shapes: N persons, K = 133 points.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np

from ..core.skeleton import PARTS
from ..datasets.wholebody import WholeBodyDataset

#: Outer eye corners of the face's 68 points.
EYE_CORNERS = (59, 68)
HANDS = ('left_hand', 'right_hand')
#: Big toes and heels: photos' small toes are not labelled.
FEET = (17, 19, 20, 22)
#: What counts as right for a score: share of the person's box (body) or of
#: the part (face, hands).
RIGHT = dict(body=0.1, face=0.05, hand=0.05)


@dataclass
class PhotoSet:
    """Annotated persons of a folder of photos.

    Attributes:
        paths (list[Path]): The photo of each person.
        boxes (ndarray): (N, 4) x1, y1, x2, y2 in pixels.
        points (ndarray): (N, K, 2) in pixels.
        known (ndarray): (N, K) bool, which are labelled.
    """

    paths: list
    boxes: np.ndarray
    points: np.ndarray
    known: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)


def read_set(annotations: 'str | Path', images: 'str | Path') -> PhotoSet:
    """The persons of a file in COCO-WholeBody's format.

    Args:
        annotations: The file.
        images: The folder of its images.

    Raises:
        AnnotationError: A row cannot be used, or there is nobody.
    """
    dataset = WholeBodyDataset(
        str(annotations),
        data_prefix=dict(img=str(images)),
        test_mode=True,
        lazy_init=True,
    )
    rows = list(dataset.samples())
    boxes = np.array([row['raw_ann_info']['bbox'] for row in rows]).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return PhotoSet(
        [Path(row['img_path']) for row in rows],
        boxes,
        np.concatenate([row['keypoints'] for row in rows]),
        np.concatenate([row['keypoints_visible'] for row in rows]) > 0,
    )


def errors_of(truth: PhotoSet, points: np.ndarray) -> np.ndarray:
    """(N, K) distances in pixels, NaN where nothing is labelled."""
    far = np.linalg.norm(points - truth.points, axis=-1)
    return np.where(truth.known, far, np.nan)


def within(truth: PhotoSet, points: np.ndarray, chosen, limit: float) -> float:
    """Share of the chosen points that lie within ``limit`` longer sides of the
    person's box; NaN where none is labelled."""
    side = (truth.boxes[:, 2:] - truth.boxes[:, :2]).max(1, keepdims=True)
    far = (errors_of(truth, points) / side)[:, list(chosen)]
    far = far[np.isfinite(far)]
    return float((far <= limit).mean()) if len(far) else np.nan


def face_error(
    truth: PhotoSet, points: np.ndarray, found: Optional[np.ndarray] = None
) -> 'tuple[float, int]':
    """Mean over faces of the mean distance of a face's points, in distances of
    its outer eye corners.

    Args:
        truth: Faces without both corners do not count.
        points: (N, K, 2).
        found: (N, ) bool, whose faces count; by default all.

    Returns:
        The mean, NaN without faces, and how many faces count.
    """
    left, right = EYE_CORNERS
    width = np.linalg.norm(truth.points[:, left] - truth.points[:, right], axis=-1)
    use = truth.known[:, left] & truth.known[:, right] & (width > 0)
    if found is not None:
        use = use & found
    if not use.any():
        return np.nan, 0
    far = errors_of(truth, points)[use][:, list(PARTS['face'])]
    return (float(np.nanmean(np.nanmean(far, 1) / width[use])), int(use.sum()))


def hand_errors(
    truth: PhotoSet, points: np.ndarray, found: Optional[dict] = None
) -> np.ndarray:
    """(H, 21) distances of each labelled hand's points in longer sides of the
    hand's points, NaN where a point is not labelled.

    Args:
        truth: Hands with fewer than half of their points do not count.
        points: (N, K, 2).
        found: {'left_hand': (N, ) bool, 'right_hand': ...}, which hands
            count; by default all.
    """
    rows = [np.zeros((0, 21))]
    for name in HANDS:
        part = list(PARTS[name])
        use = truth.known[:, part].sum(1) >= len(part) / 2
        if found is not None:
            use = use & found[name]
        if not use.any():
            continue
        places = np.where(
            truth.known[use][:, part, None], truth.points[use][:, part], np.nan
        )
        side = (np.nanmax(places, 1) - np.nanmin(places, 1)).max(1, keepdims=True)
        rows.append(errors_of(truth, points)[use][:, part] / side)
    return np.concatenate(rows)


def judged(
    truth: PhotoSet, points: np.ndarray, scores: np.ndarray, part: str
) -> 'tuple[np.ndarray, np.ndarray]':
    """Scores and whether they were right, of the labelled points of a part.

    Args:
        truth: The labels.
        points: (N, K, 2).
        scores: (N, K).
        part: A key of ``RIGHT``.

    Returns:
        (M, ) scores and (M, ) bool.
    """
    found, right = [], []
    for name in HANDS if part == 'hand' else (part,):
        chosen = list(PARTS[name])
        known = truth.known[:, chosen]
        if part == 'body':
            side = (truth.boxes[:, 2:] - truth.boxes[:, :2]).max(1)
        else:
            places = np.where(known[..., None], truth.points[:, chosen], np.nan)
            known = known & (known.sum(1, keepdims=True) >= len(chosen) / 2)
            use = known.any(1)
            side = np.full(len(truth), np.inf)
            side[use] = (np.nanmax(places[use], 1) - np.nanmin(places[use], 1)).max(1)
        far = errors_of(truth, points)[:, chosen] / side[:, None]
        found.append(scores[:, chosen][known])
        right.append(far[known] <= RIGHT[part])
    return np.concatenate(found), np.concatenate(right)


def reliability(
    scores: np.ndarray, right: np.ndarray, bins: int = 10
) -> 'tuple[float, np.ndarray]':
    """How well scores say how often they are right.

    Args:
        scores: (M, ) in [0, 1].
        right: (M, ) bool.
        bins: Of equal width.

    Returns:
        The expected calibration error, in [0, 1] (NaN without points), and
        (bins, 3): the mean score, the share that is right and the number of
        points of each bin, NaN in empty ones.
    """
    place = np.clip((scores * bins).astype(int), 0, bins - 1)
    rows = np.full((bins, 3), np.nan)
    for number in range(bins):
        here = place == number
        rows[number, 2] = here.sum()
        if here.any():
            rows[number, :2] = scores[here].mean(), right[here].mean()
    if not len(scores):
        return np.nan, rows
    share = rows[:, 2] / len(scores)
    return float(np.nansum(share * np.abs(rows[:, 0] - rows[:, 1]))), rows
