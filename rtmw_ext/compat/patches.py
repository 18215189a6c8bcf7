"""Patches of other packages: a table, and one function a row.

A patch is applied where the installed versions are those of its row and
``RTMW_COMPAT_OFF`` does not name it (names, separated by commas). ``rtmw info``
lists them. Importing this module loads none of the packages.
"""

import contextlib
import functools
import importlib.util
import os
import pickle
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .dependencies import installed_version, numbers

TRUST = 'RTMW_TRUST_CHECKPOINTS'
SWITCH = 'RTMW_COMPAT_OFF'


@dataclass(frozen=True)
class Patch:
    """A row of the table.

    Attributes:
        function: Replaces something in a package, once. Its name is the
            patch's.
        versions: {package: (first version concerned, first one after them or
            None)}, all of which must be installed. A distribution is named
            where its fork of the same module is not concerned.
        why: What goes wrong without it.
        at_import: Whether :func:`apply` calls the function. Otherwise it is a
            context manager.
    """

    function: Callable[[], Any]
    versions: dict[str, tuple[str, str | None]]
    why: str
    at_import: bool = True

    @property
    def name(self) -> str:
        return self.function.__name__

    def status(self) -> str:
        """``applies``, ``off`` (by the user) or ``not needed`` (by versions)."""
        for package, (first, after) in self.versions.items():
            version = installed_version(package)
            if (
                version is None
                or numbers(version) < numbers(first)
                or after is not None
                and numbers(version) >= numbers(after)
            ):
                return 'not needed'
        return 'off' if self.name in _switched_off() else 'applies'


def _switched_off() -> set[str]:
    return {name.strip() for name in os.environ.get(SWITCH, '').split(',')} - {''}


def ours(function: Callable) -> Callable:
    """Marks a replacement, so that it is not replaced again."""
    function.by_rtmw_ext = True  # type: ignore[attr-defined]
    return function


def is_ours(function: object) -> bool:
    return getattr(function, 'by_rtmw_ext', False)


def quiet_cuda_amp() -> None:
    """Ignores the warning."""
    warnings.filterwarnings(
        'ignore', message=r'.*torch\.cuda\.amp\.', category=FutureWarning
    )


def allow_checkpoint_types() -> None:
    """Lists their types as safe, so that nothing else need be trusted."""
    import numpy as np
    import torch
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


