"""Weights that are stored once, for PyTorch and for ONNX.

A ``.safetensors`` file says where each tensor lies in it. An ONNX graph beside it
names these places as its external data, so that the package holds one file of
weights and a small graph for each model that uses it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..core.metadata import NetworkMetadata
from .formats import ExportError
from .model import Exportable
from .to_onnx import trace, write_metadata

PRECISIONS = ('fp16', 'fp32')
#: What half floats hold.
LARGEST = torch.finfo(torch.float16).max


def to_precision(
    state_dict: Mapping[str, torch.Tensor], precision: str = 'fp16'
) -> dict[str, torch.Tensor]:
    """Weights as they are stored.

    With ``fp16`` matrices and kernels become float16. Vectors (BN's statistics,
    scales, biases) stay float32: they are under a hundredth of the file, and a
    variance may be smaller than float16 can tell from 0.

    Args:
        state_dict: {name: tensor}.
        precision: One of ``PRECISIONS``.

    Returns:
        The same names; tensors on the CPU with a storage of their own.

    Raises:
        ExportError: A weight is not finite, or too large for float16.
    """
    stored = {}
    for name, tensor in state_dict.items():
        tensor = tensor.detach().cpu()
        if tensor.is_floating_point():
            if not tensor.isfinite().all():
                raise ExportError(
                    f'weight {name} holds NaN or infinity: the training has diverged'
                )
            tensor = tensor.float()
            if precision == 'fp16' and tensor.ndim > 1:
                if tensor.abs().max() > LARGEST:
                    raise ExportError(
                        f'weight {name} reaches {tensor.abs().max():.3g}, more than '
                        f'float16 holds ({LARGEST:.0f})'
                    )
                tensor = tensor.half()
        stored[name] = tensor.clone(memory_format=torch.contiguous_format)
    return stored


@dataclass(frozen=True)
class Place:
    """Where a tensor lies in a file.

    Attributes:
        offset: In bytes, from the beginning of the file.
        length: In bytes.
        dtype: As safetensors names it, ``F16``, ``F32``, ``I64``, ...
    """

    offset: int
    length: int
    dtype: str


def tensor_places(path: str | Path) -> dict[str, Place]:
    """{name of a tensor: its place} of a ``.safetensors`` file.

    Source: https://github.com/huggingface/safetensors#format
    """
    with open(path, 'rb') as file:
        size = int.from_bytes(file.read(8), 'little')
        header: dict[str, Any] = json.loads(file.read(size))
    header.pop('__metadata__', None)
    return {
        name: Place(
            offset=8 + size + entry['data_offsets'][0],
            length=entry['data_offsets'][1] - entry['data_offsets'][0],
            dtype=entry['dtype'],
        )
        for name, entry in header.items()
    }


def to_onnx_with_external_data(
    model: nn.Module, meta: NetworkMetadata, path: Path, weights: Path
) -> None:
    """Writes the graph of a model whose weights stay in their file.

    Args:
        model: From :func:`load_model`, with these weights.
        meta: From :func:`describe`.
        path: ``.onnx`` to write.
        weights: ``.safetensors`` in the same folder.
    """
    from onnx import TensorProto, helper

    # Weights as they are: neither transposed nor joined with BN's, which the
    # runtime does when it loads them.
    graph = trace(
        Exportable(model),
        meta,
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
    )
    places = tensor_places(weights)
    casts = []
    for tensor in graph.graph.initializer:
        # The exporter names weights as state_dict does; others are constants.
        place = places.get(tensor.name.removeprefix('model.'))
        if place is None:
            continue
        if place.dtype == 'F16':
            half = f'{tensor.name}.half'
            casts.append(
                helper.make_node('Cast', [half], [tensor.name], to=TensorProto.FLOAT)
            )
            tensor.name, tensor.data_type = half, TensorProto.FLOAT16
        tensor.ClearField('raw_data')
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in dict(
            location=weights.name, offset=place.offset, length=place.length
        ).items():
            tensor.external_data.add(key=key, value=str(value))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    write_metadata(graph, meta, path)
