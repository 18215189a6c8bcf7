"""Boxes in, keypoints out: for callers with a detector of their own.

Shapes: N persons, K keypoints.
"""

from typing import Any

import cv2
import numpy as np
from mmengine.structures import InstanceData
from mmpose.apis import inference_topdown
from mmpose.structures import PoseDataSample, merge_data_samples
from torch import nn

from ..core.calibration import calibrate
from ..core.crops import box_scores, check_boxes
from ..core.images import ImageSource, read_image
from ..models.losses import score_scale


def estimate_poses(
    model: nn.Module, image: ImageSource, boxes: np.ndarray
) -> list[PoseDataSample]:
    """Keypoints of the persons in given boxes.

    Args:
        model: From :func:`mmpose.apis.init_model`.
        image: As :func:`rtmw_ext.core.images.read_image` takes it.
        boxes: (N, 4) x1, y1, x2, y2 in pixels, or (N, 5) with scores; N may be 0.

    Returns:
        N samples with ``pred_instances``, whose scores are in [0, 1].

    Raises:
        ImageError: The image is broken.
        BoxError: Boxes have another shape, or one has no area, is not finite or
            lies outside the image.
    """
    image = read_image(image)
    scores = box_scores(boxes)
    boxes = check_boxes(boxes, image.shape[1::-1])
    samples = inference_topdown(model, image, boxes) if len(boxes) else []
    for sample, score in zip(samples, scores):
        sample.pred_instances.bbox_scores = score[None]
        scale_scores(model, sample.pred_instances)
    return samples


def scale_scores(model: nn.Module, people: InstanceData) -> None:
    """Brings raw scores of points to [0, 1], in place, by the curves of the model's
    weights where they have any; see docs/deploy.md.

    Args:
        model: From which ``people`` are.
        people: With ``keypoint_scores`` (N, K).
    """
    loss = getattr(model.head, 'loss_module', None)
    people.keypoint_scores = calibrate(
        people.keypoint_scores,
        getattr(model, 'curves', {}),
        score_scale(loss) or 1.0,
    )


def draw_poses(
    image: np.ndarray,
    samples: list[PoseDataSample],
    dataset_meta: dict[str, Any],
    threshold: float = 0.3,
    scale: int = 1,
) -> np.ndarray:
    """The image with skeletons and boxes drawn by mmpose's visualizer.

    Args:
        image: (H, W, 3) uint8 BGR.
        samples: From :func:`estimate_poses`.
        dataset_meta: ``model.dataset_meta``.
        threshold: Points with a lower score, in [0, 1], are left out.
        scale: Line width and radius in pixels.

    Returns:
        (H, W, 3) uint8 BGR.
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


def as_records(samples: list[PoseDataSample]) -> list[dict[str, list]]:
    """Predictions as plain data, in the keys of mmpose's JSON results.

    Returns:
        One dict a person: ``keypoints`` K x [x, y] in pixels,
        ``keypoint_scores`` K numbers in [0, 1], ``bbox`` [x1, y1, x2, y2].
    """
    return [
        dict(
            keypoints=sample.pred_instances.keypoints[0].tolist(),
            keypoint_scores=sample.pred_instances.keypoint_scores[0].tolist(),
            bbox=sample.pred_instances.bboxes[0].tolist(),
        )
        for sample in samples
    ]