def refuse_unsafe_checkpoints() -> None:
    """Makes that an error unless the user has said to trust the file."""
    import torch
    from mmengine.runner import checkpoint

    original = checkpoint._safe_torch_load
    if is_ours(original):
        return

    @functools.wraps(original)
    def load(
        file: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> Any:
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


def stand_in_for_imgaug() -> None:
    """Stands in for it, with a clear error on use, and lets mmpose find mmdet
    if it was imported before."""
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
    base: Any = sys.modules.get('mmpose.apis.inferencers.base_mmpose_inferencer')
    if base is not None and not base.has_mmdet:
        from mmdet.apis.det_inferencer import DetInferencer

        base.DetInferencer, base.has_mmdet = DetInferencer, True


class _Absent(types.ModuleType):
    """A module that is not there, until somebody uses it."""

    def __getattr__(self, name: str) -> Callable:
        if name.startswith('__'):
            raise AttributeError(name)

        def use(*args: object, **kwargs: object) -> None:
            raise ImportError(
                f'{self.__name__}.{name} is needed but imgaug '
                'is not installed: pip install imgaug, which '
                'needs numpy < 2'
            )

        return use


def scalar_radius() -> None:
    """Hands it the radius of points as a number."""
    import numpy as np
    from mmpose.visualization import PoseLocalVisualizer as visualizer

    original = visualizer.draw_circles
    if is_ours(original):
        return

    @functools.wraps(original)
    def draw_circles(
        self: Any, center: Any, radius: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if self.backend == 'opencv':
            radius = np.asarray(radius).item()
        return original(self, center, radius, *args, **kwargs)

    visualizer.draw_circles = ours(draw_circles)


def remember_pretty_text() -> None:
    """Keeps the texts of the last configs."""
    from mmengine.config import Config

    original = Config.pretty_text.fget
    if is_ours(original):
        return
    formatted = functools.lru_cache(maxsize=8)(lambda key: original(key.config))

    @functools.wraps(original)
    def pretty_text(self: Any) -> str:
        return formatted(_Content(self))

    Config.pretty_text = property(ours(pretty_text))


class _Content:
    """A config, equal to those of the same content."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.text = repr(config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def distributed_on_cpu() -> None:
    """Without a GPU, gloo connects CPU processes."""
    import torch
    from mmengine.dist import utils
    from mmengine.model import MMDistributedDataParallel as wrapper

    if torch.cuda.is_available() or is_ours(utils._init_dist_pytorch):
        return

    @functools.wraps(utils._init_dist_pytorch)
    def init(backend: str, init_backend: str = 'torch', **kwargs: Any) -> None:
        torch.distributed.init_process_group(backend='gloo', **kwargs)

    original = wrapper.__init__

    @functools.wraps(original)
    def wrap(self: Any, module: Any, device_ids: Any = None, **kwargs: Any) -> None:
        original(self, module, device_ids=None, **kwargs)

    utils._init_dist_pytorch = ours(init)
    wrapper.__init__ = ours(wrap)


@contextlib.contextmanager
def legacy_onnx_export() -> Iterator[None]:
    """Inside, ``torch.onnx.export`` uses the TorchScript exporter unless told
    otherwise."""
    import torch

    if _row('legacy_onnx_export').status() != 'applies':
        yield
        return
    original = torch.onnx.export

    @functools.wraps(original)
    def export(*args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault('dynamo', False)
        return original(*args, **kwargs)

    torch.onnx.export = export
    try:
        yield
    finally:
        torch.onnx.export = original


MMENGINE, MMPOSE = ('0.10', '0.11'), ('1.3', '1.4')
PATCHES = (
    Patch(
        stand_in_for_imgaug,
        {'onedl-mmdetection': ('3.5', '3.6')},
        'its lane datasets import imgaug, the last of which fails on numpy 2',
    ),
    Patch(
        quiet_cuda_amp,
        {'torch': ('2.4', None), 'mmpose': MMPOSE},
        'CSPNeXt enters torch.cuda.amp: one FutureWarning every forward',
    ),
    Patch(
        allow_checkpoint_types,
        {'torch': ('2.6', None), 'mmengine': MMENGINE},
        "its checkpoints also hold logs and numpy numbers, which torch's safe "
        'loading refuses',
    ),
    Patch(
        refuse_unsafe_checkpoints,
        {'torch': ('2.6', None), 'onedl-mmengine': MMENGINE},
        'it loads a checkpoint that may run code again without protection',
    ),
    Patch(
        scalar_radius,
        {'numpy': ('2.4', None), 'mmpose': MMPOSE},
        'its OpenCV visualizer takes arrays of one element for numbers',
    ),
    Patch(
        remember_pretty_text,
        {'mmengine': MMENGINE},
        'it formats the whole config, for seconds, at every checkpoint',
    ),
    Patch(
        distributed_on_cpu,
        {'mmengine': MMENGINE},
        'its pytorch launcher sets a GPU even where there is none',
    ),
    Patch(
        legacy_onnx_export,
        {'torch': ('2.9', None)},
        'its default exporter refuses the dynamic_axes of mmdeploy 1.3',
        at_import=False,
    ),
)


def _row(name: str) -> Patch:
    return next(patch for patch in PATCHES if patch.name == name)


def apply() -> None:
    """Applies the patches that the installed versions need. Idempotent."""
    unknown = _switched_off() - {patch.name for patch in PATCHES}
    if unknown:
        warnings.warn(
            f'{SWITCH} names no patch by {", ".join(sorted(unknown))}: '
            '`rtmw info` lists them',
            stacklevel=2,
        )
    for patch in PATCHES:
        if patch.at_import and patch.status() == 'applies':
            patch.function()
