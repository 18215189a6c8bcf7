"""Annotated photos -> shards of crops for training.

A folder in COCO-WholeBody's format (``images/`` and one file of annotations)
becomes shards as of :mod:`rtmw_ext.datasets.crop_pool`: a crop for each person, for
each face and hand, or for each upright person as if the photo ended between its
shoulders and hips. Where the photos are cuttings of larger ones
that are at hand, made smaller or not, crops are taken from the larger ones.

Shapes: N crops of a shard, K = 133 points, S side of a crop in pixels; images
are (H, W, 3) uint8 BGR; pixels have whole numbers at their centres.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ..core.errors import RTMWError
from ..core.images import list_images, read_image
from ..core.skeleton import (
    CROP_POINTS,
    FIELDS,
    HIPS,
    MIN_VISIBLE,
    NOSE,
    PARTS,
    ROOTS,
    SHOULDERS,
)
from .checks import read_json
from .crop_pool import write_shard

#: Side of a crop, in longer sides of the person's box or of the part.
CONTEXT = dict(person=1.7, part=5.0, bust=1.7)
#: Where the photo of a bust ends, from the shoulders (0) to the hips (1).
BUST_ENDS = (0.25, 1.1)
#: Brightest channel of what is background in photos on black.
BLACK_LEVEL = 24
#: Share of the crops on black that get another background.
BACKGROUND_SHARE = 0.75
#: Largest mean squared difference, over the cutting's mean square, of a match.
MAX_MISMATCH = 0.15


class PhotoError(RTMWError, ValueError):
    """A folder of photos cannot be used; the text says why."""


class CropRegion(NamedTuple):
    """A square of a photo to crop.

    Attributes:
        center: (2, ) x, y in pixels of the photo.
        side: In pixels of the photo.
        box: (4, ) x1, y1, x2, y2 of the person or part.
        visible: (K, ) uint8, of the points of the person or part.
        bottom: Row of the photo at which it ends; None for its own.
    """

    center: np.ndarray
    side: float
    box: np.ndarray
    visible: np.ndarray
    bottom: int | None = None


class _Match(NamedTuple):
    """Where a photo, scaled, shows a cutting best: ``corner`` is x, y in it."""

    error: float
    scale: float
    corner: tuple[int, int]


def locate_cutting(
    cutting: np.ndarray, photo: np.ndarray, scale: float = 1.0
) -> np.ndarray | None:
    """Where a photo shows what a cutting of it shows, by template matching.

    Args:
        cutting: (H, W, 3), a part of the photo, made smaller or not.
        photo: (H', W', 3), the whole.
        scale: First guess of the cutting's pixels a pixel of the photo; a right
            one is much faster.

    Returns:
        (2, 3), pixels of the cutting -> pixels of the photo; None if it is not
        there.
    """
    cutting, photo = (
        cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (cutting, photo)
    )
    match = _match_template(cutting, photo, [scale])
    if match.error > MAX_MISMATCH / 10:
        # Coarse to fine: all scales on a quarter of the pixels a side, then near
        # the best.
        small_cutting, small_photo = (
            cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
            for image in (cutting, photo)
        )
        coarse = _match_template(
            small_cutting, small_photo, np.arange(0.25, 1.02, 0.01)
        )
        fine = _match_template(
            cutting,
            photo,
            coarse.scale + np.arange(-0.012, 0.013, 0.002),
            np.array(coarse.corner) * 4 / coarse.scale,
        )
        match = min(match, fine, key=lambda match: match.error)
    if match.error > MAX_MISMATCH:
        return None
    # Of pixels' centres, as cv2.resize has them.
    factor = 1 / match.scale
    x, y = (np.array(match.corner) + 0.5) / match.scale - 0.5
    return np.array([[factor, 0, x], [0, factor, y]])


def _match_template(
    cutting: np.ndarray,
    photo: np.ndarray,
    scales: Iterable[float],
    near: np.ndarray | None = None,
    reach: int = 24,
) -> _Match:
    """The best match of some scales of the photo; with ``near``, x and y of the
    corner in the photo, within ``reach`` pixels of it."""
    best = _Match(np.inf, 1.0, (0, 0))
    height, width = cutting.shape[:2]
    for scale in scales:
        size = [round(side * scale) for side in photo.shape[1::-1]]
        scaled = (
            photo
            if scale == 1
            else cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        )
        left = top = 0
        if near is not None:
            left, top = np.maximum((near * scale).astype(int) - reach // 2, 0)
            scaled = scaled[top : top + height + reach, left : left + width + reach]
        if scaled.shape[1] < width or scaled.shape[0] < height:
            continue
        error, _, (x, y), _ = cv2.minMaxLoc(
            cv2.matchTemplate(scaled, cutting, cv2.TM_SQDIFF_NORMED)
        )
        match = _Match(error, float(scale), (x + left, y + top))
        best = min(best, match, key=lambda match: match.error)
    return best


def crop_square(
    image: np.ndarray, center: np.ndarray, side: float, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """A square of a photo, black outside it.

    Args:
        image: The photo.
        center: (2, ) x, y in its pixels.
        side: Of the square, in its pixels, > 0.
        size: S.

    Returns:
        (S, S, 3), and (2, 3) pixels of the photo -> pixels of the crop.
    """
    scale = inner = size / side
    shrinks = scale < 0.7
    if shrinks:
        # A warp alone would skip pixels.
        image = cv2.resize(
            image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        center, inner = (np.asarray(center) + 0.5) * scale - 0.5, 1.0
    middle = (size - 1) / 2
    matrix = np.array(
        [[inner, 0, middle - inner * center[0]], [0, inner, middle - inner * center[1]]]
    )
    crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    if shrinks:
        shift = 0.5 * scale - 0.5
        matrix = matrix @ np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]])
    return crop, matrix


def replace_background(crop: np.ndarray, background: np.ndarray) -> np.ndarray:
    """A crop of a thing on black, in front of another photo.

    Args:
        crop: (S, S, 3).
        background: (H, W, 3), scaled to cover the crop.

    Returns:
        (S, S, 3).
    """
    size = len(crop)
    scale = size / min(background.shape[:2])
    background = cv2.resize(background, None, fx=scale, fy=scale)[:size, :size]
    background = cv2.resize(background, (size, size))
    mask = (cv2.GaussianBlur(crop, (0, 0), 1).max(2) > BLACK_LEVEL).astype(np.float32)
    # Without the dark rim.
    mask = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3))), (0, 0), 0.8)
    blended = background + mask[..., None] * (crop.astype(np.float32) - background)
    return blended.round().astype(np.uint8)


def read_keypoints(annotation: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """(K, 2) float64 in pixels and (K, ) uint8, 0 unknown, 1 rough, 2 trusted, of
    an annotation of COCO-WholeBody."""
    values = np.concatenate([annotation[field] for field in FIELDS]).reshape(-1, 3)
    return values[:, :2].astype(np.float64), values[:, 2].astype(np.uint8)


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(..., 2) points by a (2, 3) matrix."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def bust_region(
    points: np.ndarray, visible: np.ndarray, box: np.ndarray, end: float
) -> CropRegion | None:
    """The square to crop of a person of whom the photo shows the upper part alone.

    Args:
        points: (K, 2) in pixels.
        visible: (K, ) uint8.
        box: (4, ) x1, y1, x2, y2 of the person.
        end: Where the photo ends, from the shoulders (0) to the hips (1).

    Returns:
        None for a person who is not upright, or whose head, shoulders or hips are
        not known.
    """
    if not visible[[NOSE, *SHOULDERS, *HIPS]].all():
        return None
    nose, shoulder, hip = (
        points[rows, 1].mean() for rows in ([NOSE], list(SHOULDERS), list(HIPS))
    )
    if not nose < shoulder < hip:
        return None
    bottom = round(shoulder + end * (hip - shoulder))
    shown = np.where(points[:, 1] < bottom, visible, 0)
    x = points[shown > 0, 0]
    # Flesh and clothes around the points.
    margin = (hip - shoulder) / 5
    left, right = max(x.min() - margin, box[0]), min(x.max() + margin, box[2])
    bust = np.array([left, box[1], right, bottom])
    side = CONTEXT['bust'] * (bust[2:] - bust[:2]).max()
    return CropRegion((bust[:2] + bust[2:]) / 2, side, bust, shown, bottom)


def crop_regions(
    points: np.ndarray,
    visible: np.ndarray,
    box: np.ndarray,
    kind: str,
    rng: np.random.Generator,
) -> list[CropRegion]:
    """The squares to crop of a person.

    Args:
        points: (K, 2) in pixels.
        visible: (K, ) uint8.
        box: (4, ) x1, y1, x2, y2 of the person.
        kind: ``person``, ``bust``, or ``part`` for each face and hand that has
            ``MIN_VISIBLE`` of its points.
        rng: Draws where a bust ends.
    """
    if kind == 'bust':
        region = bust_region(points, visible, box, rng.uniform(*BUST_ENDS))
        return [region] if region else []
    if kind == 'person':
        side = CONTEXT[kind] * (box[2:] - box[:2]).max()
        return [CropRegion((box[:2] + box[2:]) / 2, side, box, visible)]
    regions = []
    for name in ROOTS:
        known = [point for point in PARTS[name] if visible[point]]
        if len(known) < MIN_VISIBLE * len(PARTS[name]):
            continue
        low, high = points[known].min(0), points[known].max(0)
        shown = list(CROP_POINTS[name])
        part_visible = np.zeros_like(visible)
        part_visible[shown] = visible[shown]
        regions.append(
            CropRegion(
                (low + high) / 2,
                CONTEXT[kind] * (high - low).max(),
                np.concatenate([low, high]),
                part_visible,
            )
        )
    return regions


def write_photo_crops(
    folder: str | Path,
    split: str,
    out: str | Path,
    size: int = 288,
    kind: str = 'person',
    originals: str | Path | None = None,
    backgrounds: str | Path | None = None,
    shard_size: int = 512,
    progress: Callable[[str], Any] = print,
) -> int:
    """Writes the shards of a folder of photos.

    Args:
        folder: With ``images/`` and ``{split}.json``.
        split: Name of the annotations.
        out: Folder of the shards; made if missing.
        size: S.
        kind: ``person``, ``bust`` or ``part``, as of :func:`crop_regions`.
        originals: Folder of the larger photos that ``source`` of an image names.
        backgrounds: Folder of photos to put behind most of the crops, which are
            of things on black.
        shard_size: N.
        progress: Gets a line of text after each shard.

    Returns:
        How many crops were written.

    Raises:
        PhotoError: The folder has no such split.
        AnnotationError: The annotations are broken.
        ImageError: A photo is broken, or ``backgrounds`` holds none.
    """
    folder, out = Path(folder), Path(out)
    path = folder / f'{split}.json'
    if not path.is_file():
        raise PhotoError(
            f'{folder} has no {split}.json: give the folder of '
            'a set, with images/ in it'
        )
    content = read_json(path, keys=('images', 'annotations'))
    annotations: dict[int, list[dict]] = {}
    for row in content['annotations']:
        annotations.setdefault(row['image_id'], []).append(row)
    out.mkdir(parents=True, exist_ok=True)
    crops: list[tuple[np.ndarray, ...]] = []
    not_found, written = 0, 0
    scale = 1.0
    rng = np.random.default_rng(0)
    background_paths = list_images(backgrounds) if backgrounds else []
    for image in content['images']:
        if image['id'] not in annotations:
            continue
        photo = read_image(folder / 'images' / image['file_name'])
        to_photo = np.eye(2, 3)
        if originals and 'source' in image:
            original = read_image(Path(originals) / image['source'])
            to_original = locate_cutting(photo, original, scale)
            if to_original is None:
                not_found += 1
            else:
                photo, to_photo = original, to_original
                scale = 1 / to_original[0, 0]
        for row in annotations[image['id']]:
            points, visible = read_keypoints(row)
            points = transform_points(to_photo, points)
            x, y, width, height = row['bbox']
            corners = np.array([[x, y], [x + width, y + height]])
            box = transform_points(to_photo, corners).reshape(-1)
            for region in crop_regions(points, visible, box, kind, rng):
                crop, to_crop = crop_square(
                    photo[: region.bottom], region.center, region.side, size
                )
                if background_paths and rng.uniform() < BACKGROUND_SHARE:
                    crop = replace_background(
                        crop, read_image(rng.choice(background_paths))
                    )
                crops.append(
                    (
                        crop,
                        transform_points(to_crop, region.box.reshape(2, 2)).reshape(-1),
                        transform_points(to_crop, points),
                        region.visible,
                    )
                )
        while len(crops) >= shard_size:
            _write(out, written // shard_size, crops[:shard_size])
            written, crops = written + shard_size, crops[shard_size:]
            progress(f'{written} crops, {not_found} photos not in their originals')
    if crops:
        _write(out, written // shard_size, crops)
    written += len(crops)
    progress(f'{written} crops, {not_found} photos not in their originals')
    return written


def _write(out: Path, number: int, crops: list[tuple[np.ndarray, ...]]) -> None:
    images, boxes, points, visible = zip(*crops)
    truth = dict(
        bboxes=np.float32(boxes),
        keypoints=np.float32(points),
        visible=np.uint8(visible),
    )
    write_shard(out, number, np.stack(images), truth)
