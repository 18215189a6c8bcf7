"""How far points lie from those of partly labelled photos.

Shapes: N persons, K = 133 points, H hands, M points with a score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import isotonic_regression

from ..core.calibration import Curve
from ..core.skeleton import PARTS
from ..datasets.wholebody import WholeBodyDataset

#: Outer eye corners of the face's 68 points.
EYE_CORNERS = (59, 68)
HANDS = ('left_hand', 'right_hand')
#: Big toes and heels: photos' small toes are not labelled.
FEET = (17, 19, 20, 22)
#: Largest distance of a point that is right: share of the longer side of the
#: person's box (body) or of the part's points (face, hands).
CORRECT_WITHIN = dict(body=0.1, face=0.05, hand=0.05)


@dataclass
class PhotoSet:
    """Annotated persons of a folder of photos.

    Attributes:
        paths: The photo of each person.
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        points: (N, K, 2) in pixels.
        known: (N, K) bool, which are labelled.
    """

    paths: list[Path]
    boxes: np.ndarray
    points: np.ndarray
    known: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: slice) -> 'PhotoSet':
        """Some of the persons."""
        return PhotoSet(
            self.paths[rows], self.boxes[rows], self.points[rows], self.known[rows]
        )


def read_photo_set(annotations: str | Path, images: str | Path) -> PhotoSet:
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


def keypoint_errors(truth: PhotoSet, points: np.ndarray) -> np.ndarray:
    """(N, K) distances in pixels of points (N, K, 2), NaN where nothing is
    labelled."""
    distances = np.linalg.norm(points - truth.points, axis=-1)
    return np.where(truth.known, distances, np.nan)


def _part_sizes(truth: PhotoSet, part: Sequence[int]) -> np.ndarray:
    """(N, ) longer sides in pixels of the labelled points of a part; NaN where
    fewer than half of them are labelled."""
    known = truth.known[:, part]
    use = known.sum(1) >= len(part) / 2
    points = np.where(known[use][..., None], truth.points[use][:, part], np.nan)
    sizes = np.full(len(truth), np.nan)
    if use.any():
        sizes[use] = (np.nanmax(points, 1) - np.nanmin(points, 1)).max(1)
    return sizes


def pck(
    truth: PhotoSet, points: np.ndarray, chosen: Sequence[int], threshold: float
) -> float:
    """Percentage of correct keypoints, as a share.

    Args:
        truth: The labels.
        points: (N, K, 2) in pixels.
        chosen: The points that count.
        threshold: Largest distance of a correct point, in longer sides of the
            person's box.

    Returns:
        In [0, 1]; NaN where none of the chosen points is labelled.
    """
    sides = (truth.boxes[:, 2:] - truth.boxes[:, :2]).max(1, keepdims=True)
    errors = (keypoint_errors(truth, points) / sides)[:, list(chosen)]
    errors = errors[np.isfinite(errors)]
    return float((errors <= threshold).mean()) if len(errors) else np.nan


def face_error(
    truth: PhotoSet, points: np.ndarray, detected: np.ndarray | None = None
) -> tuple[float, int]:
    """Normalised mean error (NME): mean over faces of the mean distance of a face's
    points, in distances of its outer eye corners.

    Args:
        truth: Faces without both corners do not count.
        points: (N, K, 2) in pixels.
        detected: (N, ) bool, whose faces count; by default all.

    Returns:
        The mean, NaN without faces, and how many faces count.
    """
    left, right = EYE_CORNERS
    width = np.linalg.norm(truth.points[:, left] - truth.points[:, right], axis=-1)
    use = truth.known[:, left] & truth.known[:, right] & (width > 0)
    if detected is not None:
        use = use & detected
    if not use.any():
        return np.nan, 0
    errors = keypoint_errors(truth, points)[use][:, list(PARTS['face'])]
    return float(np.nanmean(np.nanmean(errors, 1) / width[use])), int(use.sum())


def hand_errors(
    truth: PhotoSet,
    points: np.ndarray,
    detected: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """(H, 21) distances of each labelled hand's points in longer sides of the
    hand's points, NaN where a point is not labelled.

    Args:
        truth: Hands with fewer than half of their points do not count.
        points: (N, K, 2) in pixels.
        detected: {'left_hand': (N, ) bool, 'right_hand': ...}, which hands
            count; by default all.
    """
    errors = keypoint_errors(truth, points)
    rows = []
    for name in HANDS:
        part = list(PARTS[name])
        sizes = _part_sizes(truth, part)
        use = np.isfinite(sizes)
        if detected is not None:
            use = use & detected[name]
        rows.append(errors[use][:, part] / sizes[use, None])
    return np.concatenate(rows)


def score_outcomes(
    truth: PhotoSet, points: np.ndarray, scores: np.ndarray, part: str
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the labelled points of a part, and whether these were right.

    Args:
        truth: Faces and hands with fewer than half of their points do not count.
        points: (N, K, 2) in pixels.
        scores: (N, K).
        part: A key of ``CORRECT_WITHIN``.

    Returns:
        (M, ) scores and (M, ) bool.
    """
    errors = keypoint_errors(truth, points)
    found, correct = [], []
    for name in HANDS if part == 'hand' else (part,):
        chosen = list(PARTS[name])
        if part == 'body':
            sizes = (truth.boxes[:, 2:] - truth.boxes[:, :2]).max(1)
        else:
            sizes = _part_sizes(truth, chosen)
        known = truth.known[:, chosen] & np.isfinite(sizes)[:, None]
        distances = errors[:, chosen] / sizes[:, None]
        found.append(scores[:, chosen][known])
        correct.append(distances[known] <= CORRECT_WITHIN[part])
    return np.concatenate(found), np.concatenate(correct)


