"""Drawing 3D poses; registered in MMPose's ``VISUALIZERS`` on import."""
from .pose3d import Pose3DVisualizer
from .scene import draw_scene

__all__ = ['Pose3DVisualizer', 'draw_scene']
