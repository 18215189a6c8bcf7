"""ncnn, by pnnx, its converter.

Source: https://github.com/pnnx/pnnx.

Shapes: B crops, K keypoints, W bins of an axis.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch

from ..core.metadata import NetworkMetadata
from .formats import ExportError, import_package
from .model import Exportable, ExportSource, noise

PARAM, WEIGHTS = 'model.ncnn.param', 'model.ncnn.bin'


def write(source: ExportSource, path: Path, precision: str) -> None:
    """As :func:`convert`."""
    convert(source.network, source.metadata, path, precision)


def convert(
    network: Exportable,
    metadata: NetworkMetadata,
    folder: Path,
    precision: str = 'fp32',
) -> None:
    """``model.ncnn.param`` and ``model.ncnn.bin`` (blobs ``in0``; ``out0``,
    ``out1``; one crop per run) and ``metadata.json`` in a folder.

    Raises:
        ExportError: pnnx is not installed, or cannot convert the network.
    """
    pnnx = import_package('pnnx', 'pip install pnnx')
    folder.mkdir(parents=True, exist_ok=True)
    width, height = metadata.input_size
    param, weights = folder / PARAM, folder / WEIGHTS
    with tempfile.TemporaryDirectory() as work:
        traced = Path(work) / 'model.pt'
        with torch.no_grad():
            torch.jit.trace(network, noise(metadata), check_trace=False).save(traced)
        log = subprocess.run(
            [
                pnnx.EXEC_PATH,
                traced,
                f'inputshape=[1,3,{height},{width}]',
                f'fp16={int(precision == "fp16")}',
                f'ncnnparam={param.resolve()}',
                f'ncnnbin={weights.resolve()}',
            ],
            cwd=work,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ).stdout
    if not param.is_file() or not weights.is_file():
        raise ExportError('pnnx wrote no ncnn model: ' + ' '.join(log.split())[-300:])
    (folder / 'metadata.json').write_text(metadata.to_json())


def run(path: Path, crops: np.ndarray) -> list[np.ndarray]:
    """The outputs (B, K, W) of a folder for (B, 3, h, w) float32 crops.

    Raises:
        ExportError: ncnn is not installed.
    """
    ncnn = import_package('ncnn', 'pip install ncnn')
    net = ncnn.Net()
    net.load_param(str(path / PARAM))
    net.load_model(str(path / WEIGHTS))
    rows = []
    for crop in crops:
        extractor = net.create_extractor()
        extractor.input('in0', ncnn.Mat(np.ascontiguousarray(crop)))
        rows.append([np.array(extractor.extract(name)[1]) for name in ('out0', 'out1')])
    return [np.stack(output) for output in zip(*rows)]
