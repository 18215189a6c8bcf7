"""Weights that are stored once, for PyTorch and for ONNX.

A ``.pth`` is a zip archive of uncompressed tensors. An ONNX graph beside it
can name their places in that file as its external data, so that the package
holds one file of weights and a small graph for each model that uses it.
"""

import math
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ..models.grid import round_off
from .formats import ExportError
from .model import Exportable
from .to_onnx import trace, write_metadata

#: What half floats hold.
LARGEST = torch.finfo(torch.float16).max
#: Of the grid of shipped weights.
STEPS = 8


def shrink(state, steps=STEPS):
    """Weights in half the space.

    Matrices and kernels become float16 on a grid, with 8 steps 2.6 % of noise:
    compressed that is two fifths of what all bits take. Vectors (BN's
    statistics, scales, biases) stay as they are: they are under a hundredth
    of it, and a variance may be smaller than float16 can tell from 0.

    Args:
        state (dict): {name: tensor}.
        steps (float): Of the grid, see :func:`round_off`.

    Returns:
        dict: The same names; tensors on the CPU with a storage of their own.

    Raises:
        ExportError: A weight is not finite, or too large for float16.
    """
    small = {}
    for name, tensor in state.items():
        tensor = tensor.detach().cpu().contiguous()
        if tensor.is_floating_point():
            if not tensor.isfinite().all():
                raise ExportError(
                    f'weight {name} holds NaN or infinity: the training has diverged'
                )
            if tensor.ndim > 1:
                if tensor.abs().max() > LARGEST:
                    raise ExportError(
                        f'weight {name} reaches '
                        f'{tensor.abs().max():.3g}, more than '
                        f'float16 holds ({LARGEST:.0f})'
                    )
                tensor = half_on_grid(tensor, steps)
        small[name] = tensor.clone()
    return small


def half_on_grid(tensor, steps):
    """Of :func:`round_off`, in float16, without -0, which no integer is."""
    return round_off(tensor, steps).half() + 0


def to_shared_onnx(model, meta, path, checkpoint):
    """Writes the graph of a model whose weights are those of a checkpoint.

    Args:
        model (nn.Module): From :func:`load_model`, of that checkpoint.
        meta (NetworkMetadata): From :func:`describe`.
        path (Path): ``.onnx`` to write.
        checkpoint (Path): ``.pth`` in the same folder, with matrices in
            float16 as :func:`shrink` leaves them.
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
    place = places(checkpoint)
    casts = []
    for weight in graph.graph.initializer:
        # The exporter names weights as state_dict does; others are constants.
        name = weight.name.removeprefix('model.')
        if name not in place:
            continue
        offset, shape, dtype = place[name]
        if dtype == torch.float16:
            half = f'{weight.name}.half'
            casts.append(
                helper.make_node('Cast', [half], [weight.name], to=TensorProto.FLOAT)
            )
            weight.name, weight.data_type = half, TensorProto.FLOAT16
        weight.ClearField('raw_data')
        weight.data_location = TensorProto.EXTERNAL
        for key, value in dict(
            location=Path(checkpoint).name,
            offset=offset,
            length=math.prod(shape) * dtype.itemsize,
        ).items():
            weight.external_data.add(key=key, value=str(value))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    write_metadata(graph, meta, path)


def places(checkpoint):
    """Where the tensors of a checkpoint lie in its file.

    Args:
        checkpoint (str | Path): Its ``state_dict`` has tensors that share no
            storage.

    Returns:
        dict: {name: (offset in bytes, shape, dtype)}.
    """
    with FakeTensorMode():  # reads no tensor, notes its place
        state = torch.load(checkpoint, weights_only=True)['state_dict']
    return {
        name: (
            tensor.untyped_storage()._checkpoint_offset
            + tensor.storage_offset() * tensor.itemsize,
            tuple(tensor.shape),
            tensor.dtype,
        )
        for name, tensor in state.items()
    }


def matrices(checkpoint):
    """What :func:`rtmw_ext.zoo.packed.pack` asks for of a file that
    :func:`shrink`'s weights are in: [(offset in bytes, rows, columns)]."""
    return [
        (offset, shape[0], math.prod(shape[1:]))
        for offset, shape, dtype in places(checkpoint).values()
        if dtype == torch.float16
    ]


def graph_on_grid(path, steps=STEPS):
    """A graph that has its weights inside, with :func:`round_off`'s matrices.

    Args:
        path (str | Path): ``.onnx`` whose matrices are float16.
        steps (float): Of the grid.

    Returns:
        tuple[bytes, list]: The file, and its matrices as of :func:`matrices`.

    Raises:
        ExportError: It has no float16 matrix.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    weights = [
        weight
        for weight in model.graph.initializer
        if len(weight.dims) > 1 and weight.data_type == onnx.TensorProto.FLOAT16
    ]
    if not weights:
        raise ExportError(
            f'{path} has no float16 matrix: export it with '
            'configs/deploy/detection_onnxruntime-fp16-weights'
        )
    for weight in weights:
        tensor = torch.from_numpy(numpy_helper.to_array(weight).copy())
        weight.CopyFrom(
            numpy_helper.from_array(
                half_on_grid(tensor.float(), steps).numpy(), weight.name
            )
        )
    content = model.SerializeToString()
    found, end = [], 0
    for weight in weights:
        # In the order of the graph, and none within another.
        offset = content.index(weight.raw_data, end)
        end = offset + len(weight.raw_data)
        found.append((offset, weight.dims[0], math.prod(weight.dims[1:])))
    return content, found
