"""People over time: tracks that are filtered, solved in 3D and written for
animation, sports and sign language; no torch.

    from rtmw_ext.motion import Motion
    motion = Motion.from_results('out/clip.json')
    motion.tracks[0].keypoints  # (T, 133, 2) pixels of the first person
"""

from ..core.people import Origin
from .track import Motion, MotionError, Track

__all__ = ['Motion', 'MotionError', 'Origin', 'Track']
