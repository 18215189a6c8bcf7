#!/usr/bin/env python3
"""Labels photos with networks, for training on more of them:

tools/dataset/label_photos.py PHOTOS --out data/self --detector rtmdet-nano \
    --pose rtmw-t --parts rtmw-t-parts
tools/dataset/label_photos.py PHOTOS --out data/sports --detector DETECTOR.onnx \
    --movenet thunder.onnx --mediapipe mp/bin/python
tools/dataset/photos.py data/sports --out data/photos/sports

Our own networks predict each person several times, in moved boxes and mirrored.
Points on which these predictions agree are kept, with their mean. Of two
teachers, MoveNet Thunder and MediaPipe Holistic, body points are kept on which both
agree, and heels and toes below such an ankle. People with too few points are left
out. The folder that is written has images/ (links) and train.json in
COCO-WholeBody's format.
"""

import argparse
import json
import os
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from rtmw_ext.core.images import ImageError, read_image
from rtmw_ext.core.skeleton import FIELDS, PARTS
from rtmw_ext.datasets.mapping import TARGET, definition
from rtmw_ext.datasets.photos import crop_square, transform_points
from rtmw_ext.datasets.unlabelled import find_photos
from rtmw_ext.runtime import Detector, People, PoseModel
from rtmw_ext.zoo import resolve_network

#: Largest standard deviation of a point's predictions, in longer sides of the
#: person's box (body, feet) or of the part (face, hands).
MAX_DEVIATION = dict(body=0.03, feet=0.03, face=0.05, left_hand=0.08, right_hand=0.08)
#: Largest distance of the teachers' points in longer sides of the box: of the head,
#: shoulders, elbows, wrists, hips, knees and ankles.
MAX_DISTANCE = np.repeat((0.03, 0.05, 0.07, 0.09, 0.06, 0.07, 0.08), (5, *[2] * 6))
#: Least scores of the points of MoveNet, and of MediaPipe's feet.
MIN_SCORES = dict(movenet=0.3, feet=0.5)
#: Side of MoveNet Thunder's input, and its crop in longer sides of the box.
MOVENET_SIDE, MOVENET_CONTEXT = 256, 1.25
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


class Photo(NamedTuple):
    """A photo with people: its file, width and height, and boxes (N, 4) x1, y1, x2,
    y2 in pixels."""

    path: Path
    size: tuple[int, int]
    boxes: np.ndarray


