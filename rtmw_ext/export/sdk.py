"""MMDeploy's conversion and SDK files, for our models and for detectors.

MMDeploy 1.3.1 rewrites the model and writes ONNX. From there on this package
converts: the tools that MMDeploy calls (``mo``, ``onnx2ncnn``, TensorRT 8) are
no longer published.
"""

import copy
from pathlib import Path
from typing import Any

import onnx
from mmdeploy.apis import torch2onnx
from mmdeploy.backend.sdk.export_info import export2SDK
from mmdeploy.codebase.mmpose.deploy.pose_detection import MMPOSE_TASK, PoseDetection
from mmdeploy.utils import Task
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope

from ..compat.patches import legacy_onnx_export
from ..core.metadata import NetworkMetadata
from ..models.loading import load_model
from . import quantize, to_ncnn, to_onnx, to_openvino, to_tensorrt
from .formats import ExportError, require_calibration
from .model import LICENCE, Exportable, describe

COMPONENTS = {
    'SimCCLabel': 'SimCCLabelDecode',
    'FastSimCCLabel': 'SimCCLabelDecode',
    'SimCC3DLabel': 'SimCC3DLabelDecode',
}


@MMPOSE_TASK.register_module(Task.POSE_DETECTION.value, force=True)
class WholeBodyDetection(PoseDetection):
    """MMDeploy's pose task that also knows our codecs and RTMW3D.

    The 3D component of ``pipeline.json``, ``SimCC3DLabelDecode``, takes
    ``simcc_x``, ``simcc_y`` and ``simcc_z`` and its params: x and y are
    decoded as ``SimCCLabelDecode`` does, z by
    :func:`rtmw_ext.core.simcc.axis_to_z`, whose length in pixels is
    ``input_size[2]``.
    """

    def get_postprocess(self, *args: Any, **kwargs: Any) -> dict:
        codec = self.model_cfg.codec
        component = COMPONENTS.get(codec['type'])
        if component is None:
            return super().get_postprocess(*args, **kwargs)
        params = copy.deepcopy(self.model_cfg.model.test_cfg)
        params.update(codec, export_postprocess=False)
        return dict(type=component, params=params)


def deploy(
    deploy_config: str | Path,
    model_config: str | Path,
    checkpoint: str | Path,
    image: str | Path,
    work_dir: str | Path,
    calibration: str | None = None,
    device: str = 'cpu',
) -> Path:
    """Converts a model and writes ``deploy.json``, ``pipeline.json`` and
    ``detail.json`` beside it.

    Args:
        deploy_config: Under ``configs/deploy/``.
        model_config: Of a pose model, or an MMDetection config.
        checkpoint: The weights.
        image: Any image, to trace with.
        work_dir: Folder to write.
        calibration: Folder of images, for int8.
        device: To trace on.

    Returns:
        The converted network.

    Raises:
        ExportError: A file is missing, or the backend cannot be had here.
    """
    for path in (deploy_config, model_config, checkpoint, image):
        if not Path(path).is_file():
            raise ExportError(f'{path} does not exist: check the path')
    model_config = Config.fromfile(model_config)
    deploy_config = Config.fromfile(deploy_config)
    work_dir = Path(work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    pose = deploy_config.codebase_config.type == 'mmpose'
    size = _input_size(model_config, pose)
    deploy_config.onnx_config.input_shape = list(size)
    _fill_tensorrt(deploy_config, size)
    # MMDeploy's rewritings for these two need its own compiled operators;
    # plain ONNX needs none.
    backend = deploy_config.backend_config.type
    traced = copy.deepcopy(deploy_config)
    if backend in ('tensorrt', 'ncnn'):
        traced.backend_config = dict(type='onnxruntime')
    scope = DefaultScope.get_current_instance()
    try:
        with legacy_onnx_export():
            torch2onnx(
                str(image),
                str(work_dir),
                'end2end',
                traced,
                model_config,
                str(checkpoint),
                device=device,
            )
        export2SDK(
            deploy_config,
            model_config,
            str(work_dir),
            pth=str(checkpoint),
            device='cuda' if backend == 'tensorrt' else device,
        )
    finally:
        init_default_scope(scope.scope_name if scope else 'mmpose')
    return _convert(
        deploy_config, model_config, checkpoint, work_dir, pose, calibration
    )


def _input_size(config: Config, pose: bool) -> tuple[int, int]:
    """(w, h) of the input in pixels."""
    if pose:
        return tuple(config.codec.input_size[:2])
    for step in config.test_dataloader.dataset.pipeline:
        if 'scale' in step:
            return tuple(step['scale'])
    raise ExportError("the detector's config has no Resize with a scale")


def _fill_tensorrt(config: Config, size: tuple[int, int]) -> None:
    if config.backend_config.type != 'tensorrt':
        return
    width, height = size
    batches = dict(zip(('min_shape', 'opt_shape', 'max_shape'), to_tensorrt.BATCHES))
    config.backend_config.model_inputs = [
        dict(
            input_shapes=dict(
                input={
                    name: [batch, 3, height, width] for name, batch in batches.items()
                }
            )
        )
    ]


def _convert(
    deploy_config: Config,
    model_config: Config,
    checkpoint: str | Path,
    work_dir: Path,
    pose: bool,
    calibration: str | None,
) -> Path:
    path = work_dir / 'end2end.onnx'
    backend = deploy_config.backend_config
    if pose:
        model, config, _ = load_model(model_config.filename, str(checkpoint))
        metadata = describe(
            model, config, Path(model_config.filename).stem, Path(checkpoint).name
        )
    else:
        metadata = _describe_detector(model_config, checkpoint)
    common = backend.get('common_config', {})
    if common.get('int8_mode'):
        folder = require_calibration('int8', calibration)
        crops = quantize.folder_crops(path, folder, crop=quantize.calibration_crops)
        quantize.quantize(path, path, crops)
    half = backend.get('precision') == 'fp16' or common.get('fp16_mode')
    network = onnx.load(path)
    if half and backend.type != 'openvino':
        network = to_onnx.to_half(network)
    if backend.get('precision') == 'fp16-weights':
        network = to_onnx.halve_weights(network)
    to_onnx.write_metadata(network, metadata, path)
    if backend.type == 'openvino':
        target = path.with_suffix('.xml')
        to_openvino.convert(path, target, 'fp16' if half else 'fp32')
        return target
    if backend.type == 'tensorrt':
        target = path.with_suffix('.engine')
        to_tensorrt.convert(path, metadata, target)
        return target
    if backend.type == 'ncnn':
        to_ncnn.convert(Exportable(model), metadata, work_dir)
        for name in (to_ncnn.PARAM, to_ncnn.WEIGHTS):
            converted = work_dir / name
            converted.replace(path.with_suffix(converted.suffix))
        return path.with_suffix('.param')
    return path


def _describe_detector(config: Config, checkpoint: str | Path) -> NetworkMetadata:
    processor = config.model.data_preprocessor
    plain = processor.get('mean') is None
    return NetworkMetadata(
        kind='yolox' if plain else 'rtmdet',
        name=Path(config.filename).stem,
        weights=Path(checkpoint).name,
        input_size=_input_size(config, False),
        mean=None if plain else tuple(processor.mean),
        std=None if plain else tuple(processor.std),
        rgb=bool(processor.get('bgr_to_rgb', False)),
        licence=LICENCE,
    )
