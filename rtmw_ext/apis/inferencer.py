"""Makes our models known to MMPose's and MMDet's inferencers.

``enable`` extends MMEngine's look-up by name (it reads one metafile a scope,
that of mmpose) and checks what users hand in, with errors that name it.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import mmcv
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
from mmpose.evaluation.functional import nms

from .. import zoo
from ..compat.patches import is_ours, ours
from ..core.crops import BoxError, box_scores, check_boxes
from ..core.errors import UsageError
from ..core.images import ImageError, list_images, read_image
from ..core.media import SUFFIXES, is_animated, is_video
from ..core.paths import file_identity
from ..models.loading import check_fit
from .topdown import scale_scores

PERSON = (0,)
#: Meta information of a sample of nobody, and of results that become plain data.
NOBODY, PLAIN = 'nobody', 'plain'
#: Names of call arguments in a sample, where they differ.
_META_NAMES = {'camera': 'camera_param'}
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

    Calls take, beside the arguments of :func:`preprocess`, ``camera`` (as of
    :mod:`rtmw_ext.core.geometry`, of every picture), ``root_depth`` (of the hips of
    every person, in metres) and ``person_height`` (in metres). Each result has,
    beside the 2D fields, those of ``FIELDS_3D``; see
    :class:`rtmw_ext.models.RTMW3DEstimator`.

    Raises:
        CameraError: The camera, the depth or the height cannot be used.
    """

    camera_kwargs = {'camera', 'root_depth', 'person_height'}
    preprocess_kwargs = Pose2DInferencer.preprocess_kwargs | camera_kwargs


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
    if checkpoint is not None and cfg is not None and _is_rtmw(cfg):
        weights = checkpoint.get('state_dict', checkpoint)
        check_fit(model, weights, f'for {cfg.filename}')
        # MMEngine would print that of a 3D checkpoint which a 2D model leaves out. A
        # copy has the metadata, too.
        kept, known = copy(weights), model.state_dict().keys()
        for key in weights:
            if key.removeprefix('module.') not in known:
                del kept[key]
        checkpoint = {**checkpoint, 'state_dict': kept}
    return original(self, model, checkpoint, cfg)


@_extends(BaseMMPoseInferencer, '_init_detector')
def _init_detector(
    original, self, det_model=None, det_weights=None, det_cat_ids=None, device=None
):
    # Without a category mmpose drops every box silently.
    known = isinstance(det_model, str) and zoo.find(det_model)
    if det_cat_ids is None and (known or det_model and _is_rtmw(self.cfg)):
        det_cat_ids = PERSON
    return original(self, det_model, det_weights, det_cat_ids, device)


@_extends(Pose2DInferencer, 'preprocess')
def preprocess(
    original: Callable,
    self: Pose2DInferencer,
    inputs: Iterable[str | np.ndarray],
    batch_size: int = 1,
    bboxes: Sequence | np.ndarray | None = None,
    bbox_thr: float = 0.3,
    nms_thr: float = 0.3,
    **kwargs: Any,
) -> Iterator[tuple[Any, list[np.ndarray]]]:
    """mmpose's step from inputs to the model's samples, one a person. Those of
    other models than RTMW and RTMW3D are left to it.

    Args:
        original: mmpose's method.
        self: The inferencer.
        inputs: Pictures.
        batch_size: Not used: a batch is the people of a picture.
        bboxes: Of each picture its boxes, (N, 4) x1, y1, x2, y2 in pixels or (N, 5)
            with scores; of one picture, its boxes will do. Given and empty is
            nobody. None, here or for a picture: the detector's, where none is
            nobody as well, or without one the whole picture.
        bbox_thr: Least score of a detector's box.
        nms_thr: Boxes that overlap more are one person, in [0, 1].
        **kwargs: ``camera_kwargs`` of :class:`RTMW3DInferencer`.

    Yields:
        A batch, and its picture.

    Raises:
        BoxError: A box has no area, is not finite or lies outside the picture, or
            there are not as many lists of boxes as pictures.
    """
    if not _is_rtmw(self.cfg):
        return original(self, inputs, batch_size, bboxes, bbox_thr, nms_thr, **kwargs)
    meta = {
        _META_NAMES.get(name, name): value
        for name, value in kwargs.items()
        if value is not None
    }
    return _samples(self, inputs, bboxes, (bbox_thr, nms_thr), meta)


