"""The estimator of RTMW, with a second look at faces and hands.

Shapes: N persons (crops), K keypoints, P parts of a second look, A axes.
"""

import functools

import numpy as np
import torch
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from mmpose.utils.tensor_utils import to_numpy

from ..core.second_look import look_again, variance
from ..core.skeleton import NUM_KEYPOINTS
from ..runtime.pose import frames, to_image
from .data_preprocessor import warp


@MODELS.register_module()
class RTMWEstimator(TopdownPoseEstimator):
    """Top-down estimator whose faces and hands another one can look at again,
    see :mod:`rtmw_ext.core.second_look`: ``test_cfg=dict(second_look=...)`` names
    one that learned faces and hands on their own
    (``BatchPipeline(part_prob=1.)``), by a model's name or by arguments of
    :func:`rtmw_ext.models.loading.load_model`. Its crops are taken out of this
    one's; elsewhere mmpose's estimator, whose weights it loads.
    """

    def predict(self, inputs, data_samples):
        """
        Args:
            inputs (Tensor): (N, 3, h, w), normalised.
            data_samples (list[PoseDataSample]): N.

        Returns:
            list[PoseDataSample]: The same, with ``pred_instances``, and
            ``pred_fields`` if asked for: the heatmaps of the first look.

        Raises:
            ValueError: A second look is asked for, but not of the 133 points.
        """
        if not self.test_cfg.get('second_look'):
            return super().predict(inputs, data_samples)
        parts = self.parts_model.to(inputs.device)
        for model in (self, parts):
            if model.head.out_channels != NUM_KEYPOINTS:
                raise ValueError(
                    'test_cfg has second_look, which is for '
                    f'{NUM_KEYPOINTS} points, a model has '
                    f'{model.head.out_channels}: turn it off'
                )
        simcc, instances, *first = self.look(inputs, data_samples)
        fields = None
        if self.test_cfg.get('output_heatmaps', False):
            fields = self.head.heatmaps(simcc, instances)
        height, width = inputs.shape[2:]
        whole = np.tile(np.float64([[0, 0, width, height]]), (len(inputs), 1))

        def again(boxes, tilts, mirrored):
            size = parts.head.input_size[:2]
            matrices = frames(boxes, size, tilts, mirrored)
            crops = self.cut(
                inputs.repeat_interleave(len(boxes) // len(inputs), 0), matrices, size
            )
            # No flip test: a hand alone is always a left one.
            _, _, points, scores, variances = parts.look(crops)
            points, variances = to_image(matrices, points, variances)
            return points, scores, variances

        self.put(instances, *look_again(first, whole, again))
        return self.add_pred_to_datasample(instances, fields, data_samples)

    @functools.cached_property
    def parts_model(self):
        """RTMWEstimator: The one that looks again; no module of this one, so
        that it is in no checkpoint."""
        from .loading import load_model

        name = self.test_cfg['second_look']
        return load_model(**(dict(name=name) if isinstance(name, str) else name))[0]

    def look(self, inputs, data_samples=None):
        """
        Args:
            inputs (Tensor): (N, 3, h, w), normalised.
            data_samples (list[PoseDataSample], optional): N, for the flip
                test; without them there is none.

        Returns:
            tuple: The SimCC logits, N instances as the head decodes them,
            their points (N, K, A), x and y in pixels of the input and z in
            metres, scores (N, K), and variances like the points.
        """
        feats = self.extract_feat(inputs)
        head = self.head
        if data_samples and self.test_cfg.get('flip_test', False):
            feats = [feats, self.extract_feat(inputs.flip(-1))]
            simcc = head.see(feats, data_samples, self.test_cfg)
        else:
            simcc = head.forward(feats)
        instances = head.decode(simcc, self.test_cfg.get('expected_bins', False))
        units = [1 / head.decoder.simcc_split_ratio] * len(simcc)
        points = np.concatenate([found.keypoints for found in instances])
        if len(simcc) == 3:
            z = np.concatenate([found.keypoints_z for found in instances])
            points = np.concatenate([points, z[..., None]], -1)
            units[2] *= np.diff(head.decoder.pixels_to_z(np.arange(2.0))).item()
        variances = np.stack(
            [
                variance(to_numpy(axis), head.loss_module.beta) * unit**2
                for axis, unit in zip(simcc, units)
            ],
            -1,
        )
        scores = np.concatenate([found.keypoint_scores for found in instances])
        return simcc, instances, points, scores, variances

    def cut(self, inputs, matrices, size):
        """Crops (N, 3, h, w), one of each input, black outside, of ``size``
        (w, h); where they are, :func:`rtmw_ext.runtime.pose.frames` says."""
        matrices = np.concatenate(
            [matrices, np.broadcast_to([[[0, 0, 1]]], (len(matrices), 1, 3))], 1
        )
        processor = self.data_preprocessor
        black = (-processor.mean / processor.std).to(inputs)
        return warp(inputs - black, torch.from_numpy(matrices).to(inputs), size) + black

    def put(self, instances, points, scores):
        """Points (N, K, A) and scores (N, K) into what the head decoded."""
        for found, place, score in zip(instances, points.astype(np.float32), scores):
            found.keypoints = place[None, :, :2]
            found.keypoint_scores = score[None]
            if points.shape[2] == 3:
                found.keypoints_z = place[None, :, 2]
                found.keypoints_simcc = np.concatenate(
                    [place[:, :2], self.head.decoder.z_to_pixels(place[:, 2:])], 1
                )[None]
