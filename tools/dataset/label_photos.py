#!/usr/bin/env python3
"""Labels photos with our own networks, for self-training:

tools/dataset/label_photos.py PHOTOS --out data/self --pose rtmw-t --parts rtmw-t-parts
tools/dataset/photos.py data/self --out data/photos/self

Each person is predicted several times, in moved boxes and mirrored. Points on
which these predictions agree are kept, with their mean; people with too few of
them are left out. The folder that is written has images/ (links) and
train.json in COCO-WholeBody's format.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from rtmw_ext.core.images import ImageError, read_image
from rtmw_ext.core.skeleton import FIELDS, PARTS
from rtmw_ext.datasets.mapping import TARGET, definition
from rtmw_ext.datasets.unlabelled import find_photos
from rtmw_ext.runtime import Detector, People, PoseModel
from rtmw_ext.zoo import resolve_network

#: Largest standard deviation of a point's predictions, in longer sides of the
#: person's box (body, feet) or of the part (face, hands).
MAX_DEVIATION = dict(body=0.03, feet=0.03, face=0.05, left_hand=0.08, right_hand=0.08)
#: Body points that a person needs.
MIN_BODY_POINTS = 8
#: The mirrored point of each.
FLIP_INDICES = np.array(definition(TARGET)['flip_indices'])


def predict_augmented(
    pose: Callable[[np.ndarray, np.ndarray], People],
    image: np.ndarray,
    boxes: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of each person with test-time augmentation: in its own box and
    a moved one, in the photo and in its mirror.

    Args:
        pose: Takes an image and boxes.
        image: (H, W, 3) uint8 BGR.
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        rng: Moves boxes.

    Returns:
        (4, N, 133, 2) points in pixels and (4, N, 133) scores.
    """
    width = image.shape[1]
    sides = boxes[:, 2:] - boxes[:, :2]
    shift = rng.uniform(-0.06, 0.06, sides.shape) * sides
    grow = rng.uniform(-0.04, 0.12, (len(boxes), 1)) * sides
    moved = np.concatenate(
        [boxes[:, :2] + shift - grow, boxes[:, 2:] + shift + grow], 1
    )
    points, scores = [], []
    for regions in (boxes, moved):
        people = pose(image, regions)
        points.append(people.keypoints)
        scores.append(people.scores)
        flipped = regions[:, [2, 1, 0, 3]] * (-1, 1, -1, 1)
        flipped = flipped + (width - 1, 0, width - 1, 0)
        people = pose(np.ascontiguousarray(image[:, ::-1]), flipped)
        points.append((people.keypoints * (-1, 1) + (width - 1, 0))[:, FLIP_INDICES])
        scores.append(people.scores[:, FLIP_INDICES])
    return np.stack(points).astype(float), np.stack(scores)


def find_consensus(
    points: np.ndarray, scores: np.ndarray, boxes: np.ndarray, min_score: float
) -> tuple[np.ndarray, np.ndarray]:
    """The points on which predictions agree, within ``MAX_DEVIATION``.

    Args:
        points: (R, N, 133, 2) of R predictions, in pixels.
        scores: (R, N, 133).
        boxes: (N, 4) x1, y1, x2, y2.
        min_score: Least mean score of a point that is kept, in [0, 1].

    Returns:
        (N, 133, 2) mean points and (N, 133) bool, which are kept.
    """
    mean = points.mean(0)
    deviation = np.linalg.norm(points - mean, axis=-1)
    deviation = np.sqrt((deviation**2).mean(0))
    keep = scores.mean(0) >= min_score
    box_sides = (boxes[:, 2:] - boxes[:, :2]).max(1)
    for name, part in PARTS.items():
        size = box_sides
        if name not in ('body', 'feet'):
            size = np.ptp(mean[:, part], axis=1).max(1)
        near = deviation[:, part] <= MAX_DEVIATION[name] * np.maximum(size, 1)[:, None]
        if name not in ('body', 'feet'):
            # A part as a whole: most of its points, or none.
            near &= (near & keep[:, part]).mean(1, keepdims=True) >= 0.7
        keep[:, part] &= near
    return mean, keep


def make_annotations(
    points: np.ndarray, keep: np.ndarray, boxes: np.ndarray, image_id: int
) -> list[dict]:
    """Annotations of the people who have enough points; feet are rough (v=1).

    Args:
        points: (N, 133, 2) in pixels.
        keep: (N, 133) bool, the points that become labels.
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        image_id: Of the photo.

    Returns:
        One of COCO-WholeBody's annotations a person.
    """
    rows = []
    for person, (places, kept, box) in enumerate(zip(points, keep, boxes)):
        if kept[PARTS['body']].sum() < MIN_BODY_POINTS:
            continue
        visible = np.where(kept, 2, 0)
        visible[PARTS['feet']] = np.minimum(visible[PARTS['feet']], 1)
        values = np.concatenate([places.round(1), visible[:, None]], 1)
        values[~kept] = 0
        x1, y1, x2, y2 = box.round(1).tolist()
        rows.append(
            dict(
                id=image_id * 100 + person,
                image_id=image_id,
                category_id=1,
                iscrowd=0,
                bbox=[x1, y1, x2 - x1, y2 - y1],
                area=0.53 * (x2 - x1) * (y2 - y1),
                num_keypoints=int(kept[PARTS['body']].sum()),
                label_source='self',
                **{
                    field: values[part].reshape(-1).tolist()
                    for field, part in FIELDS.items()
                },
            )
        )
    return rows


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('photos', type=Path, help='folder, with its subfolders')
    flags.add_argument('--out', type=Path, required=True)
    flags.add_argument('--pose', required=True, help='network of whole people')
    flags.add_argument('--parts', help='network of faces and hands')
    flags.add_argument('--detector', required=True)
    flags.add_argument('--score', type=float, default=0.5, help='least, of a point')
    flags.add_argument('--box-score', type=float, default=0.5)
    flags.add_argument('--smallest', type=int, default=60, help='longer side of a box')
    flags = flags.parse_args()
    pose = PoseModel(
        resolve_network(flags.pose),
        second_look=flags.parts and PoseModel(resolve_network(flags.parts)),
    )
    detector = Detector(
        resolve_network(flags.detector, 'detector'), score_thr=flags.box_score
    )
    paths = find_photos(flags.photos)
    (flags.out / 'images').mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    rng = np.random.default_rng(0)
    for number, path in enumerate(tqdm(paths), 1):
        try:
            image = read_image(path)
        except ImageError:
            continue
        boxes = detector(image)[0]
        boxes = boxes[(boxes[:, 2:] - boxes[:, :2]).max(1) >= flags.smallest]
        if not len(boxes):
            continue
        points, scores = predict_augmented(pose, image, boxes, rng)
        mean, keep = find_consensus(points, scores, boxes, flags.score)
        rows = make_annotations(mean, keep, boxes, number)
        if not rows:
            continue
        name = f'{number:06d}{path.suffix}'
        link = flags.out / 'images' / name
        if not link.is_symlink():
            link.symlink_to(os.path.abspath(path))
        images.append(
            dict(
                id=number,
                file_name=name,
                width=image.shape[1],
                height=image.shape[0],
            )
        )
        annotations += rows
    content = dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='person')],
    )
    (flags.out / 'train.json').write_text(json.dumps(content))
    print(f'{len(annotations)} people in {len(images)} of {len(paths)} photos')


if __name__ == '__main__':
    cv2.setNumThreads(1)
    main()
