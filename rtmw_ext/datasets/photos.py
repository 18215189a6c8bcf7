"""Annotated photos -> shards of crops for training (no torch).

A folder in COCO-WholeBody's format (``images/`` and one file of annotations)
becomes shards as of :mod:`rtmw_ext.datasets.crop_pool`, either one crop for each
person, or one for each face and hand.  Where the photos are small cuttings of
larger ones that are at hand, crops are taken from the larger ones.

Shapes: N crops of a shard, K = 133 points, S side of a crop in pixels; images
are (H, W, 3) uint8 BGR; pixels have whole numbers at their centres.
"""

import json
import os
from pathlib import Path

import cv2
import numpy as np

from ..core.errors import RTMWError
from ..core.images import list_images, read_image
from ..core.skeleton import CROP_POINTS, FIELDS, MIN_VISIBLE, PARTS, ROOTS

#: Side of a crop, in longer sides of the person's box or of the part.
CONTEXT = dict(person=1.7, part=5.0)
#: Brightest channel of what is background in photos on black.
BLACK = 24
#: Share of the crops on black that get another background.
FILLED = 0.75
#: Mean squared difference, over the cutting's, beyond which it is not found.
FOUND = 0.15


class PhotoError(RTMWError, ValueError):
    """A folder of photos cannot be used; the text says why."""


def place_of(cutting, photo, scale=1.0):
    """Where a photo shows what a cutting of it shows.

    Args:
        cutting (ndarray): A part of the photo, made smaller or not.
        photo (ndarray): The whole.
        scale (float): Of the first guess; found at once if it is right.

    Returns:
        ndarray | None: (2, 3), pixels of the cutting -> pixels of the photo;
        None if it is not there.
    """
    cutting, photo = (
        cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (cutting, photo)
    )
    error, scale, corner = _search(cutting, photo, [scale])
    if error > FOUND / 10:
        # Coarse to fine: all scales on a quarter of the pixels, then near it.
        few = [
            cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
            for image in (cutting, photo)
        ]
        _, about, near = _search(*few, np.arange(0.25, 1.02, 0.01))
        error, scale, corner = min(
            (error, scale, corner),
            _search(
                cutting,
                photo,
                about + np.arange(-0.012, 0.013, 0.002),
                np.array(near) * 4 / about,
            ),
            key=lambda found: found[0],
        )
    if error > FOUND:
        return None
    # Of pixels' centres, as cv2.resize has them.
    shift = (np.array(corner) + 0.5) / scale - 0.5
    return np.array([[1 / scale, 0, shift[0]], [0, 1 / scale, shift[1]]])


