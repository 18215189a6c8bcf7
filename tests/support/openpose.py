"""What COCO_18 for ControlNet holds of people."""

import numpy as np


def as_coco_18(keypoints, scores):
    """(N, 133, 2) and (N, 133) as they are read back: points that are found have
    score 1, others and those of the feet, which it lacks, are 0."""
    with np.errstate(invalid='ignore'):
        found = (scores >= np.float32(0.3)) & np.isfinite(keypoints).all(2)
    found[:, 17:23] = False
    return np.where(found[..., None], keypoints, 0), found.astype(np.float32)
