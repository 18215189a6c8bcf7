#!/usr/bin/env python3
"""Box AP and recall of exported person detectors on COCO annotations, by the
runtime:

tools/test_detector.py ANNOTATIONS IMAGE_FOLDER DETECTOR [DETECTOR ...]
"""

import argparse
import contextlib
import io
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from rtmw_ext.runtime import Detector
from rtmw_ext.runtime.tracking import iou
from rtmw_ext.zoo import resolve_network

LEAST_IOU = 0.5


def evaluate(detector, annotations, folder, threshold=0.3, side=0):
    """
    Args:
        detector (Detector): With a low ``score_thr``, for AP's sake.
        annotations (str | Path): COCO's file, of persons.
        folder (Path): Of its images.
        threshold (float): Least score of boxes that count for recall.
        side (float): Persons count for recall whose box has an area of so
            many pixels squared.

    Returns:
        dict: ``AP`` and ``AP50`` in [0, 1]; ``people``, how many count for
        recall; ``found``, how many of them have a box of their own that
        overlaps with IoU 0.5 or more; ``boxes``, how many reach the
        threshold.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
    people = found = count = 0
    rows = []
    for image in truth.loadImgs(truth.getImgIds()):
        boxes, scores = detector(Path(folder) / image['file_name'])
        rows += [
            dict(
                image_id=image['id'],
                category_id=1,
                score=float(score),
                bbox=[x1, y1, x2 - x1, y2 - y1],
            )
            for (x1, y1, x2, y2), score in zip(boxes.tolist(), scores)
        ]
        boxes = boxes[scores >= threshold]
        count += len(boxes)
        persons = [
            row['bbox']
            for row in truth.loadAnns(
                truth.getAnnIds(imgIds=image['id'], iscrowd=False)
            )
        ]
        persons = np.array(persons, float).reshape(-1, 4)
        persons = persons[persons[:, 2] * persons[:, 3] >= side**2]
        persons[:, 2:] += persons[:, :2]
        people += len(persons)
        found += _pairs(iou(persons, boxes))
    with contextlib.redirect_stdout(io.StringIO()):
        if rows:
            evaluation = COCOeval(truth, truth.loadRes(rows), 'bbox')
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
    ap, ap50 = evaluation.stats[:2] if rows else (0.0, 0.0)
    return dict(AP=float(ap), AP50=float(ap50), people=people, found=found, boxes=count)


def _pairs(overlap):
    """How many persons (rows) get a box (column) of their own."""
    overlap, count = overlap.copy(), 0
    while overlap.size and overlap.max() >= LEAST_IOU:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        overlap[row], overlap[:, column] = 0, 0
        count += 1
    return count


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    flags.add_argument('annotations')
    flags.add_argument('images', type=Path)
    flags.add_argument('detectors', nargs='+', help='files or names')
    flags.add_argument(
        '--threshold', type=float, default=0.3, help='least score for recall'
    )
    flags.add_argument(
        '--side',
        type=float,
        default=0,
        help='recall of people of so many pixels squared',
    )
    flags = flags.parse_args()
    for name in flags.detectors:
        detector = Detector(resolve_network(name, 'detector'), score_thr=0.01)
        found = evaluate(
            detector, flags.annotations, flags.images, flags.threshold, flags.side
        )
        print(
            f'{name}: AP50 {found["AP50"]:.3f}, AP {found["AP"]:.3f}; '
            f'recall at IoU {LEAST_IOU} '
            f'{found["found"] / max(found["people"], 1):.3f} '
            f'({found["found"]} of {found["people"]}, '
            f'{found["boxes"]} boxes)',
            flush=True,
        )


if __name__ == '__main__':
    main()
