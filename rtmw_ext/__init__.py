"""RTMW and RTMW3D: real-time whole-body pose, as a plugin of MMPose.

``import rtmw_ext`` makes the package's modules known to MMPose's registries and
the model names (``rtmw-m``, ``rtmw-l``, ``rtmw-x``, ...) to
``MMPoseInferencer``: at once if an OpenMMLab package is loaded, otherwise right
after ``mmpose`` or ``mmdet`` is. So ``rtmw_ext.runtime`` needs no torch.
"""

import importlib
import sys
from types import ModuleType

import wrapt

from .compat import moved
from .version import __version__

__all__ = [
    '__version__',
    'apis',
    'codecs',
    'commands',
    'compat',
    'core',
    'datasets',
    'engine',
    'evaluation',
    'export',
    'models',
    'output',
    'runtime',
    'synthetic',
    'zoo',
]


def _register(_: ModuleType | None = None) -> None:
    importlib.import_module(f'{__name__}.plugin')


def __getattr__(name: str) -> ModuleType:
    if name in __all__ or name in moved.MOVED:
        return importlib.import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


moved.install()
# A config's custom_imports come while only MMEngine is loaded.
if any(package in sys.modules for package in ('mmengine', 'mmcv', 'mmdet', 'mmpose')):
    _register()
else:
    for _package in ('mmdet', 'mmpose'):
        wrapt.register_post_import_hook(_register, _package)