def _search(cutting, photo, scales, near=None, reach=24):
    """(error, scale, corner (x, y) in the photo at that scale) of the best;
    with ``near``, x and y of the corner in the photo, within ``reach``."""
    best = (np.inf, 1.0, (0, 0))
    height, width = cutting.shape[:2]
    for scale in scales:
        size = [round(side * scale) for side in photo.shape[1::-1]]
        small = (
            photo
            if scale == 1
            else cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        )
        left = top = 0
        if near is not None:
            left, top = np.maximum((near * scale).astype(int) - reach // 2, 0)
            small = small[top : top + height + reach, left : left + width + reach]
        if small.shape[1] < width or small.shape[0] < height:
            continue
        error, _, (x, y), _ = cv2.minMaxLoc(
            cv2.matchTemplate(small, cutting, cv2.TM_SQDIFF_NORMED)
        )
        best = min(
            best, (error, float(scale), (x + left, y + top)), key=lambda found: found[0]
        )
    return best


def cut(image, center, side, size):
    """A square of a photo, black outside it.

    Args:
        image (ndarray): The photo.
        center (ndarray): (2, ) x, y in its pixels.
        side (float): Of the square, in its pixels, > 0.
        size (int): S.

    Returns:
        tuple[ndarray, ndarray]: (S, S, 3) and (2, 3), pixels of the photo ->
        pixels of the crop.
    """
    scale = size / side
    if scale < 0.7:
        # A warp alone would skip pixels.
        image = cv2.resize(
            image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        center, inner = (np.asarray(center) + 0.5) * scale - 0.5, 1.0
    else:
        inner = scale
    middle = (size - 1) / 2
    matrix = np.array(
        [[inner, 0, middle - inner * center[0]], [0, inner, middle - inner * center[1]]]
    )
    crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    if scale < 0.7:
        shrink = np.array(
            [[scale, 0, 0.5 * scale - 0.5], [0, scale, 0.5 * scale - 0.5], [0, 0, 1]]
        )
        matrix = matrix @ shrink
    return crop, matrix


def fill(crop, background):
    """A crop of a thing on black, before a piece of another photo.

    Args:
        crop (ndarray): (S, S, 3).
        background (ndarray): (H, W, 3), scaled to cover the crop.

    Returns:
        ndarray: (S, S, 3).
    """
    size = len(crop)
    scale = size / min(background.shape[:2])
    cover = cv2.resize(background, None, fx=scale, fy=scale)[:size, :size]
    cover = cv2.resize(cover, (size, size))
    thing = (cv2.GaussianBlur(crop, (0, 0), 1).max(2) > BLACK).astype(np.float32)
    # Without the dark rim.
    thing = cv2.GaussianBlur(cv2.erode(thing, np.ones((3, 3))), (0, 0), 0.8)
    return (
        (cover + thing[..., None] * (crop.astype(np.float32) - cover))
        .round()
        .astype(np.uint8)
    )


def points_of(row):
    """(K, 2) float64 and (K, ) uint8, 0 unknown, 1 rough, 2 trusted, of an
    annotation of COCO-WholeBody."""
    values = np.concatenate([row[field] for field in FIELDS]).reshape(-1, 3)
    return values[:, :2].astype(np.float64), values[:, 2].astype(np.uint8)


def move(matrix, points):
    """(..., 2) points by a (2, 3) matrix."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def squares(points, visible, box, kind):
    """What to cut out for a person.

    Args:
        points (ndarray): (K, 2) in pixels.
        visible (ndarray): (K, ) uint8.
        box (ndarray): (4, ) x1, y1, x2, y2 of the person.
        kind (str): ``person``, or ``part`` for each face and hand that has
            ``MIN_VISIBLE`` of its points.

    Returns:
        list[tuple[ndarray, float, ndarray, ndarray]]: Center (2, ), side, the
        box (4, ) of the person or part and the visibility (K, ) of what
        belongs to it.
    """
    if kind == 'person':
        side = CONTEXT[kind] * (box[2:] - box[:2]).max()
        return [((box[:2] + box[2:]) / 2, side, box, visible)]
    found = []
    for name in ROOTS:
        known = [point for point in PARTS[name] if visible[point]]
        if len(known) < MIN_VISIBLE * len(PARTS[name]):
            continue
        low, high = points[known].min(0), points[known].max(0)
        own = np.zeros_like(visible)
        own[list(CROP_POINTS[name])] = visible[list(CROP_POINTS[name])]
        found.append(
            (
                (low + high) / 2,
                CONTEXT[kind] * (high - low).max(),
                np.concatenate([low, high]),
                own,
            )
        )
    return found


def shards(
    folder,
    split,
    out,
    size=288,
    kind='person',
    originals=None,
    backgrounds=None,
    shard=512,
    progress=print,
):
    """Writes the shards of a folder of photos.

    Args:
        folder (str | Path): With ``images/`` and ``{split}.json``.
        split (str): Name of the annotations.
        out (str | Path): Folder of the shards; made if missing.
        size (int): S.
        kind (str): ``person`` or ``part``, as of :func:`squares`.
        originals (str | Path, optional): Folder of the larger photos that
            ``source`` of an image names.
        backgrounds (str | Path, optional): Folder of photos to put behind
            most of the crops, which are of things on black.
        shard (int): Crops of a shard.
        progress (callable): Gets a line of text after each shard.

    Returns:
        int: Crops written.

    Raises:
        PhotoError: The folder has no such split.
        ImageError: A photo is broken.
    """
    folder, out = Path(folder), Path(out)
    path = folder / f'{split}.json'
    if not path.is_file():
        raise PhotoError(
            f'{folder} has no {split}.json: give the folder of '
            'a set, with images/ in it'
        )
    content = json.loads(path.read_text())
    rows = {}
    for row in content['annotations']:
        rows.setdefault(row['image_id'], []).append(row)
    out.mkdir(parents=True, exist_ok=True)
    crops, lost, written = [], 0, 0
    scale = 1.0
    rng = np.random.default_rng(0)
    behind = list_images(backgrounds) if backgrounds else []
    for image in content['images']:
        if image['id'] not in rows:
            continue
        photo = read_image(folder / 'images' / image['file_name'])
        matrix = np.eye(2, 3)
        if originals and 'source' in image:
            large = read_image(Path(originals) / image['source'])
            found = place_of(photo, large, scale)
            if found is None:
                lost += 1
            else:
                photo, matrix, scale = large, found, 1 / found[0, 0]
        for row in rows[image['id']]:
            points, visible = points_of(row)
            x, y, width, height = row['bbox']
            box = move(matrix, np.array([[x, y], [x + width, y + height]]))
            for center, side, own, seen in squares(
                move(matrix, points), visible, box.reshape(-1), kind
            ):
                crop, to_crop = cut(photo, center, side, size)
                if behind and rng.uniform() < FILLED:
                    crop = fill(crop, read_image(rng.choice(behind)))
                crops.append(
                    (
                        crop,
                        move(to_crop, own.reshape(2, 2)).reshape(-1),
                        move(to_crop, move(matrix, points)),
                        seen,
                    )
                )
        while len(crops) >= shard:
            _save(out, written // shard, crops[:shard])
            written, crops = written + shard, crops[shard:]
            progress(f'{written} crops, {lost} photos not in their originals')
    if crops:
        _save(out, written // shard, crops)
    progress(f'{written + len(crops)} crops, {lost} photos not in their originals')
    return written + len(crops)


def save_shard(out, number, crops, truth):
    """Writes a shard whole or not at all.

    Args:
        out (Path): Folder.
        number (int): Of the shard.
        crops (ndarray): (N, S, S, 3) uint8 BGR.
        truth (dict[str, ndarray]): (N, ...) each: ``bboxes``, ``keypoints``,
            ``visible`` and what else is known.
    """
    for name, write in (
        (f'truth-{number:05d}.npz', lambda file: np.savez(file, **truth)),
        # Last: where the crops are, the shard is whole.
        (f'crops-{number:05d}.npy', lambda file: np.save(file, crops)),
    ):
        part = out / f'.{os.getpid()}-{name}'
        with part.open('wb') as file:
            write(file)
        os.replace(part, out / name)


def _save(out, number, crops):
    images, boxes, points, visible = zip(*crops)
    truth = dict(
        bboxes=np.float32(boxes),
        keypoints=np.float32(points),
        visible=np.uint8(visible),
    )
    save_shard(out, number, np.stack(images), truth)
