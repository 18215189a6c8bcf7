"""The estimator of RTMW3D: from SimCC to one documented metric space.

Shapes: N persons (1 a sample), K keypoints.
"""

from typing import Any

import numpy as np
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from ..core.calibration import calibrate
from ..core.geometry import (
    PERSON_HEIGHT,
    CameraError,
    check_camera,
    default_camera,
    estimate_root_depth,
    to_camera_space,
)
from ..core.people import MIN_SCORE
from .rtmw import RTMWEstimator


@MODELS.register_module()
class RTMW3DEstimator(RTMWEstimator):
    """Top-down estimator whose persons are in pixels and in metres.

    What it needs to know comes with a sample's meta information, all of it
    optional: ``camera_param`` (a camera as of :mod:`rtmw_ext.core.geometry`; else
    the default one), ``root_depth`` (of the hips, in metres; else it is
    estimated from the person's size), ``person_height`` (in metres, for that
    estimate; else 1.7).

    Each ``pred_instances`` has, beside the 2D fields (``keypoints`` (N, K, 2)
    in pixels of the image, ``keypoint_scores`` (N, K), raw):

    - ``keypoints_3d`` (N, K, 3): metres from the root in camera axes (x
      right, y down, z away);
    - ``keypoints_3d_cam`` (N, K, 3): metres from the camera;
    - ``root_depth`` (N, ): metres; ``keypoints_3d_cam``'s of the hips;
    - ``keypoints_z`` (N, K): metres from the root, as predicted;
    - ``keypoints_simcc`` (N, K, 3): pixels of the crop, and of the z axis;
    - ``camera_k`` (N, 3, 3): the intrinsics that were used.

    Source: RTMW paper (arXiv 2407.08634), section 3.2; docs/3d.md.

    Raises:
        CameraError: ``camera_param`` has no usable ``K``, or ``root_depth`` is not
            > 0.
    """

    def add_pred_to_datasample(
        self,
        batch_pred_instances: list[InstanceData],
        batch_pred_fields: list[PixelData] | None,
        batch_data_samples: list[PoseDataSample],
    ) -> list[PoseDataSample]:
        samples = super().add_pred_to_datasample(
            batch_pred_instances, batch_pred_fields, batch_data_samples
        )
        for sample in samples:
            self._add_3d(sample.pred_instances, sample.metainfo)
        return samples

    def _add_3d(self, instances: InstanceData, meta: dict[str, Any]) -> None:
        camera = meta.get('camera_param')
        if camera is None:
            height, width = meta['ori_shape'][:2]
            camera = default_camera(width, height)
        camera = check_camera(camera)
        pixels, z = instances.keypoints, instances.keypoints_z
        depth = meta.get('root_depth')
        if depth is None:
            depth = estimate_root_depth(
                pixels,
                z,
                calibrate(instances.keypoint_scores, self.curves, self.score_scale)
                > MIN_SCORE,
                camera,
                meta.get('person_height', PERSON_HEIGHT),
            )
        depth = np.broadcast_to(np.asarray(depth, np.float64).reshape(-1), len(pixels))
        if not (np.isfinite(depth) & (depth > 0)).all():
            raise CameraError(f'root_depth={depth.tolist()} must be > 0 metres')
        absolute, relative = to_camera_space(
            pixels, z, depth, camera, instances.keypoint_scores > 0
        )
        instances.keypoints_3d = relative.astype(np.float32)
        instances.keypoints_3d_cam = absolute.astype(np.float32)
        instances.root_depth = depth.astype(np.float32)
        instances.camera_k = np.repeat(
            camera['K'][None].astype(np.float32), len(pixels), axis=0
        )
