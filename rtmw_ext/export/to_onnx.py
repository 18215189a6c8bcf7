"""ONNX.

Shapes: B crops.
"""

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..compat.patches import legacy_onnx_export
from ..core.metadata import METADATA_KEY, NetworkMetadata
from ..runtime import load_network
from .formats import require_calibration
from .model import Exportable, ExportSource, noise

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17


def write(source: ExportSource, path: Path, precision: str = 'fp32') -> None:
    """ONNX with a free batch and the metadata inside; inputs and outputs are
    float32 in every precision."""
    if precision == 'int8':
        write_int8(source, path)
        return
    model = trace(source.network, source.metadata)
    if precision == 'fp16':
        model = to_half(model)
    write_metadata(model, source.metadata, path)


def write_int8(source: ExportSource, path: Path, backend: str = 'onnxruntime') -> None:
    """ONNX in int8, as ``backend`` runs it fastest."""
    import onnx

    from . import quantize

    folder = require_calibration('int8', source.calibration)
    with tempfile.TemporaryDirectory() as work:
        plain = Path(work) / 'plain.onnx'
        write(source, plain, 'fp32')
        crops = quantize.folder_crops(
            plain, folder, source.detector, crop=quantize.calibration_crops
        )
        quantize.quantize(plain, path, crops, backend)
    write_metadata(onnx.load(path), source.metadata, path)


def run(path: Path, crops: np.ndarray) -> list[np.ndarray]:
    """The outputs of a file for (B, 3, h, w) float32 crops."""
    return load_network(path, 'onnxruntime')(crops)


def trace(
    network: Exportable, metadata: NetworkMetadata, **options: Any
) -> 'ModelProto':
    """A network in float32, without metadata and in memory.

    Args:
        network: What to export.
        metadata: From :func:`rtmw_ext.export.model.describe`.
        **options: Of ``torch.onnx.export``.
    """
    import onnx

    axes = {name: {0: 'batch'} for name in ('input', *network.names)}
    content = io.BytesIO()
    with legacy_onnx_export(), torch.no_grad():
        torch.onnx.export(
            network,
            (noise(metadata),),
            content,
            input_names=['input'],
            output_names=network.names,
            dynamic_axes=axes,
            opset_version=OPSET,
            **options,
        )
    return onnx.load_from_string(content.getvalue())


def to_half(model: 'ModelProto') -> 'ModelProto':
    """A model that computes in float16, with float32 inputs and outputs."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True)


def halve_weights(model: 'ModelProto') -> 'ModelProto':
    """A model that stores the weights of convolutions and matrix products in
    float16 and computes in float32: runtimes cast them once, when they load
    it."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    weights = {
        node.input[1]
        for node in graph.node
        if node.op_type in ('Conv', 'Gemm', 'MatMul')
    }
    casts = []
    for tensor in graph.initializer:
        if tensor.name in weights and tensor.data_type == TensorProto.FLOAT:
            name = tensor.name
            tensor.CopyFrom(
                numpy_helper.from_array(
                    numpy_helper.to_array(tensor).astype('float16'), f'{name}_half'
                )
            )
            casts.append(
                helper.make_node('Cast', [tensor.name], [name], to=TensorProto.FLOAT)
            )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def write_metadata(model: 'ModelProto', metadata: NetworkMetadata, path: Path) -> None:
    """Saves a model with the metadata in it."""
    import onnx

    onnx.helper.set_model_props(model, {METADATA_KEY: metadata.to_json()})
    onnx.save(model, path)
