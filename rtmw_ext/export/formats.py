"""Writing ONNX, OpenVINO, ncnn and TensorRT files.

Shapes: B crops, (h, w) the input in pixels.
"""

import io
import subprocess
import tempfile
from pathlib import Path

import torch

from ..compat.patches import legacy_onnx_export
from ..core.metadata import METADATA_KEY
from ..runtime.network import openvino_core
from ..runtime.pose import MAX_BATCH
from .model import ExportError

OPSET = 17


def example(meta, batch=1):
    """(B, 3, h, w) float32 noise, as a crop is after normalisation."""
    width, height = meta.input_size
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, height, width, generator=generator)


def to_onnx(network, meta, path, precision='fp32'):
    """ONNX with a free batch and the metadata inside.

    Args:
        network (Exportable): What to export.
        meta (NetworkMetadata): From :func:`rtmw_ext.export.model.describe`.
        path (Path): To write.
        precision (str): ``fp32``; ``fp16`` keeps float32 inputs and outputs.
    """
    model = trace(network, meta)
    if precision == 'fp16':
        model = to_half(model)
    write_metadata(model, meta, path)


def trace(network, meta, **options):
    """As :func:`to_onnx`, without the metadata and in memory.

    Args:
        network (Exportable): What to export.
        meta (NetworkMetadata): From :func:`rtmw_ext.export.model.describe`.
        **options: Of ``torch.onnx.export``.

    Returns:
        onnx.ModelProto: In float32.
    """
    import onnx

    axes = {name: {0: 'batch'} for name in ('input', *network.names)}
    content = io.BytesIO()
    with legacy_onnx_export(), torch.no_grad():
        torch.onnx.export(
            network,
            example(meta),
            content,
            input_names=['input'],
            output_names=network.names,
            dynamic_axes=axes,
            opset_version=OPSET,
            **options,
        )
    return onnx.load_from_string(content.getvalue())


def to_half(model):
    """An ONNX model that computes in float16, with float32 inputs and
    outputs."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True)


def halve_weights(model):
    """An ONNX model that stores the weights of convolutions and matrix
    products in float16 and computes in float32: runtimes cast them once, when
    they load it."""
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


def write_metadata(model, meta, path):
    """Saves an ONNX model with the metadata in it."""
    import onnx

    onnx.helper.set_model_props(model, {METADATA_KEY: meta.to_json()})
    onnx.save(model, path)


def to_openvino(onnx_path, path, precision='fp32'):
    """OpenVINO's ``.xml`` and ``.bin`` from our ONNX; the metadata goes
    along."""
    openvino = _import('openvino', 'pip install openvino')
    model = openvino_core().read_model(str(onnx_path))
    openvino.save_model(model, str(path), compress_to_fp16=precision == 'fp16')


def to_ncnn(network, meta, folder, precision='fp32'):
    """``model.ncnn.param`` and ``.bin`` (blobs ``in0``; ``out0``, ``out1``)
    and ``metadata.json`` in a folder; one crop a run.

    Source: https://github.com/pnnx/pnnx, the converter of ncnn.
    """
    pnnx = _import('pnnx', 'pip install pnnx')
    folder.mkdir(parents=True, exist_ok=True)
    width, height = meta.input_size
    param, weights = folder / 'model.ncnn.param', folder / 'model.ncnn.bin'
    with tempfile.TemporaryDirectory() as work:
        traced = Path(work) / 'model.pt'
        with torch.no_grad():
            torch.jit.trace(network, example(meta), check_trace=False).save(traced)
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
    (folder / 'metadata.json').write_text(meta.to_json())


def to_tensorrt(onnx_path, meta, path):
    """A TensorRT engine for 1 to ``MAX_BATCH`` crops from our ONNX, whose
    precision (fp32, fp16 or int8 with its scales) it keeps.

    Raises:
        ExportError: TensorRT or a GPU is absent, or it refuses the network.
    """
    width, height = meta.input_size

    def shape(batch):
        return f'input:{batch}x3x{height}x{width}'

    command = (
        f'trtexec --stronglyTyped --onnx={onnx_path} '
        f'--saveEngine={path} --minShapes={shape(1)} '
        f'--optShapes={shape(4)} --maxShapes={shape(MAX_BATCH)}'
    )
    if not torch.cuda.is_available():
        raise ExportError(
            'a TensorRT engine is built on the NVIDIA GPU that runs it, and '
            f'there is none here; {onnx_path} is ready, build it there: '
            f'{command}'
        )
    trt = _import('tensorrt', 'pip install tensorrt')
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(
        1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    )
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(onnx_path)):
        raise ExportError(f'TensorRT refuses the network: {parser.get_error(0).desc()}')
    settings = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    profile.set_shape(
        'input', *((batch, 3, height, width) for batch in (1, 4, MAX_BATCH))
    )
    settings.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, settings)
    if engine is None:
        raise ExportError(
            'TensorRT could not build the engine; try it with '
            f'its log: {command} --verbose'
        )
    path.write_bytes(engine)


def _import(name, command):
    try:
        return __import__(name)
    except ImportError:
        raise ExportError(f'{name} is not installed: {command}') from None
