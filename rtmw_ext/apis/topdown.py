"""Boxes in, keypoints out: for callers with a detector of their own.

Shapes: N persons, K keypoints.
"""

import cv2
import numpy as np
from mmpose.apis import inference_topdown
from mmpose.structures import merge_data_samples

from ..core.errors import RTMWError
from ..core.images import read_image


class BoxError(RTMWError, ValueError):
    """A box cannot be cropped; the text names it."""


def estimate_poses(model, image, boxes):
    """Keypoints of the persons in given boxes.

    Args:
        model (nn.Module): From :func:`mmpose.apis.init_model`.
        image (str | ndarray): As ``read_image`` takes it.
        boxes (ndarray): (N, 4) x1, y1, x2, y2 in pixels.

    Returns:
        list[PoseDataSample]: N samples with ``pred_instances``.

    Raises:
        ImageError: The image is broken.
        BoxError: A box has no area, is not finite or lies outside the image.
    """
    image = read_image(image)
    boxes = check_boxes(boxes, image)
    return inference_topdown(model, image, boxes) if len(boxes) else []


def check_boxes(boxes, image):
    """Boxes as (N, 4) float32, or an error.

    Args:
        boxes (ndarray): (N, 4) x1, y1, x2, y2 in pixels.
        image (ndarray): (H, W, 3), what they lie in.

    Raises:
        BoxError: A box has no area, is not finite or lies outside the image.
    """
    boxes = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    height, width = image.shape[:2]
    for number, box in enumerate(boxes):
        x1, y1, x2, y2 = box
        if not np.isfinite(box).all() or x2 <= x1 or y2 <= y1:
            raise BoxError(
                f'box {number} is {box.tolist()}: it must be '
                'finite with x1 < x2 and y1 < y2'
            )
        if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
            raise BoxError(
                f'box {number}, {box.tolist()}, lies outside the '
                f'image of {width} x {height} pixels'
            )
    return boxes


def draw_poses(image, samples, dataset_meta, threshold=0.3, scale=1):
    """The image with skeletons and boxes drawn by mmpose's visualizer.

    Args:
        image (ndarray): (H, W, 3) uint8 BGR.
        samples (list[PoseDataSample]): From :func:`estimate_poses`.
        dataset_meta (dict): ``model.dataset_meta``.
        threshold (float): Points with a lower score are left out.
        scale (int): Line width and radius.

    Returns:
        ndarray: (H, W, 3) uint8 BGR.
    """
    from mmpose.visualization import PoseLocalVisualizer

    if not samples:
        return image.copy()
    visualizer = PoseLocalVisualizer(radius=scale, line_width=scale)
    visualizer.set_dataset_meta(dataset_meta)
    drawn = visualizer.add_datasample(
        'poses',
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB),
        merge_data_samples(samples),
        draw_gt=False,
        draw_bbox=True,
        kpt_thr=threshold,
    )
    return cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR)


def as_records(samples):
    """Predictions as plain data, in the keys of mmpose's JSON results.

    Returns:
        list[dict]: ``keypoints`` K x [x, y] in pixels, ``keypoint_scores``
        K numbers, ``bbox`` [x1, y1, x2, y2].
    """
    return [
        dict(
            keypoints=sample.pred_instances.keypoints[0].tolist(),
            keypoint_scores=sample.pred_instances.keypoint_scores[0].tolist(),
            bbox=sample.pred_instances.bboxes[0].tolist(),
        )
        for sample in samples
    ]
