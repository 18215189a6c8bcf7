"""The picture with its 2D overlay beside the 3D scene (paper, Figure 4)."""

import mmcv
import numpy as np
from mmpose.registry import VISUALIZERS
from mmpose.visualization import PoseLocalVisualizer

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
        name,
        image,
        data_sample,
        show=False,
        wait_time=0,
        out_file=None,
        kpt_thr=0.3,
        step=0,
        **kwargs,
    ):
        """Draws, shows and saves one picture.

        Args:
            name (str): Of the window or of the saved picture.
            image (ndarray): (H, W, 3) uint8 RGB.
            data_sample (PoseDataSample): With ``pred_instances``.
            show (bool): In a window.
            wait_time (float): Of the window in seconds; 0 is forever.
            out_file (str, optional): Where to save it.
            kpt_thr (float): Points with a lower score are left out.
            step (int): Of the run's backends.
            kwargs: As of mmpose's ``PoseLocalVisualizer.add_datasample``.

        Returns:
            ndarray: (H', W', 3) uint8 RGB.
        """
        drawn = super().add_datasample(
            name,
            image,
            data_sample,
            kpt_thr=kpt_thr,
            step=step,
            **{**kwargs, 'draw_gt': False},
        )
        people, seen = np.zeros((0, 133, 3)), None
        found = data_sample.get('pred_instances')
        if found is not None and 'keypoints_3d_cam' in found:
            people = found.keypoints_3d_cam
            seen = found.keypoint_scores >= kpt_thr
        drawn = add_scene(drawn, people, seen)
        self.set_image(drawn)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            mmcv.imwrite(drawn[..., ::-1], out_file)
        else:
            self.add_image(name, drawn, step)
        return self.get_image()
