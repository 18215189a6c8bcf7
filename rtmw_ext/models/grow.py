"""A larger RTMW that begins as a smaller one that is trained (Net2Net).

Shapes: C channels of the small model, r * C of the large one.
"""

import re

import torch

from ..core.errors import RTMWError

SHIFT = 4.0
EXTRA = re.compile(r'(.*\.blocks)\.(\d+)\.')


class GrowError(RTMWError, ValueError):
    """A model is no larger form of another; the text says why."""


def grow(small, large, noise=0.3, seed=0):
    """Gives a large RTMW or RTMW3D the function of a small one.

    Each channel becomes r channels that share its outgoing weights unequally,
    so that training makes them differ; blocks that the small backbone does not
    have begin as an identity. Only the last stage's new blocks, which have no
    shortcut, are not exact: their activations are used where they are almost
    linear, and their batch norms have to measure statistics first, as
    training does.

    Source: Net2Net (arXiv 1511.05641), section 2.

    Args:
        small (nn.Module): Trained.
        large (nn.Module): Of the same input size and an integer r times the
            width; changed in place.
        noise (float): How unequal the shares are; 0 for equal ones, which
            training cannot tell apart.
        seed (int): Of the shares.

    Raises:
        GrowError: A weight of ``large`` is no multiple of ``small``'s.
    """
    old, new = small.state_dict(), large.state_dict()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in new.items():
            if name in old:
                weight.copy_(_spread(name, old[name], weight.shape, noise, draw))
            elif name.endswith(('pointwise_conv.bn.weight', 'pointwise_conv.bn.bias')):
                # What a shortcut goes around is 0.
                weight.zero_()
            elif not EXTRA.match(name):
                raise GrowError(
                    f'{name} has nothing to begin from: the '
                    'models differ in more than their size'
                )
        for name, stage in large.backbone.named_modules():
            blocks = getattr(stage, 'blocks', ())
            if blocks and not blocks[0].add_identity:
                _extend(stage, len(small.backbone.get_submodule(name).blocks))


def _spread(name, old, shape, noise, draw):
    """A small model's weight in the shape of the large one's."""
    if old.shape == torch.Size(shape):
        return old
    factors = [
        after // before if after % before == 0 else 0
        for after, before in zip(shape, old.shape)
    ]
    if (
        len(shape) != old.ndim
        or 0 in factors
        or any(factor > 1 for factor in factors[2:])
    ):
        raise GrowError(
            f'{name} is {tuple(old.shape)} in the small model and '
            f'{tuple(shape)} in the large one, which is no multiple: grow '
            'to a width that is, at the same input size'
        )
    # HEM pixel-shuffles the coarsest map: four channels stay together.
    shuffled = 4 if 'neck.bottom_up_blocks.1.final_conv' in name else 1
    found = old[_origins(shape[0], factors[0], shuffled)]
    if old.ndim < 2 or factors[1] == 1:
        return found
    shuffled = 4 if name.startswith('head.final_layer.') else 1
    index = _origins(shape[1], factors[1], shuffled)
    shares = 1 + noise * torch.randn(found.shape[0], shape[1], generator=draw)
    total = torch.zeros(found.shape[0], old.shape[1]).index_add_(1, index, shares)
    shares = (shares / total[:, index]).to(found)
    return found[:, index] * shares.view(*shares.shape, *[1] * (found.ndim - 2))


def _origins(channels, factor, group):
    """For each channel of the large model the small one's."""
    index = torch.arange(channels)
    return index // group // factor * group + index % group


def _extend(stage, count):
    """Makes the blocks of a CSPLayer from number ``count`` on, if there are
    any, as good as an identity; they have no shortcut."""
    norm = stage.blocks[count - 1].conv2.pointwise_conv.bn
    # What comes in: SiLU of what batch norm left with this mean and width.
    points = torch.linspace(-4, 4, 801, dtype=torch.float64)
    density = torch.exp(-(points**2) / 2)
    density /= density.sum()
    values = torch.nn.functional.silu(
        norm.weight.double()[:, None] * points + norm.bias.double()[:, None]
    )
    mean = values @ density
    width = ((values - mean[:, None]) ** 2 @ density).sqrt()
    normal = (values - mean[:, None]) / width[:, None].clamp(min=1e-6)
    factor, shift = _silu_fit(normal, values, density)
    for block in stage.blocks[count:]:
        last = block.conv2.pointwise_conv
        for layer in (block.conv1, block.conv2.depthwise_conv, last):
            torch.nn.init.dirac_(layer.conv.weight, layer.conv.groups)
            layer.bn.weight.fill_(1.0)
            layer.bn.bias.fill_(SHIFT)
        last.bn.weight.copy_(factor)
        last.bn.bias.copy_(shift)


def _silu_fit(inputs, targets, density, steps=400):
    """Factor and shift (C, ) with SiLU(factor * input + shift) closest to the
    targets: inputs and targets (C, P), density (P, )."""
    factor = (targets - targets[:, :1]).norm(dim=1) / (inputs - inputs[:, :1]).norm(
        dim=1
    ).clamp(min=1e-6)
    shift = targets @ density
    pair = [factor.clone().requires_grad_(), shift.clone().requires_grad_()]
    optimizer = torch.optim.Adam(pair, lr=0.02)
    with torch.enable_grad():
        for _ in range(steps):
            optimizer.zero_grad()
            found = torch.nn.functional.silu(
                pair[0][:, None] * inputs + pair[1][:, None]
            )
            ((found - targets) ** 2 @ density).sum().backward()
            optimizer.step()
    return [value.detach() for value in pair]
