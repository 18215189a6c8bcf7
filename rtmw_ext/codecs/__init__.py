"""SimCC codecs, registered in MMPose's ``KEYPOINT_CODECS`` on import."""

import mmpose  # noqa: F401  (registers every room before this one is half loaded)

from .simcc import FastSimCCLabel
from .simcc3d import CodecError, SimCC3DLabel

__all__ = ['CodecError', 'FastSimCCLabel', 'SimCC3DLabel']
