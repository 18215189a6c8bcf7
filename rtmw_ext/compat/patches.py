"""Work-arounds for old packages on new ones: one function a problem.

Each says which package and version it is for, and does nothing elsewhere.
``apply`` runs those that are safe at import; the others are context managers.
"""

import contextlib
import functools
import importlib.util
import os
import pickle
import re
import sys
import types
import warnings

import torch

TRUST = 'RTMW_TRUST_CHECKPOINTS'


TORCH = tuple(int(n) for n in re.findall(r'\d+', torch.__version__)[:2])


def ours(function):
    """Marks a replacement, so that a second import does not wrap it again."""
    function.by_rtmw_ext = True
    return function


def is_ours(function):
    return getattr(function, 'by_rtmw_ext', False)


def quiet_cuda_amp():
    """torch >= 2.4 deprecates torch.cuda.amp, which mmpose 1.3.2's CSPNeXt
    enters at every forward: one warning each floods the log."""
    if TORCH >= (2, 4):
        warnings.filterwarnings(
            'ignore', message=r'.*torch\.cuda\.amp\.', category=FutureWarning
        )


def allow_checkpoint_types():
    """torch >= 2.6 loads plain tensors only by default; MMEngine's own
    checkpoints also hold its log history and numpy numbers. Lists these types
    as safe, so that nothing else need be trusted."""
    if TORCH < (2, 6):
        return
    import numpy as np
    from mmengine.logging.history_buffer import HistoryBuffer

    multiarray = getattr(np, '_core', None) or np.core
    kinds = ('bool', 'uint8', 'int32', 'int64', 'float32', 'float64')
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            np.ndarray,
            np.dtype,
            np.float64,
            np.int64,
            multiarray.multiarray._reconstruct,
            multiarray.multiarray.scalar,
            *{type(np.dtype(kind)) for kind in kinds},
        ]
    )


def refuse_unsafe_checkpoints():
    """onedl-mmengine 0.10.x answers a checkpoint that holds other objects by
    loading it again without protection, which runs the code inside. Makes
    that an error unless the user has said to trust the file."""
    from mmengine.runner import checkpoint

    original = getattr(checkpoint, '_safe_torch_load', None)
    if original is None or TORCH < (2, 6) or is_ours(original):
        return

    @functools.wraps(original)
    def load(file, map_location=None, weights_only=None):
        if weights_only is None and os.environ.get(TRUST) != '1':
            try:
                with torch.serialization.safe_globals(
                    checkpoint.get_torch_safe_globals()
                ):
                    return torch.load(
                        file, map_location=map_location, weights_only=True
                    )
            except pickle.UnpicklingError as error:
                raise pickle.UnpicklingError(
                    f'checkpoint {file} is damaged or holds more than '
                    'weights, and loading that could run code. If you trust '
                    f'its source, set {TRUST}=1. ({error})'
                ) from None
        return original(file, map_location, weights_only)

    checkpoint._safe_torch_load = ours(load)


def stand_in_for_imgaug():
    """onedl-mmdetection 3.5.x imports imgaug for its lane datasets; imgaug
    0.4.0, the last, fails on numpy 2. Stands in for it, with a clear error on
    use, and lets mmpose find mmdet if it was imported before."""
    if 'imgaug' in sys.modules or importlib.util.find_spec('imgaug'):
        return
    for name in (
        'imgaug',
        'imgaug.augmenters',
        'imgaug.augmentables',
        'imgaug.augmentables.lines',
        'imgaug.augmentables.segmaps',
    ):
        sys.modules[name] = _Absent(name)
        parent, _, child = name.rpartition('.')
        if parent:
            setattr(sys.modules[parent], child, sys.modules[name])
    base = sys.modules.get('mmpose.apis.inferencers.base_mmpose_inferencer')
    if base is not None and not base.has_mmdet:
        from mmdet.apis.det_inferencer import DetInferencer

        base.DetInferencer, base.has_mmdet = DetInferencer, True


class _Absent(types.ModuleType):
    """A module that is not there, until somebody uses it."""

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)

        def use(*args, **kwargs):
            raise ImportError(
                f'{self.__name__}.{name} is needed but imgaug '
                'is not installed: pip install imgaug, which '
                'needs numpy < 2'
            )

        return use


def scalar_radius():
    """numpy >= 2.4 no longer turns a one-element array into a number, which
    mmpose 1.3.2's OpenCV visualizer does with the radius of every point."""
    import numpy as np
    from mmpose.visualization import PoseLocalVisualizer as visualizer

    original = visualizer.draw_circles
    if tuple(map(int, np.__version__.split('.')[:2])) < (2, 4) or is_ours(original):
        return

    @functools.wraps(original)
    def draw_circles(self, center, radius, *args, **kwargs):
        if self.backend == 'opencv':
            radius = np.asarray(radius).item()
        return original(self, center, radius, *args, **kwargs)

    visualizer.draw_circles = ours(draw_circles)


def remember_pretty_text():
    """MMEngine 0.10 formats the whole config with yapf, seconds of work, four
    times when a run starts and at every checkpoint. Keeps the last texts."""
    from mmengine.config import Config

    original = Config.pretty_text.fget
    if is_ours(original):
        return
    formatted = functools.lru_cache(maxsize=8)(lambda key: original(key.config))

    @functools.wraps(original)
    def pretty_text(self):
        return formatted(_Content(self))

    Config.pretty_text = property(ours(pretty_text))


class _Content:
    """A config, equal to those of the same content."""

    def __init__(self, config):
        self.config = config
        self.text = repr(config)

    def __eq__(self, other):
        return self.text == other.text

    def __hash__(self):
        return hash(self.text)


def distributed_on_cpu():
    """MMEngine 0.10's ``pytorch`` launcher sets a GPU, and its wrapper names
    one, even where there is none. There, gloo connects CPU processes."""
    if torch.cuda.is_available():
        return
    from mmengine.dist import utils
    from mmengine.model import MMDistributedDataParallel as wrapper

    if is_ours(utils._init_dist_pytorch):
        return

    @functools.wraps(utils._init_dist_pytorch)
    def init(backend, init_backend='torch', **kwargs):
        torch.distributed.init_process_group(backend='gloo', **kwargs)

    original = wrapper.__init__

    @functools.wraps(original)
    def wrap(self, module, device_ids=None, **kwargs):
        original(self, module, device_ids=None, **kwargs)

    utils._init_dist_pytorch = ours(init)
    wrapper.__init__ = ours(wrap)


@contextlib.contextmanager
def legacy_onnx_export():
    """torch >= 2.9 exports with dynamo by default, which refuses the
    ``dynamic_axes`` of mmdeploy 1.3.1. Inside, ``torch.onnx.export`` uses the
    TorchScript exporter unless told otherwise."""
    if TORCH < (2, 9):
        yield
        return
    original = torch.onnx.export

    @functools.wraps(original)
    def export(*args, **kwargs):
        kwargs.setdefault('dynamo', False)
        return original(*args, **kwargs)

    torch.onnx.export = export
    try:
        yield
    finally:
        torch.onnx.export = original


def apply():
    """The work-arounds that every user of the package wants."""
    stand_in_for_imgaug()
    quiet_cuda_amp()
    allow_checkpoint_types()
    refuse_unsafe_checkpoints()
    scalar_radius()
    remember_pretty_text()
    distributed_on_cpu()
