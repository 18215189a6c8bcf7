"""The head of RTMW3D: RTMW's with a third classifier for z (paper 3.2).

Shapes: B persons (crops), K keypoints, W, H and D SimCC bins of x, y and z.
"""

from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.models.utils.tta import flip_vectors
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from ..core.simcc import z_step
from .rtmw_head import RTMWSimCCHead, batch_factor, gather_labels, simcc_pck


@MODELS.register_module()
class RTMW3DHead(RTMWSimCCHead):
    """Released checkpoints load unchanged (``cls_z`` beside RTMW's names). The
    ``decoder`` is a :class:`rtmw_ext.codecs.SimCC3DLabel`.

    Source: RTMW paper (arXiv 2407.08634), section 3.2.

    Args:
        loss: Loss of (predictions, targets, weights), one of each an axis.
        bone_loss: Another such loss; None leaves it out.
        coordinate_loss: A third one, likewise.
        **kwargs: As of :class:`RTMWSimCCHead`.
    """

    def __init__(
        self,
        *args: Any,
        loss: dict = dict(type='AxisKLDiscretLoss', label_softmax=True),
        bone_loss: dict | None = None,
        coordinate_loss: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, loss=loss, **kwargs)
        self.bone_loss = bone_loss and MODELS.build(bone_loss)
        self.coordinate_loss = coordinate_loss and MODELS.build(coordinate_loss)
        self.cls_z = nn.Linear(
            self.cls_x.in_features, self.decoder.axes[2].bins, bias=False
        )

    @property
    def classifiers(self) -> list[nn.Linear]:
        return [self.cls_x, self.cls_y, self.cls_z]

    @staticmethod
    def flip_back(
        simcc: tuple[Tensor, ...], flip_indices: list[int]
    ) -> tuple[Tensor, ...]:
        """As in 2D; depth does not change in a mirror."""
        x, y, z = simcc
        return *flip_vectors(x, y, flip_indices), z[:, flip_indices]

    def decode(
        self, simcc: tuple[Tensor, ...], expected: bool = False
    ) -> list[InstanceData]:
        """SimCC logits -> points of every person.

        Args:
            simcc: (B, K, W), (B, K, H), (B, K, D).
            expected: As of :class:`RTMWSimCCHead`.

        Returns:
            B times ``keypoints`` (1, K, 2) in pixels of the crop, ``keypoints_z``
            (1, K) in metres from the root, ``keypoints_simcc`` (1, K, 3) in pixels
            of the three axes, and ``keypoint_scores`` (1, K).
        """
        predictions = super().decode(simcc, expected)
        for instances in predictions:
            points = instances.keypoints
            self.set_depth(instances, points)
            instances.keypoints = points[..., :2].copy()
        return predictions

    def set_depth(self, instances: InstanceData, points: np.ndarray) -> None:
        """Writes ``keypoints_z`` and ``keypoints_simcc`` into instances.

        Args:
            instances: Of one person.
            points: (1, K, 3), x and y in pixels of the crop and z in metres.
        """
        pixels = self.decoder.z_to_pixels(points[..., 2:])
        instances.keypoints_z = points[..., 2]
        instances.keypoints_simcc = np.concatenate([points[..., :2], pixels], axis=-1)

    def loss(
        self,
        feats: tuple[Tensor, ...],
        batch_data_samples: list[PoseDataSample],
        train_cfg: dict = {},
    ) -> dict[str, Tensor]:
        """
        Returns:
            ``loss_kpt``, ``loss_map``, ``loss_bone`` and ``loss_coordinate``;
            ``acc_pose``, the PCK at 5% of the crop over visible points, in [0, 1];
            ``z_error``, the mean error in metres of the points whose z is known.
        """
        predictions, maps = self.forward_with_maps(feats)
        x, y, z, weights, z_weights = gather_labels(
            batch_data_samples,
            'keypoint_x_labels',
            'keypoint_y_labels',
            'keypoint_z_labels',
            'keypoint_weights',
            'keypoint_z_weights',
        )
        targets, axis_weights = (x, y, z), (weights, weights, z_weights)
        loss = self.loss_module(predictions, targets, axis_weights)
        losses = dict(
            loss_kpt=loss * batch_factor(train_cfg, len(x)),
            **self.map_losses(maps, x, y, weights),
        )
        if self.bone_loss is not None:
            losses['loss_bone'] = self.bone_loss(predictions, targets, axis_weights)
        if self.coordinate_loss is not None:
            losses['loss_coordinate'] = batch_factor(
                train_cfg, len(x)
            ) * self.coordinate_loss(predictions, targets, axis_weights)
        losses['acc_pose'] = simcc_pck(predictions[:2], targets[:2], weights > 0)
        with torch.no_grad():
            bins = (predictions[2].argmax(2) - z.argmax(2)).abs() * z_weights
            losses['z_error'] = (
                bins.sum()
                / z_weights.sum().clamp(min=1)
                * z_step(z.shape[2], self.decoder.z_range)
            )
        return losses
