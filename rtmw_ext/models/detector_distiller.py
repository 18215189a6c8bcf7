"""A person detector that learns from another one where nothing is labelled.

Shapes: B images, P cells of all strides; boxes are x1, y1, x2, y2 in pixels
of the input.
"""

import torch
from mmdet.models.detectors import RTMDet
from mmdet.models.losses import GIoULoss
from mmdet.models.utils import unpack_gt_instances
from mmpose.registry import MODELS
from torch.nn import functional as F

#: Cells where the teacher is less sure than this have no box to learn.
LEAST = 0.05


@MODELS.register_module()
class DistilledDetector(RTMDet):
    """RTMDet that learns the boxes of images that have some, and of all other
    images what a teacher puts out for them, cell by cell: soft scores
    (quality focal loss) and boxes (GIoU, weighted by the teacher's score).
    Its checkpoints are those of an RTMDet.

    Source: dense distillation as in LD (arXiv 2102.12252), on the quality
    focal loss (arXiv 2006.04388).

    Args:
        teacher (str): An ``.onnx`` file of RTMDet with raw heads, one
            (1, h, w, 5) a stride, for this input size and normalisation: the
            logit of a person, then the distances left, top, right, bottom in
            pixels.
        teacher_weight (float): Of its losses.
        kwargs: Of RTMDet.
    """

    def __init__(self, *args, teacher, teacher_weight=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.teacher = load_teacher(teacher)
        self.teacher_weight = teacher_weight
        self.giou = GIoULoss(reduction='none')

    def loss(self, batch_inputs, batch_data_samples):
        """
        Args:
            batch_inputs (Tensor): (B, 3, h, w), normalised.
            batch_data_samples (list[DetDataSample]): B samples.

        Returns:
            dict: ``loss_cls`` and ``loss_bbox`` of images with boxes,
            ``loss_teacher_cls`` and ``loss_teacher_bbox`` of the others; 0
            without such images.
        """
        scores, distances = self.bbox_head(self.extract_feat(batch_inputs))
        labelled = torch.tensor(
            [len(sample.gt_instances) > 0 for sample in batch_data_samples]
        )
        nothing = sum(value.sum() for value in (*scores, *distances)) * 0
        losses = dict(
            loss_cls=nothing,
            loss_bbox=nothing,
            loss_teacher_cls=nothing,
            loss_teacher_bbox=nothing,
        )
        rows = labelled.nonzero()[:, 0].to(batch_inputs.device)
        if len(rows):
            instances, ignored, metas = unpack_gt_instances(
                [batch_data_samples[row] for row in rows.tolist()]
            )
            losses.update(
                self.bbox_head.loss_by_feat(
                    *(
                        [level[rows] for level in levels]
                        for levels in (scores, distances)
                    ),
                    instances,
                    metas,
                    ignored,
                )
            )
        rows = (~labelled).nonzero()[:, 0].to(batch_inputs.device)
        if len(rows):
            losses.update(
                self.learn(
                    *flat(
                        *(
                            [level[rows].float() for level in levels]
                            for levels in (scores, distances)
                        ),
                        [
                            stride[0]
                            for stride in self.bbox_head.prior_generator.strides
                        ],
                    ),
                    *self.teach(batch_inputs[rows]),
                )
            )
        return losses

    @torch.no_grad()
    def teach(self, inputs):
        """The teacher's logits (B, P) and boxes (B, P, 4)."""
        images = inputs.float().cpu().numpy()
        heads = zip(*(self.teacher(image[None]) for image in images))
        heads = [
            torch.stack([torch.from_numpy(one[0]) for one in head]) for head in heads
        ]
        strides = [inputs.shape[3] / head.shape[2] for head in heads]
        logits, boxes = flat(
            [head[..., :1].permute(0, 3, 1, 2) for head in heads],
            [head[..., 1:].permute(0, 3, 1, 2) for head in heads],
            strides,
        )
        return logits.to(inputs.device), boxes.to(inputs.device)

    def learn(self, logits, boxes, teacher_logits, teacher_boxes):
        """
        Args:
            logits (Tensor): (B, P).
            boxes (Tensor): (B, P, 4).
            teacher_logits (Tensor): (B, P).
            teacher_boxes (Tensor): (B, P, 4).

        Returns:
            dict: ``loss_teacher_cls`` and ``loss_teacher_bbox``.
        """
        target = teacher_logits.sigmoid()
        away = (logits.sigmoid() - target).abs()
        score = away**2 * F.binary_cross_entropy_with_logits(
            logits, target, reduction='none'
        )
        sure = target > LEAST
        weights = target[sure]
        count = weights.sum().clamp(min=1)
        box = (self.giou(boxes[sure], teacher_boxes[sure]) * weights).sum()
        return dict(
            loss_teacher_cls=self.teacher_weight * score.sum() / count,
            loss_teacher_bbox=self.teacher_weight * 2 * box / count,
        )


def load_teacher(path):
    """Runs an ``.onnx`` file: (1, 3, h, w) float32 -> its outputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider']
    )
    (image,) = session.get_inputs()
    return lambda images: session.run(None, {image.name: images})


def flat(scores, distances, strides):
    """Head maps -> logits (B, P) and boxes (B, P, 4) of all cells.

    Args:
        scores (list[Tensor]): (B, 1, h, w) a stride.
        distances (list[Tensor]): (B, 4, h, w), left, top, right, bottom.
        strides (list[float]): In pixels.
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
