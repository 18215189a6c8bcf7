"""Weights that are stored once, for PyTorch and for ONNX.

A ``.safetensors`` file says where each tensor lies in it. An ONNX graph beside it
names these places as its external data, so that the package holds one file of
weights and a small graph for each model that uses it. Curves of scores
(:mod:`rtmw_ext.core.calibration`) are in the file of weights, and a copy in each
graph.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ..core.calibration import Curve
from ..core.metadata import METADATA_KEY, NetworkMetadata
from ..engine.safetensors import SUFFIX, load_from_safetensors, save_safetensors
from .formats import ExportError
from .model import Exportable
from .to_onnx import trace, write_metadata

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

PRECISIONS = ('fp16', 'fp32')
#: What half floats hold.
LARGEST = torch.finfo(torch.float16).max
#: Ends the names of graphs' weights that are stored in float16.
HALF = '.half'


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
            half = f'{tensor.name}{HALF}'
            casts.append(
                helper.make_node('Cast', [half], [tensor.name], to=TensorProto.FLOAT)
            )
            tensor.name, tensor.data_type = half, TensorProto.FLOAT16
        tensor.ClearField('raw_data')
        tensor.data_location = TensorProto.EXTERNAL
        _refer(tensor, weights.name, place)
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    write_metadata(graph, meta, path)


def _refer(tensor: 'TensorProto', location: str, place: Place) -> None:
    """Says in which file, and where in it, a graph's weight is."""
    del tensor.external_data[:]
    for key, value in dict(
        location=location, offset=place.offset, length=place.length
    ).items():
        tensor.external_data.add(key=key, value=str(value))


def set_calibration(path: Path, curves: Mapping[str, Curve] | None) -> list[Path]:
    """Writes curves of scores into the files of a network, in place of those that
    are there.

    Args:
        path: ``.onnx``, or ``.safetensors``. Where the weights are in a file of
            their own, that file gets the curves, and so does each graph beside it
            that reads it.
        curves: As of :mod:`rtmw_ext.core.calibration`; None for none.

    Returns:
        The files that were written.

    Raises:
        NetworkError: The metadata of a graph, or the curves, cannot be used.
        CheckpointError: The weights are damaged.
    """
    import onnx

    curves = NetworkMetadata(calibration=curves and dict(curves)).calibration
    graphs = {path: onnx.load(path, load_external_data=False)} if _is_onnx(path) else {}
    weights = _location(graphs[path]) if graphs else path.name
    folder = path.parent
    if weights:
        graphs = {
            other: graph
            for other in sorted(filter(_is_onnx, folder.iterdir()))
            for graph in [onnx.load(other, load_external_data=False)]
            if _location(graph) == weights
        }
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        places = {}
        if weights:
            copy = Path(scratch) / weights
            content = load_from_safetensors(str(folder / weights))
            meta = {**content['meta'], 'calibration': curves}
            if not curves:
                del meta['calibration']
            save_safetensors(content['state_dict'], meta, copy)
            # Its header has another length.
            places = tensor_places(copy)
        for other, graph in graphs.items():
            for tensor in graph.graph.initializer:
                if weights and tensor.external_data:
                    name = tensor.name.removeprefix('model.').removesuffix(HALF)
                    _refer(tensor, weights, places[name])
            texts = {entry.key: entry.value for entry in graph.metadata_props}
            metadata = NetworkMetadata.from_json(texts.get(METADATA_KEY))
            texts[METADATA_KEY] = replace(metadata, calibration=curves).to_json()
            onnx.helper.set_model_props(graph, texts)
            onnx.save(graph, Path(scratch) / other.name)
        written = [folder / copy.name for copy in sorted(Path(scratch).iterdir())]
        for target in written:
            os.replace(Path(scratch) / target.name, target)
    return written


def _is_onnx(path: Path) -> bool:
    return path.suffix == '.onnx'


def _location(graph: 'ModelProto') -> str | None:
    """The name of the ``.safetensors`` that a graph reads its weights from."""
    for tensor in graph.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == 'location' and entry.value.endswith(SUFFIX):
                return entry.value
    return None
