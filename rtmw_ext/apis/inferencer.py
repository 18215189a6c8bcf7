"""Makes our models known to MMPose's and MMDet's inferencers.

``enable`` extends MMEngine's look-up by name (it reads one metafile a scope,
that of mmpose) and checks what users hand in, with errors that name it.
"""

import functools
import mimetypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.fileio import get_file_backend
from mmengine.infer import BaseInferencer
from mmpose.apis.inferencers import (
    MMPoseInferencer,
    Pose2DInferencer,
    base_mmpose_inferencer,
    mmpose_inferencer,
)
from mmpose.apis.inferencers.base_mmpose_inferencer import BaseMMPoseInferencer

from .. import zoo
from ..compat.patches import is_ours, ours
from ..core.crops import check_boxes
from ..core.images import ImageError, list_images, read_image
from ..models.loading import check_fit

PERSON = (0,)
FIELDS_3D = (
    'keypoints_3d',
    'keypoints_3d_cam',
    'root_depth',
    'keypoints_simcc',
    'camera_k',
)


class RTMW3DInferencer(Pose2DInferencer):
    """mmpose's 2D inferencer for RTMW3D, which finds 2D and 3D in one pass:
    what ``MMPoseInferencer(pose3d='rtmw3d-l')`` makes.

    Calls take, beside mmpose's arguments: ``bboxes`` (for each picture its
    (N, 4) boxes x1, y1, x2, y2 in pixels, instead of a detector), ``camera``
    (as of :mod:`rtmw_ext.core.geometry`, of every picture), ``root_depth`` (of the
    hips of every person, in metres) and ``person_height`` (in metres). Each
    result has, beside the 2D fields, those of ``FIELDS_3D``; see
    :class:`rtmw_ext.models.RTMW3DEstimator`.

    Raises:
        BoxError: A box has no area, is not finite or lies outside the image.
        CameraError: The camera, the depth or the height cannot be used.
    """

    camera_kwargs = {'camera', 'root_depth', 'person_height'}
    preprocess_kwargs = Pose2DInferencer.preprocess_kwargs | camera_kwargs

    def preprocess_single(
        self,
        input: str | np.ndarray,
        index: int,
        bboxes: Sequence | np.ndarray = (),
        camera: dict | None = None,
        root_depth: float | None = None,
        person_height: float | None = None,
        **kwargs: Any,
    ) -> Any:
        """mmpose's step from an input to the model's samples, one a person."""
        fields = dict(
            camera_param=camera, root_depth=root_depth, person_height=person_height
        )
        fields = {key: value for key, value in fields.items() if value is not None}
        if len(bboxes):
            # mmpose 1.3.2 takes boxes but forgets them.
            image = read_image(input)
            name = input if isinstance(input, str) else f'{index:06}.jpg'
            return [
                self.pipeline(
                    {
                        **self.model.dataset_meta,
                        **fields,
                        'img': image,
                        'img_path': name,
                        'bbox': box[None],
                        'bbox_score': np.ones(1, np.float32),
                    }
                )
                for box in check_boxes(bboxes, image.shape[1::-1])
            ]
        pipeline = self.pipeline
        self.pipeline = lambda sample: pipeline({**sample, **fields})
        try:
            return super().preprocess_single(input, index, **kwargs)
        finally:
            self.pipeline = pipeline


#: (class or module, name, wrapper) of what ``enable`` extends.
_EXTENSIONS: list[tuple[Any, str, Callable]] = []


def _extends(owner: Any, name: str) -> Callable[[Callable], Callable]:
    """A decorator: ``enable`` puts the function, as ``wrapper(original, ...)``, in
    the place of a method or of a module's function."""

    def register(wrapper: Callable) -> Callable:
        _EXTENSIONS.append((owner, name, wrapper))
        return wrapper

    return register


def enable() -> None:
    """Idempotent; runs when ``rtmw_ext`` registers its modules."""
    for owner, name, wrapper in _EXTENSIONS:
        original = getattr(owner, name)
        if not is_ours(original):
            setattr(owner, name, ours(_wrapped(original, wrapper)))
    MMPoseInferencer.preprocess_kwargs = (
        MMPoseInferencer.preprocess_kwargs | RTMW3DInferencer.camera_kwargs
    )


