"""A pytest plugin that hides torch and what needs it, as in an environment of
`rtmw infer` alone: ``PYTHONPATH=tests pytest -p support.no_torch``."""

import sys
from importlib.machinery import PathFinder

HIDDEN = {'torch', 'torchvision', 'mmengine', 'mmcv', 'mmpose', 'mmdet'}
assert not HIDDEN & set(sys.modules)


class HidingFinder(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition('.')[0] not in HIDDEN:
            return super().find_spec(fullname, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = HidingFinder
