"""Metrics, registered in MMPose's ``METRICS`` on import."""

from .mpjpe_metric import WholeBodyMPJPE
from .wholebody_metric import WholeBodyMetric

__all__ = ['WholeBodyMPJPE', 'WholeBodyMetric']
