"""Files of the repository and of mmpose, without importing either."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'
TOOLS = ROOT / 'tools'
SHARED = ROOT.parent / 'shared'
PEOPLE = ROOT / 'projects' / 'rtmw' / 'people.jpg'
RTMW_T = CONFIGS / 'rtmw' / 'rtmw-t_coco-wholebody-256x192.py'


def mmpose_configs() -> Path:
    """The folder of mmpose's whole-body RTMPose configs."""
    package = Path(importlib.util.find_spec('mmpose').origin).parent
    return package / '.mim' / 'configs' / 'wholebody_2d_keypoint' / 'rtmpose'
