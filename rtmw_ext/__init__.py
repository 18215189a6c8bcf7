"""RTMW and RTMW3D: real-time whole-body pose, as a plugin of MMPose.

Importing it makes our modules known to MMPose's registries and the model
names (``rtmw-m``, ``rtmw-l``, ``rtmw-x``, ...) to ``MMPoseInferencer``: at
once where an OpenMMLab package is loaded already, else just before the first
import that needs torch. So ``rtmw_ext.runtime`` is there without torch.
"""

import importlib
import importlib.util
import sys

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

OPENMMLAB = ('mmengine', 'mmcv', 'mmdet', 'mmpose')
#: Our modules that work without torch.
LIGHT = ('commands', 'compat', 'core', 'output', 'plugin', 'runtime', 'version', 'zoo')


class _RegisterFirst:
    """Import hook that registers (imports ``plugin``) before the first module
    that needs it, which is then imported as usual."""

    def find_spec(self, name, path=None, target=None):
        package, _, rest = name.partition('.')
        if name not in OPENMMLAB and (
            package != __name__ or not rest or rest.split('.')[0] in LIGHT
        ):
            return None
        spec = _without(self, importlib.util.find_spec, name)
        if spec is not None:
            spec.loader = self
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        # A module may replace itself in sys.modules while it is executed.
        del sys.modules[module.__name__]
        _without(self, importlib.import_module, f'{__name__}.plugin')
        sys.meta_path.remove(self)
        importlib.import_module(module.__name__)


def _without(hook, function, name):
    """``function(name)`` while the hook is out of the way."""
    sys.meta_path.remove(hook)
    try:
        return function(name)
    finally:
        sys.meta_path.insert(0, hook)


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


if any(package in sys.modules for package in OPENMMLAB):
    from . import plugin  # noqa: F401
else:
    sys.meta_path.insert(0, _RegisterFirst())
