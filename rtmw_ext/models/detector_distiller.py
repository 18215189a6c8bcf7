"""A person detector that learns from another one where nothing is labelled.

Shapes: B images, P cells of all strides; (h, w) cells of a stride, (H, W) pixels
of the input; boxes are x1, y1, x2, y2 in pixels of the input.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.models.detectors import RTMDet
from mmdet.models.losses import GIoULoss
from mmdet.models.utils import unpack_gt_instances
from mmdet.structures import DetDataSample
from mmpose.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

#: Cells where the teacher is less sure than this have no box to learn.
MIN_TEACHER_SCORE = 0.05


@MODELS.register_module()
class DistilledDetector(RTMDet):
    """RTMDet that learns the boxes of images that have some, and of all other
    images what a teacher puts out for them, cell by cell: soft scores
    (quality focal loss) and boxes (GIoU, weighted by the teacher's score).
    Its checkpoints are those of an RTMDet.

    Source: dense distillation as in LD (arXiv 2102.12252), on the quality
    focal loss (arXiv 2006.04388).

    Args:
        *args: Of RTMDet.
        teacher: An ``.onnx`` file of RTMDet with raw heads, one (1, h, w, 5) a
            stride, for this input size and normalisation: the logit of a
            person, then the distances left, top, right, bottom in pixels.
        teacher_weight: Of its losses.
        **kwargs: Of RTMDet.
    """

    def __init__(
        self,
        *args: Any,
        teacher: str | Path,
        teacher_weight: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.teacher = load_teacher(teacher)
        self.teacher_weight = teacher_weight
        self.giou = GIoULoss(reduction='none')

    def loss(
        self, batch_inputs: Tensor, batch_data_samples: list[DetDataSample]
    ) -> dict[str, Tensor | list[Tensor]]:
        """
        Args:
            batch_inputs: (B, 3, H, W), normalised.
            batch_data_samples: B samples.

        Returns:
            ``loss_cls`` and ``loss_bbox`` of images with boxes, one a stride,
            ``loss_teacher_cls`` and ``loss_teacher_bbox`` of the others; 0
            without such images.
        """
        scores, distances = self.bbox_head(self.extract_feat(batch_inputs))
        labelled = torch.tensor(
            [
                len(sample.gt_instances) > 0 or sample.metainfo.get('nobody', False)
                for sample in batch_data_samples
            ]
        )
        # Of every output, so that each parameter has a gradient.
        zero = sum(value.sum() for value in (*scores, *distances)) * 0
        losses = dict.fromkeys(
            ('loss_cls', 'loss_bbox', 'loss_teacher_cls', 'loss_teacher_bbox'), zero
        )
        rows = labelled.nonzero()[:, 0].to(batch_inputs.device)
        if len(rows):
            instances, ignored, metas = unpack_gt_instances(
                [batch_data_samples[row] for row in rows.tolist()]
            )
            losses.update(
                self.bbox_head.loss_by_feat(
                    [level[rows] for level in scores],
                    [level[rows] for level in distances],
                    instances,
                    metas,
                    ignored,
                )
            )
        rows = (~labelled).nonzero()[:, 0].to(batch_inputs.device)
        if len(rows):
            logits, boxes = flatten_heads(
                [level[rows].float() for level in scores],
                [level[rows].float() for level in distances],
                [stride[0] for stride in self.bbox_head.prior_generator.strides],
            )
            losses.update(
                self.distillation_loss(
                    logits, boxes, *self.teacher_outputs(batch_inputs[rows])
                )
            )
        return losses

    @torch.no_grad()
    def teacher_outputs(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The teacher's logits (B, P) and boxes (B, P, 4) of inputs (B, 3, H, W)."""
        images = inputs.float().cpu().numpy()
        outputs = zip(*(self.teacher(image[None]) for image in images))
        heads = [
            torch.stack([torch.from_numpy(output[0]) for output in level])
            for level in outputs
        ]
        logits, boxes = flatten_heads(
            [head[..., :1].permute(0, 3, 1, 2) for head in heads],
            [head[..., 1:].permute(0, 3, 1, 2) for head in heads],
            [inputs.shape[3] / head.shape[2] for head in heads],
        )
        return logits.to(inputs.device), boxes.to(inputs.device)

    def distillation_loss(
        self,
        logits: Tensor,
        boxes: Tensor,
        teacher_logits: Tensor,
        teacher_boxes: Tensor,
    ) -> dict[str, Tensor]:
        """
        Args:
            logits: (B, P).
            boxes: (B, P, 4).
            teacher_logits: (B, P).
            teacher_boxes: (B, P, 4).

        Returns:
            ``loss_teacher_cls`` and ``loss_teacher_bbox``, scalars >= 0.
        """
        target = teacher_logits.sigmoid()
        error = (logits.sigmoid() - target).abs()
        cls_losses = error**2 * F.binary_cross_entropy_with_logits(
            logits, target, reduction='none'
        )
        positive = target > MIN_TEACHER_SCORE
        weights = target[positive]
        total = weights.sum().clamp(min=1)
        low, high = boxes[positive].split(2, 1)
        wanted = teacher_boxes[positive]
        sides = (wanted[:, 2:] - wanted[:, :2]).clamp(min=1).repeat(1, 2)
        # Raw heads may turn a box inside out, which GIoU alone would reward.
        overlap = self.giou(torch.cat([low, high.maximum(low)], 1), wanted)
        distance = ((boxes[positive] - wanted).abs() / sides).mean(1)
        box_losses = (overlap + distance) * weights
        return dict(
            loss_teacher_cls=self.teacher_weight * cls_losses.sum() / total,
            loss_teacher_bbox=self.teacher_weight * 2 * box_losses.sum() / total,
        )


def load_teacher(path: str | Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Runs an ``.onnx`` file: (1, 3, H, W) float32 -> its outputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider']
    )
    (image,) = session.get_inputs()
    return lambda images: session.run(None, {image.name: images})


def flatten_heads(
    scores: Sequence[Tensor], distances: Sequence[Tensor], strides: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Head maps -> logits (B, P) and boxes (B, P, 4) of all cells.

    Args:
        scores: (B, 1, h, w) a stride.
        distances: (B, 4, h, w) a stride: left, top, right, bottom in pixels.
        strides: In pixels.
    """
    logits, boxes = [], []
    for score, distance, stride in zip(scores, distances, strides):
        height, width = score.shape[2:]
        y, x = torch.meshgrid(
            torch.arange(height, device=score.device),
            torch.arange(width, device=score.device),
            indexing='ij',
        )
        points = torch.stack([x, y], -1).reshape(-1, 2) * stride
        sides = distance.flatten(2).transpose(1, 2)
        logits.append(score.flatten(1))
        boxes.append(torch.cat([points - sides[..., :2], points + sides[..., 2:]], -1))
    return torch.cat(logits, 1), torch.cat(boxes, 1)
