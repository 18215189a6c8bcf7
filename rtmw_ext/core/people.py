"""The persons of an image or frame.

Shapes: N persons, K keypoints.
"""

from dataclasses import dataclass, replace

import numpy as np

#: Score from which a point counts as found, by default.
MIN_SCORE = 0.3


@dataclass
class People:
    """N may be 0.

    Attributes:
        keypoints: (N, K, 2) float32, pixels of the image.
        scores: (N, K) float32 in [0, 1], of every network: 0 for a point that
            was not found, 1 for a sure one. See
            :class:`rtmw_ext.runtime.PoseModel`.
        boxes: (N, 4) float32 x1, y1, x2, y2 in pixels: the detector's or the
            tracker's.
        box_scores: (N, ) float32 in [0, 1].
        keypoints_3d: (N, K, 3) float32 metres from the middle of the hips: z of
            the model, x and y scaled to it (see
            :class:`rtmw_ext.runtime.PoseModel`). None in 2D.
        keypoints_3d_cam: The same from the camera.
        ids: (N, ) int, the same for a person in all frames. None outside
            videos.
        raw_scores: (N, K) float32, the scores as the network gives them, in its
            own unit. None where they are not known.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    box_scores: np.ndarray
    keypoints_3d: np.ndarray | None = None
    keypoints_3d_cam: np.ndarray | None = None
    ids: np.ndarray | None = None
    raw_scores: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keypoints)

    def __getitem__(self, index: np.ndarray | slice) -> 'People':
        """The persons that indices, a slice or a mask select."""
        return replace(
            self,
            **{
                name: value[index]
                for name, value in vars(self).items()
                if value is not None
            },
        )
