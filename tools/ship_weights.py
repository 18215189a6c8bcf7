#!/usr/bin/env python3
"""Publishes trained weights.

tools/ship_weights.py CHECKPOINT CONFIG --out FILE.safetensors [--precision fp32]

Writes the weights of a training's checkpoint (the moving average where the
training had one) without its optimizer, matrices in float16 unless told
otherwise. MMEngine's load_from, MMPoseInferencer, tools/test.py and
`rtmw export CONFIG --weights` take the file as they take the checkpoint.

tools/ship_weights.py CHECKPOINT CONFIG

Puts them into the package, where the model names find them: as
rtmw_ext/zoo/weights/CONFIG.safetensors and, for each model whose metafile entry
names this file, an ONNX graph that takes its weights from there.

tools/ship_weights.py DETECTOR.onnx CONFIG

Puts an exported detector, with float16 weights inside, into the package as
CONFIG.onnx.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import _load_checkpoint
from mmpose.apis.inference import dataset_meta_from_config
from mmpose.registry import MODELS

from rtmw_ext import zoo
from rtmw_ext.core.errors import RTMWError
from rtmw_ext.engine.safetensors import SUFFIX, save_safetensors
from rtmw_ext.export import check, external_data
from rtmw_ext.export.formats import ExportError
from rtmw_ext.export.model import LICENCE, Exportable, describe, noise
from rtmw_ext.models.loading import check_fit, load_model
from rtmw_ext.runtime import Detector, load_network
from rtmw_ext.version import __version__

#: Bytes of all that is shipped, so that a clone stays small.
LIMIT = 40e6
#: Between ONNX Runtime's logits and PyTorch's, in parts of the largest.
TOLERANCE = 1e-4


def ship(checkpoint: str, config: str, folder: str | Path = zoo.SHIPPED) -> list[Path]:
    """Writes the weights and the graphs into the package, or nothing.

    Args:
        checkpoint: Path of a training's checkpoint, or of a detector's
            ``.onnx``.
        config: Path of its config.
        folder: To write into.

    Returns:
        The files.

    Raises:
        CheckpointError: The checkpoint is of another model.
        ExportError: No model has a file of this name, the weights do not fit
            into float16 or the limit, or a graph does not compute what
            PyTorch does.
    """
    write = write_detector if Path(checkpoint).suffix == '.onnx' else write_pose
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        write(checkpoint, config, Path(scratch))
        new = sorted(Path(scratch).iterdir())
        names = {path.name for path in new}
        kept = [
            path
            for path in folder.iterdir()
            if path.is_file() and path.name not in names
        ]
        total = sum(path.stat().st_size for path in (*new, *kept))
        if total > LIMIT:
            raise ExportError(
                f'{folder} would hold {total / 1e6:.1f} MB, more than '
                f'{LIMIT / 1e6:.0f}: ship a smaller model, or one for 2D and 3D'
            )
        for path in new:
            os.replace(path, folder / path.name)
        return [folder / path.name for path in new]


def write_pose(checkpoint: str, config: str, folder: Path) -> None:
    """Writes the weights and their graphs, as of :func:`ship`."""
    weights = folder / f'{Path(config).stem}{SUFFIX}'
    users = [
        model
        for model in zoo.models()
        if model.weights and model.onnx and Path(model.weights).name == weights.name
    ]
    if not users:
        raise ExportError(
            f'no model takes its weights from {weights.name}: name it in '
            'configs/photos/metafile.yml, or give the config that is there'
        )
    publish(checkpoint, config, weights)
    for user in users:
        model, content, _ = load_model(str(user.config), str(weights))
        graph = folder / Path(user.onnx).name
        meta = describe(model, content, user.name, weights.name)
        external_data.to_onnx_with_external_data(model, meta, graph, weights)
        crops = noise(meta, 2).numpy()
        expected = check.torch_outputs(Exportable(model), crops)
        apart = check.compare(expected, load_network(graph)(crops), meta)['logits']
        largest = max(np.abs(axis).max() for axis in expected)
        text = f'{graph.name}: logits up to {largest:.3g}, {apart:.2g} from PyTorch'
        if apart > TOLERANCE * largest:
            raise ExportError(text)
        print(text)


def write_detector(graph: str, config: str, folder: Path) -> None:
    """Copies a detector's graph, as of :func:`ship`."""
    import onnx

    name = f'{Path(config).stem}.onnx'
    if not any(Path(model.onnx or '').name == name for model in zoo.models()):
        raise ExportError(
            f'no detector is called {name}: name it in '
            'configs/photos/metafile.yml, or give the config that is there'
        )
    if not any(
        tensor.data_type == onnx.TensorProto.FLOAT16
        for tensor in onnx.load(graph).graph.initializer
    ):
        raise ExportError(
            f'{graph} has no float16 weights: export it with '
            'configs/deploy/detection_onnxruntime-fp16-weights.py'
        )
    shutil.copyfile(graph, folder / name)
    Detector(folder / name)  # or an error that says what it is