def _samples(
    self: Pose2DInferencer,
    inputs: Iterable[str | np.ndarray],
    bboxes: Sequence | np.ndarray | None,
    thresholds: tuple[float, float],
    meta: dict[str, Any],
) -> Iterator[tuple[Any, list[np.ndarray]]]:
    """As :func:`preprocess`, for our models."""
    # How many frames a video has is known at its end only.
    count = len(inputs) if isinstance(inputs, list) else None
    for index, (item, given) in enumerate(zip(inputs, _boxes_of_each(bboxes, count))):
        local = not isinstance(item, str) or _is_local(item)
        image = read_image(item) if local else mmcv.imread(item)
        height, width = image.shape[:2]
        whole = np.array([[0, 0, width, height]], np.float32)
        if given is not None:
            boxes, scores = check_boxes(given, (width, height)), box_scores(given)
        elif self.detector is not None:
            boxes, scores = _detect(self, image, *thresholds)
        else:
            boxes, scores = whole, np.ones(1, np.float32)
        fields = {
            **self.model.dataset_meta,
            **meta,
            'img': image,
            'img_path': item if isinstance(item, str) else f'{index:06}.jpg',
        }
        # Of nobody, too, there is a sample: it has the fields that results have.
        found = zip(boxes, scores) if len(boxes) else [(whole[0], np.float32(0))]
        samples = [
            self.pipeline({**fields, 'bbox': box[None], 'bbox_score': score[None]})
            for box, score in found
        ]
        samples[0]['data_samples'].set_metainfo({NOBODY: not len(boxes)})
        yield self.collate_fn(samples), [image]


def _boxes_of_each(
    bboxes: Sequence | np.ndarray | None, count: int | None
) -> Iterable[Any]:
    """The boxes given for each of ``count`` pictures, None for those without."""
    if bboxes is None:
        return itertools.repeat(None)
    if not len(bboxes):
        return itertools.repeat(())
    if count == 1 and _is_box(bboxes[0]):
        return [bboxes]
    if count is None:
        return itertools.chain(bboxes, _no_more_boxes(len(bboxes)))
    if count != len(bboxes):
        raise BoxError(
            f'bboxes has boxes of {len(bboxes)} pictures, not of {count}: give each '
            'picture its (N, 4) boxes, [] for nobody'
        )
    return bboxes


def _no_more_boxes(count: int) -> Iterator[Any]:
    raise BoxError(
        f'bboxes has boxes of {count} frames, but the video has more: give each frame '
        'its (N, 4) boxes, [] for nobody'
    )
    yield


def _is_box(value: Any) -> bool:
    try:
        return np.shape(value) in ((4,), (5,))
    except ValueError:  # Lists of unequal length.
        return False


def _detect(
    self: Pose2DInferencer, image: np.ndarray, bbox_thr: float, nms_thr: float
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) and scores (N, ) of the detector's people."""
    result = self.detector(image, return_datasamples=True)['predictions'][0]
    found = result.pred_instances.cpu().numpy()
    good = np.isin(found.labels, self.det_cat_ids) & (found.scores > bbox_thr)
    table = np.c_[found.bboxes, found.scores][good].astype(np.float32)
    table = table[nms(table, nms_thr)] if len(table) else table
    return table[:, :4], table[:, 4]


@_extends(Pose2DInferencer, 'forward')
def _forward(original, self, *args, **kwargs):
    samples = original(self, *args, **kwargs)
    if _is_rtmw(self.cfg):
        for sample in samples:
            people = sample.pred_instances
            if sample.get(NOBODY):
                people = people[:0]
            scale_scores(self.model, people)
            people.set_metainfo({PLAIN: True})
            sample.pred_instances = people
    return samples


@_extends(base_mmpose_inferencer, 'split_instances')
def _split_instances(original, instances):
    results = original(instances)
    if instances is None or PLAIN not in instances.metainfo_keys():
        return results
    # mmpose's bbox is a tuple of a list, its bbox_score no number of Python.
    names = {'bbox': 'bboxes', 'bbox_score': 'bbox_scores'}
    names |= {name: name for name in FIELDS_3D}
    for number, result in enumerate(results):
        for name, field in names.items():
            if field in instances:
                result[name] = instances.get(field)[number].tolist()
    return results