class MoveNet:
    """MoveNet Thunder, of one person in the middle of a crop.

    Args:
        path: ``.onnx`` file that takes (1, 256, 256, 3) int32 RGB and puts out
            (1, 1, 17, 3): y, x in parts of the side, score.
    """

    def __init__(self, path: str) -> None:
        import onnxruntime

        self.session = onnxruntime.InferenceSession(
            path, providers=['CPUExecutionProvider']
        )
        self.input = self.session.get_inputs()[0].name

    def __call__(
        self, image: np.ndarray, boxes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Body points (N, 17, 2) in pixels and scores (N, 17) in [0, 1] of people
        in boxes (N, 4) of an image (H, W, 3) uint8 BGR."""
        points, scores = np.zeros((len(boxes), 17, 2)), np.zeros((len(boxes), 17))
        for row, box in enumerate(boxes):
            side = MOVENET_CONTEXT * (box[2:] - box[:2]).max()
            center = (box[:2] + box[2:]) / 2
            crop, matrix = crop_square(image, center, side, MOVENET_SIDE)
            feed = {self.input: crop[None, ..., ::-1].astype(np.int32)}
            (output,) = self.session.run(None, feed)
            found = output.reshape(17, 3)
            places = found[:, 1::-1] * MOVENET_SIDE - 0.5
            points[row] = transform_points(cv2.invertAffineTransform(matrix), places)
            scores[row] = found[:, 2]
        return points, scores


def find_agreement(
    movenet: tuple[np.ndarray, np.ndarray],
    mediapipe: tuple[np.ndarray, np.ndarray],
    boxes: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The points on which two teachers agree, within ``MAX_DISTANCE``.

    Args:
        movenet: Points (N, 17, 2) in pixels and scores (N, 17).
        mediapipe: Points (N, 133, 2) in pixels and scores (N, 133), 0 where
            nothing was found.
        boxes: (N, 4) x1, y1, x2, y2.

    Returns:
        (N, 133, 2) points, the mean of both or MediaPipe's feet, and (N, 133)
        bool, which are kept: of body and feet alone.
    """
    body = PARTS['body']
    points, keep = mediapipe[0].copy(), np.zeros(mediapipe[1].shape, bool)
    sides = (boxes[:, 2:] - boxes[:, :2]).max(1)
    distance = np.linalg.norm(movenet[0] - points[:, body], axis=-1)
    keep[:, body] = (
        (distance <= MAX_DISTANCE * sides[:, None])
        & (movenet[1] >= MIN_SCORES['movenet'])
        & (mediapipe[1][:, body] > 0)
    )
    points[:, body] = (points[:, body] + movenet[0]) / 2
    for ankle, foot in ((15, (17, 18, 19)), (16, (20, 21, 22))):
        keep[:, foot] = keep[:, [ankle]] & (mediapipe[1][:, foot] > MIN_SCORES['feet'])
    return points, keep


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


def find_people(
    paths: list[Path], detector: Detector, smallest: float
) -> Iterator[Photo]:
    """Photos that can be read and show people, whose boxes' longer sides have at
    least ``smallest`` pixels."""
    for path in tqdm(paths):
        try:
            image = read_image(path)
        except ImageError:
            continue
        boxes = detector(image)[0]
        boxes = boxes[(boxes[:, 2:] - boxes[:, :2]).max(1, initial=0) >= smallest]
        if len(boxes):
            yield Photo(path, image.shape[1::-1], boxes)


def label_by_teachers(
    photos: list[Photo], movenet: MoveNet, python: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What :func:`find_agreement` gives for each photo; ``python`` has mediapipe."""
    bench = runpy.run_path(str(Path(__file__).parents[1] / 'bench/eval_photos.py'))
    points, scores = bench['MediaPipePredictor'](python)(
        [photo.path for photo in photos for _ in photo.boxes],
        np.concatenate([photo.boxes for photo in photos]),
    )
    ends = np.cumsum([len(photo.boxes) for photo in photos])
    for photo, end in zip(tqdm(photos), ends):
        rows = slice(end - len(photo.boxes), end)
        found = movenet(read_image(photo.path), photo.boxes)
        yield find_agreement(found, (points[rows], scores[rows]), photo.boxes)


def label_by_ourselves(
    photos: list[Photo], pose: PoseModel, min_score: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What :func:`find_consensus` gives for each photo."""
    rng = np.random.default_rng(0)
    for photo in tqdm(photos):
        image = read_image(photo.path)
        points, scores = predict_augmented(pose, image, photo.boxes, rng)
        yield find_consensus(points, scores, photo.boxes, min_score)


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('photos', type=Path, help='folder, with its subfolders')
    flags.add_argument('--out', type=Path, required=True)
    flags.add_argument('--detector', required=True)
    flags.add_argument('--pose', help='network of whole people')
    flags.add_argument('--parts', help='network of faces and hands')
    flags.add_argument('--movenet', metavar='FILE', help='MoveNet Thunder, .onnx')
    flags.add_argument('--mediapipe', metavar='PYTHON', help='a Python with mediapipe')
    flags.add_argument('--score', type=float, default=0.5, help='least, of a point')
    flags.add_argument('--box-score', type=float, default=0.5)
    flags.add_argument('--smallest', type=int, default=60, help='longer side of a box')
    flags = flags.parse_args()
    if not (flags.pose or flags.movenet and flags.mediapipe):
        raise SystemExit('error: give --pose, or --movenet and --mediapipe')
    detector = Detector(
        resolve_network(flags.detector, 'detector'), score_thr=flags.box_score
    )
    paths = find_photos(flags.photos)
    photos = list(find_people(paths, detector, flags.smallest))
    if flags.pose:
        parts = flags.parts and PoseModel(resolve_network(flags.parts))
        pose = PoseModel(resolve_network(flags.pose), second_look=parts)
        labels = label_by_ourselves(photos, pose, flags.score)
    else:
        labels = label_by_teachers(photos, MoveNet(flags.movenet), flags.mediapipe)
    (flags.out / 'images').mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number, (photo, (points, keep)) in enumerate(zip(photos, labels), 1):
        rows = make_annotations(points, keep, photo.boxes, number)
        if not rows:
            continue
        name = f'{number:06d}{photo.path.suffix}'
        link = flags.out / 'images' / name
        if not link.is_symlink():
            link.symlink_to(os.path.abspath(photo.path))
        width, height = photo.size
        images.append(dict(id=number, file_name=name, width=width, height=height))
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
