"""What is found in an image or frame.

Shapes: N persons, K keypoints.
"""

from dataclasses import dataclass, replace
from typing import Optional

import numpy as np


@dataclass
class People:
    """N may be 0.

    Attributes:
        keypoints (ndarray): (N, K, 2) float32, pixels of the image.
        scores (ndarray): (N, K) float32; about 0 to 1 for trained models.
        boxes (ndarray): (N, 4) float32 x1, y1, x2, y2 in pixels: the
            detector's or the tracker's.
        box_scores (ndarray): (N, ) float32 in [0, 1].
        keypoints_3d (ndarray, optional): (N, K, 3) float32 metres from the
            middle of the hips: z of the model, x and y scaled to it (see
            :class:`rtmw_ext.runtime.PoseModel`).
        keypoints_3d_cam (ndarray, optional): The same from the camera.
        ids (ndarray, optional): (N, ) int, the same for a person in all
            frames.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    box_scores: np.ndarray
    keypoints_3d: Optional[np.ndarray] = None
    keypoints_3d_cam: Optional[np.ndarray] = None
    ids: Optional[np.ndarray] = None

    def __len__(self):
        return len(self.keypoints)

    def __getitem__(self, which):
        """The persons that ``which`` (indices or a mask) selects."""
        return replace(
            self,
            **{
                name: value[which]
                for name, value in vars(self).items()
                if value is not None
            },
        )
