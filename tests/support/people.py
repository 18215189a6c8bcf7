"""People with given points."""

import numpy as np

from rtmw_ext.core.people import People


def people_at(points, scores=None, boxes=None):
    points = np.asarray(points, np.float32)
    scores = (
        np.ones(points.shape[:2], np.float32)
        if scores is None
        else (np.asarray(scores, np.float32))
    )
    if boxes is None:
        boxes = np.concatenate([points.min(1), points.max(1)], 1)
    return People(
        points, scores, np.asarray(boxes, np.float32), np.ones(len(points), np.float32)
    )
