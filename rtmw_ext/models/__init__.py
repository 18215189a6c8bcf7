"""Network modules, registered in MMPose's ``MODELS`` on import."""
from .gau import GAU
from .hem import HEM, SimCCEncoder
from .pafpn import PAFPN
from .rtmw_head import RTMWSimCCHead

__all__ = ['GAU', 'HEM', 'PAFPN', 'RTMWSimCCHead', 'SimCCEncoder']
