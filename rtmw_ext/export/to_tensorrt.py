"""TensorRT, for the GPU of this machine."""

from pathlib import Path

import torch

from ..core.metadata import NetworkMetadata
from ..runtime.pose import MAX_BATCH
from . import to_onnx
from .formats import ExportError, import_package
from .model import ExportSource

#: Least, best and largest batch of an engine.
BATCHES = (1, 4, MAX_BATCH)


def write(source: ExportSource, path: Path, precision: str) -> None:
    """An engine, and beside it the ``.onnx`` file that it is built from."""
    onnx_path = path.with_suffix('.onnx')
    to_onnx.write(source, onnx_path, precision)
    convert(onnx_path, source.metadata, path)


def convert(onnx_path: Path, metadata: NetworkMetadata, path: Path) -> None:
    """Builds an engine from an ONNX file of ours, whose precision (fp32, fp16
    or int8 with its scales) it keeps.

    Raises:
        ExportError: TensorRT or a GPU is absent, or TensorRT refuses the
            network.
    """
    width, height = metadata.input_size
    shapes = [f'input:{batch}x3x{height}x{width}' for batch in BATCHES]
    command = (
        f'trtexec --stronglyTyped --onnx={onnx_path} --saveEngine={path} '
        f'--minShapes={shapes[0]} --optShapes={shapes[1]} --maxShapes={shapes[2]}'
    )
    if not torch.cuda.is_available():
        raise ExportError(
            'a TensorRT engine is built on the NVIDIA GPU that runs it, and '
            f'there is none here; {onnx_path} is ready, build it there: '
            f'{command}'
        )
    trt = import_package('tensorrt', 'pip install tensorrt')
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
    profile.set_shape('input', *((batch, 3, height, width) for batch in BATCHES))
    settings.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, settings)
    if engine is None:
        raise ExportError(
            'TensorRT could not build the engine; try it with '
            f'its log: {command} --verbose'
        )
    path.write_bytes(engine)
