"""Inference with numpy, OpenCV and ONNX Runtime (or OpenVINO): no torch.

    from rtmw_ext.runtime import WholeBody
    people = WholeBody('rtmw-m.onnx', 'rtmdet-nano.onnx')('photo.jpg')
    people.keypoints  # (N, 133, 2) pixels

It runs the files of ``rtmw export`` and those that OpenMMLab and rtmlib
publish.
"""

from ..core.crops import BoxError
from ..core.people import People
from .detector import Detector, DetectorError
from .estimator import WholeBody
from .network import NetworkError, load_network
from .one_stage import OneStageModel, load_pose
from .pose import PoseError, PoseModel
from .tracking import OneEuro, Tracker
from .video import VideoError

__all__ = [
    'BoxError',
    'Detector',
    'DetectorError',
    'NetworkError',
    'OneEuro',
    'OneStageModel',
    'People',
    'PoseError',
    'PoseModel',
    'Tracker',
    'VideoError',
    'WholeBody',
    'load_network',
    'load_pose',
]
