"""Drawing 3D poses; registered in MMPose's ``VISUALIZERS`` on import."""
from .pose3d import Pose3DVisualizer

__all__ = ['Pose3DVisualizer']
