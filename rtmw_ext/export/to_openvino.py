"""OpenVINO.

Shapes: B crops.
"""

import tempfile
from pathlib import Path

import numpy as np

from ..runtime import load_network
from ..runtime.network import openvino_core
from . import to_onnx
from .formats import import_package
from .model import ExportSource


def write(source: ExportSource, path: Path, precision: str) -> None:
    """``.xml`` and ``.bin`` with the metadata inside."""
    with tempfile.TemporaryDirectory() as work:
        onnx_path = Path(work) / 'model.onnx'
        if precision == 'int8':
            to_onnx.write_int8(source, onnx_path, 'openvino')
        else:
            # OpenVINO halves the weights itself.
            to_onnx.write(source, onnx_path)
        convert(onnx_path, path, precision)


def convert(onnx_path: Path, path: Path, precision: str = 'fp32') -> None:
    """Writes an ONNX file of ours as OpenVINO's, with its metadata.

    Raises:
        ExportError: OpenVINO is not installed.
    """
    openvino = import_package('openvino', 'pip install openvino')
    model = openvino_core().read_model(str(onnx_path))
    openvino.save_model(model, str(path), compress_to_fp16=precision == 'fp16')


def run(path: Path, crops: np.ndarray) -> list[np.ndarray]:
    """The outputs of a file for (B, 3, h, w) float32 crops."""
    return load_network(path, 'openvino')(crops)
