"""Metrics, registered in MMPose's ``METRICS`` on import."""
from .wholebody_metric import WholeBodyMetric

__all__ = ['WholeBodyMetric']
