#!/usr/bin/env python3
"""Puts trained weights into the package, where the model names find them:

tools/ship_weights.py CHECKPOINT CONFIG

Of a training's checkpoint it keeps the weights (the moving average where the
training had one), matrices in float16, as
rtmw_ext/zoo/weights/CONFIG.pth.npz.xz, unpacked where it is first used. Beside it,
for each model whose metafile entry names CONFIG.pth, it writes an ONNX graph
that takes its weights from there.

tools/ship_weights.py DETECTOR.onnx CONFIG

An exported detector with float16 weights inside becomes CONFIG.onnx.npz.xz.
"""

import argparse
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import _load_checkpoint
from mmpose.apis.inference import dataset_meta_from_config
from mmpose.registry import MODELS

from rtmw_ext import zoo
from rtmw_ext.engine.checkpoints import AtomicBackend
from rtmw_ext.export import check, shared
from rtmw_ext.export.formats import ExportError
from rtmw_ext.export.model import LICENCE, Exportable, describe, noise
from rtmw_ext.models.loading import CheckpointError, check_fit, load_model
from rtmw_ext.runtime import Detector, load_network
from rtmw_ext.version import __version__
from rtmw_ext.zoo import packed

#: Bytes of all that is shipped, so that a clone stays small.
LIMIT = 40e6
#: Between ONNX Runtime's logits and PyTorch's, in parts of the largest.
TOLERANCE = 1e-4


def ship(checkpoint, config, folder=zoo.SHIPPED, steps=shared.STEPS):
    """Writes the weights and the graphs, or nothing.

    Args:
        checkpoint (str): Path of a training's checkpoint, or of a detector's
            ``.onnx``.
        config (str): Path of its config.
        folder (Path): To write into.
        steps (float): Of the grid of :func:`shared.shrink`.

    Returns:
        list[Path]: The files.

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
        matrices = write(checkpoint, config, Path(scratch), steps)
        new, old = [], set()
        for path in sorted(Path(scratch).iterdir()):
            old.update(one.name for one in (path, *packed.packed_files(path)))
            new.append(packed.pack(path, matrices.get(path.name, ())))
        kept = [
            path for path in folder.iterdir() if path.is_file() and path.name not in old
        ]
        total = sum(path.stat().st_size for path in (*new, *kept))
        if total > LIMIT:
            raise ExportError(
                f'{folder} would hold {total / 1e6:.1f} MB, more than '
                f'{LIMIT / 1e6:.0f}: ship a smaller model, or one for 2D and '
                '3D'
            )
        for path in new:
            os.replace(path, folder / path.name)
        for name in old - {path.name for path in new}:
            (folder / name).unlink(missing_ok=True)
        return [folder / path.name for path in new]


def write_pose(checkpoint, config, folder, steps):
    """Writes the ``.pth`` and its graphs, as of :func:`ship`.

    Returns:
        dict: {name of a file: its matrices, as ``packed.pack`` takes them}.
    """
    name = f'{Path(config).stem}.pth'
    users = [
        model
        for model in zoo.models()
        if model.onnx and Path(model.weights or '').name == name
    ]
    if not users:
        raise ExportError(
            f'no model takes its weights from {name}: name it in '
            'configs/synthetic/metafile.yml, or give the config that is there'
        )
    weights = folder / name
    AtomicBackend().put(pack(checkpoint, config, steps), weights)
    for user in users:
        model, content, _ = load_model(str(user.config), str(weights))
        graph = folder / Path(user.onnx).name
        meta = describe(model, content, user.name, name)
        shared.to_shared_onnx(model, meta, graph, weights)
        crops = noise(meta, 2).numpy()
        expected = check.torch_outputs(Exportable(model), crops)
        apart = check.compare(expected, load_network(graph)(crops), meta)['logits']
        largest = max(np.abs(axis).max() for axis in expected)
        text = f'{graph.name}: logits up to {largest:.3g}, {apart:.2g} from PyTorch'
        if apart > TOLERANCE * largest:
            raise ExportError(text)
        print(text)
    return {name: shared.matrices(weights)}


def write_detector(graph, config, folder, steps):
    """Writes a detector's graph, as :func:`write_pose` does."""
    name = f'{Path(config).stem}.onnx'
    if not any(Path(model.onnx or '').name == name for model in zoo.models()):
        raise ExportError(
            f'no detector is called {name}: name it in '
            'configs/synthetic/metafile.yml, or give the config that is there'
        )
    content, matrices = shared.graph_on_grid(graph, steps)
    (folder / name).write_bytes(content)
    Detector(folder / name)  # or an error that says what it is
    return {name: matrices}


def pack(checkpoint, config, steps):
    """bytes: The ``.pth``: ``state_dict``, and ``meta`` of plain data, which
    torch loads with ``weights_only``."""
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
    result = io.BytesIO()
    torch.save(dict(meta=meta, state_dict=shared.shrink(state, steps)), result)
    return result.getvalue()


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
    flags.add_argument('checkpoint', help='of tools/train.py, or a detector.onnx')
    flags.add_argument('config', help='that it was trained with')
    flags.add_argument(
        '--steps',
        type=float,
        default=shared.STEPS,
        help='of the grid; fewer are smaller, and for weights '
        'that WeightGridHook prepared for it (default: '
        f'{shared.STEPS})',
    )
    flags = flags.parse_args()
    MMLogger.get_instance('mmengine', log_level='ERROR')
    for path in (flags.checkpoint, flags.config):
        if not Path(path).is_file():
            raise SystemExit(f'error: {path} does not exist')
    try:
        written = ship(flags.checkpoint, flags.config, steps=flags.steps)
    except (CheckpointError, ValueError) as error:
        raise SystemExit(f'error: {error}') from None
    for path in written:
        print(f'{path.stat().st_size / 1e6:6.2f} MB  {path}')


if __name__ == '__main__':
    main()
