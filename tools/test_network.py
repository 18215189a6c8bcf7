#!/usr/bin/env python3
"""Whole-body AP of exported networks in the annotated boxes, by the runtime:

tools/test_network.py ANNOTATIONS IMAGE_FOLDER NETWORK [NETWORK ...]

It shows what int8 or bf16 costs.
"""
import argparse
import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from rtmw_ext.runtime import PoseModel
from rtmw_ext.runtime.results import Coco

METAINFO = 'configs/_base_/datasets/coco_wholebody.py'


def evaluate(pose, annotations, folder):
    """AP in [0, 1].

    Args:
        pose (PoseModel): Of the 133 points.
        annotations (str): COCO-WholeBody's file.
        folder (Path): Of its images.
    """
    sigmas = np.array(parse_pose_metainfo(dict(from_file=METAINFO))['sigmas'])
    with contextlib.redirect_stdout(io.StringIO()), \
            tempfile.TemporaryDirectory() as scratch:
        truth = COCO(annotations)
        results = Coco(Path(scratch))
        for image in truth.loadImgs(truth.getImgIds()):
            rows = truth.loadAnns(truth.getAnnIds(imgIds=image['id']))
            boxes = np.array([row['bbox'] for row in rows],
                             np.float32).reshape(-1, 4)
            boxes[:, 2:] += boxes[:, :2]
            first = len(results.found)
            results.add(image['file_name'], None,
                        pose(folder / image['file_name'], boxes))
            for row in results.found[first:]:
                row['image_id'] = image['id']
        evaluation = COCOeval(truth, truth.loadRes(results.found),
                              'keypoints_wholebody', sigmas, use_area=True)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def main():
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('annotations')
    flags.add_argument('images', type=Path)
    flags.add_argument('networks', nargs='+')
    flags.add_argument('--backend')
    flags.add_argument('--precision', default='fp32')
    flags = flags.parse_args()
    for path in flags.networks:
        pose = PoseModel(path, backend=flags.backend,
                         precision=flags.precision)
        value = evaluate(pose, flags.annotations, flags.images)
        print(f'{path}: AP {100 * value:.2f}', flush=True)


if __name__ == '__main__':
    main()
