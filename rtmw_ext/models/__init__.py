"""Network modules, registered in MMPose's ``MODELS`` on import."""

import mmpose  # noqa: F401  (registers every room before this one is half loaded)

from .cell_head import KeypointCellHead
from .cells import CellLoss
from .data_preprocessor import BatchPipeline
from .detector_distiller import DistilledDetector
from .distiller import DistilledEstimator, DistilledRTMW3DEstimator
from .gau import GAU
from .hem import HEM, SimCCEncoder
from .losses import AxisKLDiscretLoss, SimCCBoneLoss, SimCCCoordinateLoss
from .pafpn import PAFPN
from .photo_pipeline import PhotoPipeline
from .rtmw import RTMWEstimator
from .rtmw3d import RTMW3DEstimator
from .rtmw3d_head import RTMW3DHead
from .rtmw_head import RTMWSimCCHead

__all__ = [
    'AxisKLDiscretLoss',
    'BatchPipeline',
    'CellLoss',
    'DistilledDetector',
    'DistilledEstimator',
    'DistilledRTMW3DEstimator',
    'GAU',
    'HEM',
    'KeypointCellHead',
    'PAFPN',
    'PhotoPipeline',
    'RTMW3DEstimator',
    'RTMW3DHead',
    'RTMWEstimator',
    'RTMWSimCCHead',
    'SimCCBoneLoss',
    'SimCCCoordinateLoss',
    'SimCCEncoder',
]
