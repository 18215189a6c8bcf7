"""Network modules, registered in MMPose's ``MODELS`` on import."""
from .batch_pipeline import BatchPipeline
from .gau import GAU
from .hem import HEM, SimCCEncoder
from .pafpn import PAFPN
from .rtmw_head import RTMWSimCCHead

__all__ = [
    'BatchPipeline', 'GAU', 'HEM', 'PAFPN', 'RTMWSimCCHead', 'SimCCEncoder'
]