def _wrapped(original: Callable, wrapper: Callable) -> Callable:
    @functools.wraps(original)
    def extended(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    return extended


@_extends(BaseInferencer, '_load_model_from_metafile')
def _load_model(original, self, model):
    known = zoo.find(model)
    if known is not None:
        config, weights = known.pytorch()
        return Config.fromfile(config), weights
    try:
        return original(self, model)
    except ValueError as error:
        raise zoo.UnknownModelError(f'{zoo.unknown(model)}. {error}') from None


@_extends(BaseInferencer, '_init_model')
def _init_model(original, self, cfg, weights, device='cpu'):
    if weights is not None:
        weights = zoo.require(weights)
    return original(self, cfg, weights, device)


@_extends(BaseMMPoseInferencer, '_load_weights_to_model')
def _load_weights(original, self, model, checkpoint, cfg):
    # Only our models: others may rely on MMEngine's lenient loading.
    head = cfg.model.get('head') if cfg is not None else None
    if checkpoint is not None and head and head.type.startswith('RTMW'):
        check_fit(
            model, checkpoint.get('state_dict', checkpoint), f'for {cfg.filename}'
        )
    return original(self, model, checkpoint, cfg)


@_extends(BaseMMPoseInferencer, '_init_detector')
def _init_detector(
    original, self, det_model=None, det_weights=None, det_cat_ids=None, device=None
):
    # Without a category mmpose drops every box silently.
    if isinstance(det_model, str) and zoo.find(det_model) and det_cat_ids is None:
        det_cat_ids = PERSON
    return original(self, det_model, det_weights, det_cat_ids, device)


@_extends(base_mmpose_inferencer, 'split_instances')
def _split_instances(original, instances):
    results = original(instances)
    for name in FIELDS_3D:
        if results and name in instances:
            for result, value in zip(results, instances.get(name)):
                result[name] = value.tolist()
    return results


@_extends(mmpose_inferencer, 'Pose3DInferencer')
def _pose3d_inferencer(original, pose3d, pose3d_weights, pose2d, pose2d_weights, *args):
    # mmpose's own lifts the points of a 2D model.
    if _is_rtmw3d(pose3d):
        return RTMW3DInferencer(pose3d, pose3d_weights, *args)
    return original(pose3d, pose3d_weights, pose2d, pose2d_weights, *args)


@_extends(BaseMMPoseInferencer, '_inputs_to_list')
def _inputs_to_list(original, self, inputs):
    self._video_input = False
    if isinstance(inputs, str):
        if not _is_local(inputs):
            return original(self, inputs)
        kind = mimetypes.guess_type(inputs)[0] or ''
        if kind.startswith('video'):
            return original(self, inputs)
        inputs = _expand(inputs)
    elif isinstance(inputs, np.ndarray):
        inputs = [inputs]
    # A checked array a file; a path stays one, results are named by it.
    return [_checked(item) for item in inputs]


def _is_rtmw3d(model: str | Config) -> bool:
    """Whether a name, a config path or a config is an RTMW3D."""
    if isinstance(model, str):
        known = zoo.find(model)
        path = known and known.config or Path(model)
        if path.suffix != '.py' or not path.is_file():
            return False
        model = Config.fromfile(path)
    return model.model.type == 'RTMW3DEstimator'


def _is_local(path: str) -> bool:
    return hasattr(get_file_backend(path), 'isdir')


def _expand(path: str) -> list[str]:
    return list_images(path) if Path(path).is_dir() else [path]


def _checked(item: str | np.ndarray) -> str | np.ndarray:
    if isinstance(item, str):
        if _is_local(item):
            read_image(item)
        return item
    if not isinstance(item, np.ndarray):
        raise ImageError(
            f'input of type {type(item).__name__} is neither a path nor an image array'
        )
    return read_image(item)
