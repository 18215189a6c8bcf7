"""COCO-WholeBody annotations, checked sample by sample.

Shapes: K keypoints (133).
"""
import json
import logging
from pathlib import Path

import numpy as np
from mmengine.logging import print_log
from mmpose.datasets import CocoWholeBodyDataset
from mmpose.registry import DATASETS

# (field, values) of an annotation, in the order of the 133 points.
PARTS = (('keypoints', 51), ('foot_kpts', 18), ('face_kpts', 204),
         ('lefthand_kpts', 63), ('righthand_kpts', 63))


class AnnotationError(ValueError):
    """An annotation cannot be used; the text names it and what is wrong."""


@DATASETS.register_module()
class WholeBodyDataset(CocoWholeBodyDataset):
    """mmpose's COCO-WholeBody dataset, where a sample that cannot be used is
    skipped with one warning that names it, instead of failing in a worker.

    Source: https://github.com/jin-s13/COCO-WholeBody.

    Raises:
        AnnotationError: The annotation file is missing, is no JSON (cut off,
            say), has no ``images`` or ``annotations``, or no usable sample.
    """

    def _load_annotations(self):
        path = Path(self.ann_file)
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise AnnotationError(
                f'annotation file {path} does not exist: put the dataset '
                'there, or set data_root and ann_file of the dataset in the '
                'config') from None
        except (ValueError, UnicodeDecodeError) as error:
            raise AnnotationError(
                f'annotation file {path} is not valid JSON ({error}): it may '
                'be cut off, fetch it again') from None
        if not isinstance(content, dict) or not {'images', 'annotations'
                                                 } <= content.keys():
            raise AnnotationError(
                f'annotation file {path} is not in COCO format: it needs the '
                'keys "images" and "annotations"')
        instances, images = super()._load_annotations()
        if not instances:
            raise AnnotationError(
                f'annotation file {path} has no usable person: see the '
                'warnings above')
        return instances, images

    def parse_data_info(self, raw_data_info):
        """One annotation -> one sample, or None with a warning."""
        annotation = raw_data_info['raw_ann_info']
        problem = find_problem(annotation, raw_data_info['raw_img_info'])
        if problem:
            print_log(
                f'{self.ann_file}: annotation {annotation.get("id")} skipped: '
                f'{problem}',
                logger='current',
                level=logging.WARNING)
            return None
        annotation.setdefault('iscrowd', 0)
        annotation.setdefault('segmentation', [])
        return super().parse_data_info(raw_data_info)


def find_problem(annotation, image):
    """What makes an annotation unusable, in words, or None.

    Args:
        annotation (dict): A COCO-WholeBody annotation.
        image (dict): Its image entry, with ``width`` and ``height``.
    """
    for field in ('id', 'image_id', 'bbox', 'num_keypoints', 'category_id'):
        if field not in annotation:
            return f'it has no "{field}"'
    for field, count in PARTS:
        values = annotation.get(field)
        if values is None:
            return f'it has no "{field}"'
        if len(values) != count:
            return f'"{field}" has {len(values)} values instead of {count}'
        if not np.isfinite(np.asarray(values, dtype=float)).all():
            return f'"{field}" holds NaN or infinity'
    box = np.asarray(annotation['bbox'], dtype=float)
    if box.shape != (4, ) or not np.isfinite(box).all():
        return f'its box {annotation["bbox"]} is not four finite numbers'
    x, y, w, h = box
    if w <= 0 or h <= 0:
        return f'its box {annotation["bbox"]} has no area'
    if x >= image['width'] - 1 or y >= image['height'] - 1 or min(
            x + w, y + h) <= 0:
        return (f'its box {annotation["bbox"]} lies outside the image of '
                f'{image["width"]} x {image["height"]} pixels')
    return None
