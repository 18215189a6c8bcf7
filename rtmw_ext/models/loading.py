"""Models with their weights: by name, whether they fit, and those of another
input size.

Shapes: D features of a code or a token, (h, w) a level's size in cells.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import _load_checkpoint
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..core.errors import ConfigError, RTMWError
from ..zoo import RANDOM, resolve_model
from .rtmw_head import STRIDE, RTMWSimCCHead


class CheckpointError(RTMWError, ValueError):
    """A model has no weights, or they are damaged or of another one; the text names
    both."""


def load_model(
    name: str | Path, weights: str | None = None
) -> tuple[nn.Module, Config, str]:
    """
    Args:
        name: As of :func:`rtmw_ext.zoo.resolve_model`.
        weights: Likewise.

    Returns:
        The model in eval mode, its config, and the name of its weights.

    Raises:
        UnknownModelError: Nothing has this name.
        WeightsError: There are no such weights.
        ConfigError: The config does not exist or cannot be read, or its model
            cannot be built.
        CheckpointError: The weights cannot be loaded or are another model's, or it
            is no SimCC model.
    """
    path, location = resolve_model(name, weights)
    init_default_scope('mmpose')
    config = read_config(path)
    try:
        model = MODELS.build(config.model)
    except Exception as error:
        raise ConfigError(
            f'the model of config {path} cannot be built ({type(error).__name__}: '
            f'{error}): correct its values'
        ) from error
    head = getattr(model, 'head', None)
    if not hasattr(head, 'classifiers'):
        raise CheckpointError(
            f'{name} is no RTMW or RTMW3D: its head is '
            f'{type(head).__name__}. Detectors are exported by '
            'tools/deploy.py'
        )
    if location == RANDOM:
        model.init_weights()
    else:
        state = read_weights(location)
        check_fit(model, state, location)
        model.load_state_dict(state, strict=False)
    return model.eval(), config, Path(location).name


def read_config(path: Path) -> Config:
    """A config with a model, whose backbone fetches no weights.

    Raises:
        ConfigError: It cannot be read, or has no model.
    """
    try:
        config = Config.fromfile(path)
    except Exception as error:
        # A config is a program, which fails in any way.
        raise ConfigError(
            f'config {path} cannot be read ({type(error).__name__}: {error}): correct '
            'that place'
        ) from error
    model = config.get('model')
    if not isinstance(model, dict):
        raise ConfigError(f'config {path} has no model: a dict with its type and parts')
    if isinstance(model.get('backbone'), dict):
        model['backbone']['init_cfg'] = None
    return config


def read_weights(location: str) -> Mapping[str, Tensor]:
    """The weights of a checkpoint.

    Args:
        location: Path or address of a ``.pth`` or ``.safetensors``.

    Returns:
        {parameter name: tensor}, on the CPU.

    Raises:
        CheckpointError: It is missing or damaged, or holds no weights.
    """
    if '://' not in location and not Path(location).is_file():
        raise CheckpointError(f'checkpoint {location} does not exist')
    try:
        content = _load_checkpoint(location, map_location='cpu')
    except RTMWError:
        raise
    except Exception as error:
        # A damaged pickle fails in any way.
        raise CheckpointError(
            f'checkpoint {location} cannot be loaded '
            f'({type(error).__name__}: {error}): it may be damaged, fetch it again'
        ) from None
    state = content.get('state_dict', content) if isinstance(content, dict) else None
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor)
        for name, value in state.items()
    ):
        raise CheckpointError(
            f'checkpoint {location} holds no weights: give a file of tensors by '
            'name, or one with such a "state_dict"'
        )
    return state


def check_fit(model: nn.Module, state_dict: Mapping[str, Tensor], name: str) -> None:
    """Raises if ``state_dict`` cannot be ``model``'s weights.

    MMEngine only logs missing and mismatching weights, and then runs with
    random ones.

    Args:
        model: The model to load into.
        state_dict: {parameter name: tensor}.
        name: What to call the checkpoint in the error, its path, say.

    Raises:
        CheckpointError: A weight of the model is missing or of another shape.
    """
    state_dict = {
        key.removeprefix('module.'): value for key, value in state_dict.items()
    }
    problems = []
    for key, tensor in model.state_dict().items():
        if key.startswith('data_preprocessor.'):
            continue
        if key not in state_dict:
            # Released before torch counted BN batches.
            if not key.endswith('num_batches_tracked'):
                problems.append(f'{key} is missing')
        elif state_dict[key].shape != tensor.shape:
            problems.append(
                f'{key} is {tuple(state_dict[key].shape)}, not {tuple(tensor.shape)}'
            )
    if problems:
        raise CheckpointError(
            f'checkpoint {name} is of another model than the config: '
            f'{len(problems)} of {len(model.state_dict())} weights do not fit '
            f'({"; ".join(problems[:3])}{", ..." if problems[3:] else ""}). '
            'Give the config and the checkpoint of the same model and input '
            'size'
        )


def fit_input_size(model: nn.Module, state_dict: dict) -> tuple[int, int] | None:
    """Stretches the weights of an RTMW or RTMW3D head that was trained at
    another input size, in place.

    A weight that reads a position in the crop then reads the same position in
    the new one. Features change with the size of what is in the picture, so
    that training has to go on; it begins far ahead of random weights, which
    MMEngine leaves where shapes differ.

    Args:
        model: The estimator to load into.
        state_dict: {parameter name: tensor} of the same model but for
            its input size.

    Returns:
        (w, h) in pixels that the weights were trained
        at; None if they are left alone.
    """
    head = getattr(model, 'head', None)
    names = ['head.cls_x.weight', 'head.cls_y.weight']
    if not isinstance(head, RTMWSimCCHead) or not set(names) <= set(state_dict):
        return None
    ratio = head.decoder.simcc_split_ratio
    old = tuple(round(len(state_dict[name]) / ratio) for name in names)
    new = head.input_size[:2]
    if old == new or any(size % STRIDE for size in old):
        return None
    for name, own in model.state_dict().items():
        weight = state_dict.get(name)
        if weight is None or weight.ndim != 2 or weight.shape == own.shape:
            continue
        if name.startswith('head.cls_'):
            state_dict[name] = stretch(weight, 0, len(own))
            continue
        sizes = level_sizes(weight, old, new)
        maps = weight.unflatten(1, sizes[0])
        for dim, size in zip((1, 2), sizes[1]):
            maps = stretch(maps, dim, size)
        state_dict[name] = maps.flatten(1) * (weight.shape[1] / own.shape[1])
    return old


def level_sizes(weight: Tensor, *inputs) -> list[list[int]]:
    """[h, w] in cells of an encoder's level, for each input size (w, h) in
    pixels; its ``weight`` (D, h * w) is that for the first. It has whole cells
    of the top level."""
    fine = round((weight.shape[1] * STRIDE**2 / math.prod(inputs[0])) ** 0.5)
    return [[side // STRIDE * fine for side in size[::-1]] for size in inputs]


def crop_head(old: nn.Module, new: nn.Module) -> None:
    """Gives a model with a smaller input the weights of one with a larger.

    Both are an RTMW or RTMW3D. The smaller one gets the centre of the larger
    one's input, at the same scale, and may have smaller kernels in its HEM: a
    weight that read a position there reads the same position here.

    Args:
        old: Estimator of the larger input.
        new: The other, the same but for that; it gets the weights.

    Raises:
        CheckpointError: It is no such model; the text names the weight.
    """
    state = new.state_dict()
    inputs = [model.head.input_size[:2] for model in (old, new)]
    for name, weight in old.state_dict().items():
        if name not in state:
            raise CheckpointError(f'{name} is in the first model only')
        shape = state[name].shape
        if name.startswith(('head.mlp.', 'head.mlp2.')) and weight.ndim == 2:
            sizes = level_sizes(weight, *inputs)
            maps = center_crop(
                weight.unflatten(1, sizes[0]), (len(weight), *sizes[1]), name
            )
            # ScaleNorm divides by the root mean square of fewer cells.
            weight = (
                maps.flatten(1) * (math.prod(sizes[0]) / math.prod(sizes[1])) ** 0.5
            )
        state[name] = center_crop(weight, shape, name)
    new.load_state_dict(state)


def center_crop(tensor: Tensor, shape: Sequence[int], name: str) -> Tensor:
    """The part of that shape around the centre of a weight.

    Raises:
        CheckpointError: The weight is smaller, or has other dimensions.
    """
    if tensor.ndim != len(shape) or any(
        wanted > side for wanted, side in zip(shape, tensor.shape)
    ):
        raise CheckpointError(
            f'{name} of {tuple(tensor.shape)} cannot be cropped to {tuple(shape)}'
        )
    for dim, wanted in enumerate(shape):
        tensor = tensor.narrow(dim, (tensor.shape[dim] - wanted) // 2, wanted)
    return tensor


def stretch(tensor: Tensor, dim: int, size: int) -> Tensor:
    """Linear interpolation along ``dim`` to ``size`` entries; entry i lands
    on i * size / (old size), as pixels and strided convolutions do."""
    count = tensor.shape[dim]
    where = (torch.arange(size, device=tensor.device) * (count / size)).clamp(
        max=count - 1
    )
    low = where.floor().long()
    part = (where - low).to(tensor.dtype).view(-1, *[1] * (tensor.ndim - dim - 1))
    return torch.lerp(
        tensor.index_select(dim, low),
        tensor.index_select(dim, (low + 1).clamp(max=count - 1)),
        part,
    )
