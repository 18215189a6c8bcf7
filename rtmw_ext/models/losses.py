"""Losses of RTMW3D (paper 3.2), where each axis has a weight of its own.

Shapes: B persons (crops), K keypoints, W bins of an axis, L bones.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmpose.models.losses import KLDiscretLoss
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..core.simcc import BETA
from ..core.skeleton import BONES, PARTS, ROOTS

#: Tensors of x, y and, in 3D, z.
Axes = tuple[Tensor, ...]


@MODELS.register_module()
class AxisKLDiscretLoss(KLDiscretLoss):
    """mmpose's SimCC loss with the weight of a point given for each axis.

    It is a sum over persons and axes, so that a mixed batch has the sum of
    its parts' losses; a weight of 0 gives a gradient of exactly 0.

    Source: RTMW paper (arXiv 2407.08634), section 3.2.

    Args:
        axis_weights: Factor of each axis. The loss of an axis is a mean over its
            bins, so that an axis of more bins counts less by itself.
        **kwargs: As of ``KLDiscretLoss``.
    """

    def __init__(
        self, *, axis_weights: Sequence[float] = (1.0, 1.0, 1.0), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis_weights = axis_weights

    def forward(self, predictions: Axes, targets: Axes, weights: Axes) -> Tensor:
        """
        Args:
            predictions: Logits of each axis, (B, K, W).
            targets: Labels of each axis, (B, K, W).
            weights: Of each axis, (B, K).

        Returns:
            A scalar >= 0.
        """
        loss = 0
        for prediction, target, weight, factor in zip(
            predictions, targets, weights, self.axis_weights
        ):
            if not self.use_target_weight:
                weight = torch.ones_like(weight)
            values = (
                factor * weight * of_known(weight, self.criterion, prediction, target)
            )
            if self.mask is not None:
                values[:, self.mask] *= self.mask_weight
            loss = loss + values.sum()
        return loss / predictions[0].shape[1]


@MODELS.register_module()
class SimCCBoneLoss(nn.Module):
    """Difference of bone lengths in SimCC space, L1, the mean over the bones
    whose ends are known.

    Coordinates are soft-argmaxes, the same for predictions and labels, in
    widths of the crop (bins over the bins of x), so that there is a gradient
    and its size does not depend on the resolution. Where the z of an end is
    unknown, a bone is measured in x and y.

    Source: RTMW paper (arXiv 2407.08634), section 3.2; released weight 2.

    Args:
        bones: Pairs of points. None: those of the 133 COCO-WholeBody points.
        beta: Temperature of the predictions, as of the KL loss.
        label_beta: Temperature of the labels.
        loss_weight: Factor of the loss.
    """

    def __init__(
        self,
        bones: Sequence[tuple[int, int]] | None = None,
        beta: float = BETA,
        label_beta: float = BETA,
        loss_weight: float = 2.0,
    ) -> None:
        super().__init__()
        self.register_buffer(
            'bones', torch.tensor(BONES if bones is None else bones), persistent=False
        )
        self.beta = beta
        self.label_beta = label_beta
        self.loss_weight = loss_weight

    def forward(self, predictions: Axes, targets: Axes, weights: Axes) -> Tensor:
        """
        Args:
            predictions: Logits of x, y, z, (B, K, W) each.
            targets: Labels of x, y, z, (B, K, W) each.
            weights: Of x, y, z, (B, K) each.

        Returns:
            A scalar >= 0; 0 if no bone is known.
        """
        _, known, z_known = weights
        start, stop = self.bones.unbind(1)
        use = known[:, start] * known[:, stop]
        deep = (z_known[:, start] * z_known[:, stop] > 0).to(use)
        predicted, true = (
            self._lengths(axes, weights, beta, deep)
            for axes, beta in ((predictions, self.beta), (targets, self.label_beta))
        )
        error = (use * (predicted - true).abs()).sum()
        return self.loss_weight * error / use.sum().clamp(min=1)

    def _lengths(self, axes: Axes, weights: Axes, beta: float, deep: Tensor) -> Tensor:
        """(B, L) in widths of the crop; ``deep`` (B, L) switches z on."""
        start, stop = self.bones.unbind(1)
        width = axes[0].shape[2]
        steps = []
        for axis, weight in zip(axes, weights):
            position = (
                of_known(weight, lambda rows: soft_argmax(rows, beta), axis) / width
            )
            steps.append(position[:, start] - position[:, stop])
        steps[2] = steps[2] * deep
        return torch.linalg.vector_norm(torch.stack(steps, 2), dim=2)


@MODELS.register_module()
class SimCCCoordinateLoss(nn.Module):
    """L1 distance of the expected bins to the true ones, and of the offsets of
    each part's points from its anchor (hands: the wrist, face: the nose) to the
    true offsets. The KL loss compares every bin; this compares the coordinates
    that a decoder gives, in pixels and in metres.

    A sum over persons and axes and a mean over points, as the KL loss is;
    coordinates are in widths of the crop (bins over the bins of x).

    Source: integral regression (arXiv 1711.08229), section 2.

    Args:
        beta: Temperature of the predictions, as of the KL loss.
        anchor_weight: Of the offsets from the anchors.
        axis_weights: Factor of each axis.
        loss_weight: Factor of the loss.
    """

    def __init__(
        self,
        beta: float = 1.0,
        anchor_weight: float = 1.0,
        axis_weights: Sequence[float] = (1.0, 1.0, 1.0),
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.beta = beta
        self.axis_weights = axis_weights
        self.anchor_weight = anchor_weight
        self.loss_weight = loss_weight
        pairs = [
            (point, anchor)
            for part, anchor in ROOTS.items()
            for point in PARTS[part]
            if point != anchor
        ]
        self.register_buffer('pairs', torch.tensor(pairs), persistent=False)

    def forward(self, predictions: Axes, targets: Axes, weights: Axes) -> Tensor:
        """Arguments and result are those of :meth:`AxisKLDiscretLoss.forward`."""
        points, anchors = self.pairs.unbind(1)
        loss = 0
        for logits, labels, weight, factor in zip(
            predictions, targets, weights, self.axis_weights
        ):
            errors = of_known(weight, self._errors, logits, labels)
            weight = weight * factor
            loss = loss + (weight * errors.abs()).sum()
            both = torch.minimum(weight[:, points], weight[:, anchors])
            apart = errors[:, points] - errors[:, anchors]
            loss = loss + self.anchor_weight * (both * apart.abs()).sum()
        return (
            self.loss_weight
            * loss
            / (predictions[0].shape[1] * predictions[0].shape[2])
        )

    def _errors(self, logits: Tensor, labels: Tensor) -> Tensor:
        return soft_argmax(logits, self.beta) - labels.argmax(-1)


def score_scale(loss: nn.Module | None) -> float | None:
    """Factor by which the score of a sure point is 1, for a model that was trained
    with a loss.

    ``KLDiscretLoss`` compares the softmaxes of ``beta`` times the logits and of
    ``label_beta`` times the labels, whose highest bin is 1.

    Returns:
        None for other losses, which do not say.
    """
    if not getattr(loss, 'label_softmax', False):
        return None
    return float(loss.beta / loss.label_beta)


def of_known(weights: Tensor, function: Callable[..., Tensor], *axes: Tensor) -> Tensor:
    """A function of the bins of each point whose weight is not 0: in crops of a
    face or hand, a third of the points.

    On a GPU the function gets all points, because the GPU would have to wait
    until the host knows how many rows to compute.

    Args:
        weights: (B, K).
        function: (R, W) of each axis -> (R, ).
        axes: (B, K, W).

    Returns:
        (B, K), 0 where the weight is 0.
    """
    known = weights != 0
    if weights.is_cuda:
        return (
            function(*(axis.flatten(0, 1) for axis in axes)).view(weights.shape) * known
        )
    values = function(*(axis[known] for axis in axes))
    return values.new_zeros(weights.shape).masked_scatter(known, values)


def soft_argmax(simcc: Tensor, beta: float) -> Tensor:
    """The expected bin, (..., W) -> (...) float32, differentiable."""
    # In bfloat16 there is no bin 257.
    with torch.autocast(simcc.device.type, enabled=False):
        bins = torch.arange(simcc.shape[-1], device=simcc.device, dtype=torch.float32)
        return (simcc.float() * beta).softmax(-1) @ bins
