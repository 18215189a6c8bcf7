#!/usr/bin/env python3
"""Box AP and recall of exported person detectors on COCO annotations, computed
by the runtime:

tools/test_detector.py ANNOTATIONS IMAGE_FOLDER DETECTOR [DETECTOR ...]
"""

import argparse
import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from rtmw_ext.datasets.coco import PERSON, read_people
from rtmw_ext.runtime import Detector
from rtmw_ext.runtime.identity import iou
from rtmw_ext.zoo import resolve_network

#: A person is detected by a box that overlaps its own with this IoU.
LEAST_IOU = 0.5
#: Least confidence of the boxes that AP ranks.
SCORE_THR = 0.01


def evaluate(
    detector: Callable,
    annotations: str | Path,
    folder: str | Path,
    threshold: float = 0.3,
    side: float = 0,
) -> dict[str, float]:
    """
    Args:
        detector: A Detector with a low ``score_thr``, for AP's sake.
        annotations: COCO's file, of persons.
        folder: Of its images.
        threshold: Least score of the boxes that count for recall.
        side: Persons count for recall if the area of their box is at least
            that of a square with this side, in pixels.

    Returns:
        ``AP`` and ``AP50`` in [0, 1]; ``people``, how many count for recall;
        ``detected``, how many of them have a box of their own with an IoU of
        0.5 or more; ``boxes``, how many reach the threshold.

    Raises:
        AnnotationError: The file cannot be read, or a person cannot be used.
    """
    truth = COCO()
    truth.dataset = read_people(annotations, folder)
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
    people = detected = count = 0
    rows = []
    for image in truth.loadImgs(truth.getImgIds()):
        boxes, scores = detector(Path(image['img_path']))
        rows += [
            dict(
                image_id=image['id'],
                category_id=PERSON['id'],
                score=float(score),
                bbox=[x1, y1, x2 - x1, y2 - y1],
            )
            for (x1, y1, x2, y2), score in zip(boxes.tolist(), scores)
        ]
        boxes = boxes[scores >= threshold]
        count += len(boxes)
        annotated = truth.loadAnns(truth.getAnnIds(imgIds=image['id'], iscrowd=False))
        persons = np.array([row['bbox'] for row in annotated], float).reshape(-1, 4)
        persons = persons[persons[:, 2] * persons[:, 3] >= side**2]
        persons[:, 2:] += persons[:, :2]
        people += len(persons)
        detected += _count_pairs(iou(persons, boxes))
    ap, ap50 = _box_ap(truth, rows) if rows else (0.0, 0.0)
    return dict(AP=ap, AP50=ap50, people=people, detected=detected, boxes=count)


def _box_ap(truth: COCO, rows: list[dict]) -> tuple[float, float]:
    """AP and AP50."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(rows), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[1])


def _count_pairs(overlap: np.ndarray) -> int:
    """How many persons (rows) get a box (column) of their own."""
    overlap, count = overlap.copy(), 0
    while overlap.size and overlap.max() >= LEAST_IOU:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        overlap[row], overlap[:, column] = 0, 0
        count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('annotations')
    parser.add_argument('images', type=Path)
    parser.add_argument('detectors', nargs='+', help='files or names')
    parser.add_argument(
        '--threshold', type=float, default=0.3, help='least score for recall'
    )
    parser.add_argument(
        '--side',
        type=float,
        default=0,
        help='recall of people whose box has the area of a square with this side, '
        'in pixels, or more',
    )
    flags = parser.parse_args()
    for name in flags.detectors:
        detector = Detector(resolve_network(name, 'detector'), score_thr=SCORE_THR)
        values = evaluate(
            detector, flags.annotations, flags.images, flags.threshold, flags.side
        )
        recall = values['detected'] / max(values['people'], 1)
        print(
            f'{name}: AP50 {values["AP50"]:.3f}, AP {values["AP"]:.3f}; '
            f'recall at IoU {LEAST_IOU} {recall:.3f} ({values["detected"]} of '
            f'{values["people"]}, {values["boxes"]} boxes)',
            flush=True,
        )


if __name__ == '__main__':
    main()
