"""The estimator of RTMW, with a second look at faces and hands.

Shapes: N persons (crops), K keypoints, P parts of a second look, A axes.
"""

import functools
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor

from ..core.calibration import Curve, join_curves
from ..core.crops import crop_matrices, points_to_image, variances_to_image
from ..core.errors import ConfigError
from ..core.second_look import Prediction, refine_parts
from ..core.simcc import Z_RANGE, point_variances
from ..core.skeleton import NUM_KEYPOINTS
from .data_preprocessor import warp
from .losses import score_scale


@MODELS.register_module()
class RTMWEstimator(TopdownPoseEstimator):
    """Top-down estimator whose faces and hands a second model can refine, see
    :mod:`rtmw_ext.core.second_look`.

    ``test_cfg=dict(second_look=...)`` names a model that was trained on crops of
    faces and hands (``BatchPipeline(part_prob=1.)``), by its name or by
    arguments of :func:`rtmw_ext.models.loading.load_model`. Its crops are taken
    from the input of this estimator. Without that, this is mmpose's estimator,
    whose weights it loads.

    Attributes:
        calibration (dict | None): Curves of the weights' file, see
            :mod:`rtmw_ext.core.calibration`. They say what raw scores without a
            flip test are worth. Predictions have raw scores; what calibrates them
            is :func:`rtmw_ext.apis.topdown.scale_scores`.
    """

    calibration: dict[str, Curve] | None = None

    def _load_from_state_dict(
        self, state_dict: dict, prefix: str, local_metadata: dict, *args: Any
    ) -> None:
        # Of other points, which a training may begin with, the curves say nothing.
        if self.head.out_channels == NUM_KEYPOINTS:
            self.calibration = local_metadata.get('calibration')
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    def predict(
        self, inputs: Tensor, data_samples: list[PoseDataSample]
    ) -> list[PoseDataSample]:
        """
        Args:
            inputs: (N, 3, h, w), normalised.
            data_samples: N.

        Returns:
            The same, with ``pred_instances``, and ``pred_fields`` if asked for: the
            heatmaps of the first look.

        Raises:
            ConfigError: A second look is asked for, but not of the 133 points.
        """
        if not self.test_cfg.get('second_look'):
            return super().predict(inputs, data_samples)
        parts = self.parts_model.to(inputs.device)
        for model in (self, parts):
            if model.head.out_channels != NUM_KEYPOINTS:
                raise ConfigError(
                    'test_cfg has second_look, which is for '
                    f'{NUM_KEYPOINTS} points, a model has '
                    f'{model.head.out_channels}: turn it off'
                )
        simcc = self.predict_logits(inputs, data_samples)
        instances, first = self.decode(simcc)
        fields = None
        if self.test_cfg.get('output_heatmaps', False):
            fields = self.head.heatmaps(simcc, instances)
        height, width = inputs.shape[2:]
        whole = np.tile(np.array([0.0, 0.0, width, height]), (len(inputs), 1))

        def predict_parts(
            boxes: np.ndarray, tilts: np.ndarray, mirrored: np.ndarray
        ) -> Prediction:
            size = parts.head.input_size[:2]
            matrices = crop_matrices(boxes, size, tilts, mirrored)
            crops = self.crop(
                inputs.repeat_interleave(len(boxes) // len(inputs), 0), matrices, size
            )
            # No flip test: the crop of a hand always shows a left one.
            _, (points, scores, variances) = parts.decode(parts.predict_logits(crops))
            return (
                points_to_image(matrices, points),
                scores * self._unit,
                variances_to_image(matrices, variances),
            )

        self._set_points(instances, *refine_parts(first, whole, predict_parts))
        return self.add_pred_to_datasample(instances, fields, data_samples)

    @functools.cached_property
    def parts_model(self) -> 'RTMWEstimator':
        """The model of the second look. It is no submodule, so
        it is in no checkpoint of this one."""
        from .loading import load_model

        name = self.test_cfg['second_look']
        return load_model(**(dict(name=name) if isinstance(name, str) else name))[0]

    @property
    def score_scale(self) -> float:
        """Factor by which the raw score of a sure point is 1; 1 where the loss does
        not say."""
        return score_scale(self.head.loss_module) or 1.0

    @property
    def _unit(self) -> float:
        """Raw scores of the second look -> raw scores of this model."""
        return self.parts_model.score_scale / self.score_scale

    @property
    def curves(self) -> dict[str, Curve]:
        """Of the raw scores of :meth:`predict`; {} without."""
        if not self.test_cfg.get('second_look'):
            return self.calibration or {}
        return join_curves(self.calibration, self.parts_model.calibration, self._unit)

    def predict_logits(
        self, inputs: Tensor, data_samples: list[PoseDataSample] | None = None
    ) -> tuple[Tensor, ...]:
        """
        Args:
            inputs: (N, 3, h, w), normalised.
            data_samples: N, for the flip test of ``test_cfg``; None: no flip test.

        Returns:
            SimCC logits of each axis, (N, K, bins).
        """
        feats = self.extract_feat(inputs)
        if data_samples and self.test_cfg.get('flip_test', False):
            feats = [feats, self.extract_feat(inputs.flip(-1))]
            return self.head.predict_logits(feats, data_samples, self.test_cfg)
        return self.head.forward(feats)

    def decode(
        self, simcc: tuple[Tensor, ...]
    ) -> tuple[list[InstanceData], Prediction]:
        """
        Args:
            simcc: Of :meth:`predict_logits`.

        Returns:
            N instances as the head decodes them; and points (N, K, A), x and y in
            pixels of the input and z in metres, scores (N, K) and variances of the
            points (N, K, A).
        """
        head = self.head
        instances = head.decode(simcc, self.test_cfg.get('expected_bins', False))
        points = np.concatenate([person.keypoints for person in instances])
        if len(simcc) == 3:
            z = np.concatenate([person.keypoints_z for person in instances])
            points = np.concatenate([points, z[..., None]], -1)
        variances = point_variances(
            to_numpy(simcc),
            head.loss_module.beta,
            head.decoder.simcc_split_ratio,
            getattr(head.decoder, 'z_range', Z_RANGE),
        )
        scores = np.concatenate([person.keypoint_scores for person in instances])
        return instances, (points, scores, variances)

    def crop(
        self, inputs: Tensor, matrices: np.ndarray, size: tuple[int, int]
    ) -> Tensor:
        """
        Args:
            inputs: (N, 3, H, W), normalised.
            matrices: (N, 2, 3) of :func:`rtmw_ext.core.crops.crop_matrices`.
            size: (w, h) of the crops.

        Returns:
            One crop of each input, (N, 3, h, w), black outside the input.
        """
        matrices = np.concatenate(
            [matrices, np.broadcast_to([[[0, 0, 1]]], (len(matrices), 1, 3))], 1
        )
        processor = self.data_preprocessor
        black = (-processor.mean / processor.std).to(inputs)
        return warp(inputs - black, torch.from_numpy(matrices).to(inputs), size) + black

    def _set_points(
        self, instances: list[InstanceData], points: np.ndarray, scores: np.ndarray
    ) -> None:
        """Writes points (N, K, A) and scores (N, K) into N instances."""
        points = points.astype(np.float32)
        for person, person_points, person_scores in zip(instances, points, scores):
            person.keypoints = person_points[None, :, :2]
            person.keypoint_scores = person_scores[None]
            if points.shape[2] == 3:
                self.head.set_depth(person, person_points[None])
