"""Metrics, registered in MMPose's ``METRICS`` on import."""

import mmpose  # noqa: F401  (registers every room before this one is half loaded)

from .coco_metric import KeypointMetric
from .mpjpe_metric import WholeBodyMPJPE
from .wholebody_metric import WholeBodyMetric

__all__ = ['KeypointMetric', 'WholeBodyMPJPE', 'WholeBodyMetric']
