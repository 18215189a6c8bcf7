"""Depthwise convolutions on NVIDIA GPUs, in Triton: cuDNN's take most of the
time of a training step of a small CSPNeXt.

Shapes: B images, C channels, (H, W) pixels, P = B * H * W pixels in all, T =
S * S taps of a kernel of side S. Maps are channels-last in memory.
"""
import torch
from torch import nn
from torch.nn import functional as F

try:
    import triton
    from triton import language as tl
except ImportError:
    triton = None


def use_triton_depthwise(model):
    """Lets the depthwise convolutions of a model, those of stride 1 and odd
    side with `same` padding, run on the kernels here wherever their input is
    on a GPU. Weights, names and outputs stay.

    Args:
        model (nn.Module): Changed in place.

    Returns:
        int: How many.
    """
    count = 0
    for module in model.modules():
        if triton is not None and fits(module):
            module.forward = Forward(module)
            count += 1
    return count


def fits(module):
    """Whether a module is a convolution that the kernels can do."""
    return (isinstance(module, nn.Conv2d) and module.bias is None
            and module.groups == module.in_channels == module.out_channels
            and module.stride == (1, 1) and module.dilation == (1, 1)
            and module.kernel_size[0] == module.kernel_size[1]
            and module.kernel_size[0] % 2 == 1
            and module.padding == (module.kernel_size[0] // 2, ) * 2)


class Forward:
    """What a convolution does instead of its own ``forward``."""

    def __init__(self, module):
        self.module = module

    def __call__(self, feature):
        if feature.is_cuda:
            return torch.ops.rtmw.depthwise(feature, self.module.weight)
        return type(self.module).forward(self.module, feature)


if triton is not None:

    @triton.jit
    def _taps_kernel(source, weight, output, P, H, W, C: tl.constexpr,
                     SIDE: tl.constexpr, FLIP: tl.constexpr,
                     PIXELS: tl.constexpr, CHANNELS: tl.constexpr):
        """The sum over the taps; with FLIP the gradient of the input."""
        pixel = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
        channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
        x = pixel % W
        y = pixel // W % H
        inside = channel < C
        total = tl.zeros((PIXELS, CHANNELS), tl.float32)
        for row in tl.static_range(SIDE):
            for column in tl.static_range(SIDE):
                down = row - SIDE // 2
                right = column - SIDE // 2
                tap = row * SIDE + column
                if FLIP:
                    tap = SIDE * SIDE - 1 - tap
                there = ((pixel < P) & (y + down >= 0) & (y + down < H)
                         & (x + right >= 0) & (x + right < W))
                values = tl.load(
                    source + (pixel + down * W + right)[:, None] * C
                    + channel[None, :],
                    mask=there[:, None] & inside[None, :], other=0.)
                factors = tl.load(weight + tap * C + channel, mask=inside,
                                  other=0.)
                total += values.to(tl.float32) * factors.to(
                    tl.float32)[None, :]
        tl.store(output + pixel[:, None] * C + channel[None, :], total,
                 mask=(pixel < P)[:, None] & inside[None, :])

    @triton.jit
    def _weight_kernel(source, gradient, partial, P, H, W, LENGTH,
                       C: tl.constexpr, SIDE: tl.constexpr, PIXELS: tl.constexpr,
                       CHANNELS: tl.constexpr):
        """One row of taps' gradient, summed over LENGTH pixels."""
        part = tl.program_id(0)
        channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
        row = tl.program_id(2)
        down = row - SIDE // 2
        inside = channel < C
        column = tl.arange(0, 8)
        sums = tl.zeros((8, CHANNELS), tl.float32)
        start = part.to(tl.int64) * LENGTH
        for step in range(0, LENGTH, PIXELS):
            pixel = start + step + tl.arange(0, PIXELS)
            x = pixel % W
            y = pixel // W % H
            good = ((pixel < P) & (pixel < start + LENGTH) & (y + down >= 0)
                    & (y + down < H))
            slope = tl.load(
                gradient + pixel[:, None] * C + channel[None, :],
                mask=good[:, None] & inside[None, :],
                other=0.).to(tl.float32)
            for tap in tl.static_range(SIDE):
                right = tap - SIDE // 2
                there = good & (x + right >= 0) & (x + right < W)
                values = tl.load(
                    source + (pixel + down * W + right)[:, None] * C
                    + channel[None, :],
                    mask=there[:, None] & inside[None, :], other=0.)
                product = tl.sum(values.to(tl.float32) * slope, axis=0)
                sums += tl.where((column == tap)[:, None], product[None, :],
                                 0.)
        place = ((part * SIDE + row) * SIDE + column)[:, None] * C
        tl.store(partial + place + channel[None, :], sums,
                 mask=(column < SIDE)[:, None] & inside[None, :])

    def _blocks(channels):
        """Channels of a block: little of it beyond the last channel."""
        return 16 if channels % 32 and channels > 32 else 32

    def _last(tensor):
        return tensor.contiguous(memory_format=torch.channels_last)

    def _taps(source, weight, flip):
        source = _last(source)
        batch, channels, height, width = source.shape
        pixels = batch * height * width
        output = torch.empty_like(source)
        block = _blocks(channels)
        _taps_kernel[triton.cdiv(pixels, 64), triton.cdiv(channels, block)](
            source, weight.flatten(1).t().contiguous(), output, pixels,
            height, width, channels, weight.shape[2], flip, 64, block)
        return output

    @torch.library.custom_op('rtmw::depthwise', mutates_args=())
    def depthwise(source: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) and (C, 1, S, S) -> (B, C, H, W)."""
        return _taps(source, weight, False)

    @torch.library.custom_op('rtmw::depthwise_backward', mutates_args=())
    def depthwise_backward(
            gradient: torch.Tensor, source: torch.Tensor,
            weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The gradients of the source and of the weight."""
        gradient, source = _last(gradient), _last(source)
        batch, channels, height, width = source.shape
        pixels, side = batch * height * width, weight.shape[2]
        block = _blocks(channels)
        parts = min(512, triton.cdiv(pixels, 128))
        length = triton.cdiv(pixels, parts)
        partial = torch.empty(parts, side * side, channels,
                              device=source.device)
        _weight_kernel[parts, triton.cdiv(channels, block), side](
            source, gradient, partial, pixels, height, width, length,
            channels, side, 32, block)
        slope = partial.sum(0).t().reshape(weight.shape).to(weight.dtype)
        return _taps(gradient, weight, True), slope

    @depthwise.register_fake
    def _(source, weight):
        return torch.empty_like(source, memory_format=torch.channels_last)

    @depthwise_backward.register_fake
    def _(gradient, source, weight):
        return (torch.empty_like(source, memory_format=torch.channels_last),
                torch.empty_like(weight))

    def _keep(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    def _backward(ctx, gradient):
        return torch.ops.rtmw.depthwise_backward(
            gradient.to(ctx.saved_tensors[0].dtype), *ctx.saved_tensors)

    depthwise.register_autograd(_backward, setup_context=_keep)


def reference(source, weight):
    """What the kernels compute, by torch."""
    return F.conv2d(source, weight.to(source.dtype),
                    padding=weight.shape[2] // 2, groups=len(weight))