def publish(
    checkpoint: str, config: str, path: str | Path, precision: str = 'fp16'
) -> None:
    """Writes a checkpoint's weights as ``.safetensors``.

    Args:
        checkpoint: Path of a training's checkpoint.
        config: Path of its config.
        path: To write.
        precision: As of :func:`external_data.to_precision`.

    Raises:
        CheckpointError: The checkpoint is of another model.
        ExportError: The weights are not finite, or do not fit into float16.
    """
    init_default_scope('mmpose')
    loaded = _load_checkpoint(checkpoint, map_location='cpu')
    content = Config.fromfile(config)
    content.model.backbone.init_cfg = None
    model = MODELS.build(content.model)
    # MMEngine's EMAHook stores the average here, and what it is of elsewhere.
    state = loaded.get('state_dict', loaded)
    check_fit(model, state, checkpoint)
    state = {name: state[name] for name in model.state_dict() if name in state}
    meta = dict(
        config=Path(config).name,
        licence=LICENCE,
        made_by=f'rtmw_ext {__version__}',
        iterations=loaded.get('meta', {}).get('iter'),
        dataset_meta=plain(dataset_meta_from_config(content)),
    )
    # Of a file that is published again, say in another precision.
    curves = loaded.get('meta', {}).get('calibration')
    if curves:
        meta['calibration'] = curves
    save_safetensors(external_data.to_precision(state, precision), meta, path)


def plain(value):
    """Metadata without arrays."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def main():
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument(
        'checkpoint', help='of tools/train.py, its work folder, or a detector.onnx'
    )
    flags.add_argument('config', help='that it was trained with')
    flags.add_argument(
        '--out',
        type=Path,
        metavar='FILE',
        help='.safetensors to write, instead of the files of the package',
    )
    flags.add_argument(
        '--precision',
        choices=external_data.PRECISIONS,
        help='of matrices, with --out (default: fp16)',
    )
    options = flags.parse_args()
    if options.precision and not options.out:
        flags.error('--precision goes with --out: the package holds float16')
    if options.out and options.out.suffix != SUFFIX:
        flags.error(f'--out {options.out} must end in {SUFFIX}')
    MMLogger.get_instance('mmengine', log_level='ERROR')
    try:
        checkpoint = zoo.resolve_checkpoint(options.checkpoint)
        for path in (checkpoint, options.config):
            if not Path(path).is_file():
                raise ExportError(f'{path} does not exist')
        if options.out:
            publish(
                checkpoint, options.config, options.out, options.precision or 'fp16'
            )
            written = [options.out]
        else:
            written = ship(checkpoint, options.config)
    except RTMWError as error:
        raise SystemExit(f'error: {error}') from None
    for path in written:
        print(f'{path.stat().st_size / 1e6:6.2f} MB  {path}')


if __name__ == '__main__':
    main()