@_extends(mmpose_inferencer, 'Pose3DInferencer')
def _pose3d_inferencer(original, pose3d, pose3d_weights, pose2d, pose2d_weights, *args):
    # mmpose's own lifts the points of a 2D model.
    if _is_rtmw3d(pose3d):
        return RTMW3DInferencer(pose3d, pose3d_weights, *args)
    return original(pose3d, pose3d_weights, pose2d, pose2d_weights, *args)


@_extends(BaseMMPoseInferencer, '__call__')
@_extends(MMPoseInferencer, '__call__')
def _call(original, self, inputs, *args, **kwargs):
    if isinstance(inputs, Path):
        inputs = str(inputs)
    if isinstance(inputs, np.ndarray):
        return original(self, inputs, *args, **kwargs)
    if not isinstance(inputs, str):
        inputs = [str(item) if isinstance(item, Path) else item for item in inputs]
    _check_outputs(inputs, **kwargs)
    if isinstance(inputs, str):
        return original(self, inputs, *args, **kwargs)
    if not any(_is_video(item) for item in inputs):
        return original(self, inputs, *args, **kwargs)
    return _one_by_one(original, self, inputs, *args, **kwargs)


def _check_outputs(
    inputs: str | list[str | np.ndarray],
    out_dir: str | None = None,
    vis_out_dir: str | None = None,
    pred_out_dir: str | None = None,
    **_: Any,
) -> None:
    """mmpose names outputs by their inputs, and replaces what is there.

    Raises:
        UsageError: An output would replace an input, or that of another input.
    """
    if isinstance(inputs, str):
        inputs = [inputs]
    paths = [
        Path(path)
        for item in inputs
        if isinstance(item, str) and _is_local(item)
        for path in _expand(item)
    ]
    owners = {key: path for path in paths if (key := file_identity(path))}
    if vis_out_dir is None:
        vis_out_dir = out_dir and f'{out_dir}/visualizations'
    if pred_out_dir is None:
        pred_out_dir = out_dir and f'{out_dir}/predictions'
    written: dict[Path, Path] = {}
    for path in paths:
        outputs = [Path(vis_out_dir, path.name)] if vis_out_dir else []
        if pred_out_dir:
            outputs.append(Path(pred_out_dir, f'{path.stem}.json'))
        for output in outputs:
            owner = owners.get(file_identity(output))
            if owner:
                raise UsageError(
                    f'output {output} would replace the input {owner}: choose '
                    'another folder'
                )
            if written.setdefault(output, path) != path:
                raise UsageError(
                    f'{output} would be the output of both {written[output]} and '
                    f'{path}: give each a call and folder of its own'
                )


def _one_by_one(original, self, inputs, *args, bboxes=None, **kwargs):
    """Results of the pictures and of the frames of the videos of a list; mmpose
    takes one video a call."""
    for item, given in zip(inputs, _boxes_of_each(bboxes, len(inputs))):
        if given is not None:
            kwargs['bboxes'] = given if _is_video(item) else [given]
        yield from original(self, item, *args, **kwargs)
        kwargs.pop('bboxes', None)


@_extends(BaseMMPoseInferencer, '_inputs_to_list')
def _inputs_to_list(original, self, inputs):
    self._video_input = _is_video(inputs)
    if self._video_input:
        # mmpose knows videos by the types that the system gives to suffixes.
        video = mmcv.VideoReader(inputs)
        size = dict(width=video.width, height=video.height, fps=video.fps)
        name = Path(inputs).name
        self.video_info = dict(size, name=name, writer=None, predictions=[])
        return video
    if isinstance(inputs, str) and not _is_local(inputs):
        return original(self, inputs)
    if isinstance(inputs, str):
        inputs = _expand(inputs)
    elif isinstance(inputs, np.ndarray) and inputs.ndim != 4:
        inputs = [inputs]
    # A checked array a file; a path stays one, results are named by it.
    return [_checked(item) for item in inputs]


def _is_video(item: Any) -> bool:
    """Whether it is the path of a video; of animations the first frame counts."""
    if not isinstance(item, str) or is_animated(item):
        return False
    # Of what is on a server only the name is known.
    return is_video(item) if _is_local(item) else Path(item).suffix.lower() in SUFFIXES


def _is_rtmw(config: Config) -> bool:
    head = config.model.get('head')
    return bool(head) and head.type.startswith('RTMW')


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