def reliability(
    scores: np.ndarray, correct: np.ndarray, bins: int = 10
) -> tuple[float, np.ndarray]:
    """How well scores say how often they are right: expected calibration error and
    reliability diagram.

    Source: Guo et al., On calibration of modern neural networks (arXiv
    1706.04599), section 2.

    Args:
        scores: (M, ) in [0, 1].
        correct: (M, ) bool.
        bins: Of equal width.

    Returns:
        The expected calibration error, in [0, 1] (NaN without points), and
        (bins, 3): the mean score, the share that is right and the number of
        points of each bin, NaN in empty ones.
    """
    numbers = np.clip((scores * bins).astype(int), 0, bins - 1)
    rows = np.full((bins, 3), np.nan)
    for number, row in enumerate(rows):
        inside = numbers == number
        row[2] = inside.sum()
        if inside.any():
            row[:2] = scores[inside].mean(), correct[inside].mean()
    if not len(scores):
        return np.nan, rows
    shares = rows[:, 2] / len(scores)
    return float(np.nansum(shares * np.abs(rows[:, 0] - rows[:, 1]))), rows


def fit_curve(scores: np.ndarray, correct: np.ndarray, knots: int = 16) -> Curve:
    """The curve of some points, as of :mod:`rtmw_ext.core.calibration`: isotonic
    regression.

    Source: Zadrozny and Elkan, Transforming classifier scores into accurate
    multiclass probability estimates (KDD 2002).

    Args:
        scores: (M, ) raw scores, M > 0.
        correct: (M, ) bool, whether each point was right.
        knots: Of the curve at most.

    Returns:
        The mean score of up to ``knots`` groups of points of about the same size, and
        the share that is right, which never falls.
    """
    order = np.argsort(scores, kind='stable')
    groups = [rows for rows in np.array_split(order, knots) if len(rows)]
    # Groups of one score are one knot.
    raw, knot = np.unique([scores[rows].mean() for rows in groups], return_inverse=True)
    counts = np.bincount(knot, [len(rows) for rows in groups])
    shares = np.bincount(knot, [correct[rows].sum() for rows in groups]) / counts
    rising = isotonic_regression(shares, weights=counts).x.clip(0, 1)
    return tuple(raw.tolist()), tuple(rising.tolist())
