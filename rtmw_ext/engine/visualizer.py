"""The picture with its 2D overlay beside the 3D scene (paper, Figure 4).

Shapes: H rows, W columns of a picture, N persons, K = 133 keypoints.
"""

from typing import Any

import mmcv
import numpy as np
from mmpose.registry import VISUALIZERS
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from ..core.skeleton import NUM_KEYPOINTS
from ..output.draw3d import add_scene


@VISUALIZERS.register_module()
class Pose3DVisualizer(PoseLocalVisualizer):
    """mmpose's 2D visualizer, with the persons of ``keypoints_3d_cam`` in one
    3D scene to the right of the picture, see
    :func:`rtmw_ext.output.draw3d.add_scene`. Samples without
    ``keypoints_3d_cam`` (of 2D models) have an empty scene.
    """

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: PoseDataSample,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        kpt_thr: float = 0.3,
        step: int = 0,
        **kwargs: Any,
    ) -> np.ndarray:
        """Draws, shows and saves one picture.

        Args:
            name: Of the window or of the saved picture.
            image: (H, W, 3) uint8 RGB.
            data_sample: With ``pred_instances``.
            show: In a window.
            wait_time: Of the window in seconds; 0 is forever.
            out_file: Where to save it.
            kpt_thr: Points with a lower score are left out.
            step: Of the run's backends.
            **kwargs: As of mmpose's ``PoseLocalVisualizer.add_datasample``.

        Returns:
            (H', W', 3) uint8 RGB.
        """
        drawn = super().add_datasample(
            name,
            image,
            data_sample,
            kpt_thr=kpt_thr,
            step=step,
            **{**kwargs, 'draw_gt': False},
        )
        keypoints, seen = np.zeros((0, NUM_KEYPOINTS, 3)), None
        instances = data_sample.get('pred_instances')
        if instances is not None and 'keypoints_3d_cam' in instances:
            keypoints = instances.keypoints_3d_cam
            seen = instances.keypoint_scores >= kpt_thr
        drawn = add_scene(drawn, keypoints, seen)
        self.set_image(drawn)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            mmcv.imwrite(drawn[..., ::-1], out_file)
        else:
            self.add_image(name, drawn, step)
        return self.get_image()
