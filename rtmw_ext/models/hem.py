"""HEM, the Hierarchical Encoding Module (paper 3.1.2).

Shapes: B persons (crops), C channels of the stride 32 map, (h, w) its size in
cells, K keypoints, D code features of a keypoint.
"""

import torch
from mmcv.cnn import ConvModule
from mmpose.models.utils.transformer import ScaleNorm
from torch import Tensor, nn

from ..core.errors import ConfigError


class SimCCEncoder(nn.Sequential):
    """One level's code: a map for each keypoint, flattened and projected.

    Args:
        conv: (B, C, h, w) -> (B, K, h, w), one map a keypoint.
        cells: h * w of the level.
        dims: Features of the code.
    """

    def __init__(self, conv: nn.Module, cells: int, dims: int) -> None:
        super().__init__()
        self.conv = conv
        self.mlp = nn.Sequential(ScaleNorm(cells), nn.Linear(cells, dims, bias=False))

    @property
    def logits(self) -> nn.Module:
        """The module whose output is the maps before activation."""
        return self.conv.norm if getattr(self.conv, 'with_norm', False) else self.conv

    def forward(self, feature: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, K, dims)."""
        return self.mlp(self.conv(feature).flatten(2))


class HEM(nn.Module):
    """Encodes strides 32 and 16 each on its own and merges the two codes.

    The top code comes from the stride 32 map. The bottom code comes from the
    stride 16 map concatenated with the pixel-shuffled stride 32 map, so that it
    depends on both levels (as in VQ-VAE-2). Each code gives half of a
    keypoint's D features; they are decoded together.

    Source: RTMW paper (arXiv 2407.08634), section 3.1.2; VQ-VAE-2 (arXiv
    1906.00446), section 3.1.

    Args:
        in_channels: C; the stride 16 map has C / 2.
        num_keypoints: K.
        top_size: (w, h) of the stride 32 map in cells.
        dims: D, even.
        kernel_size: Of the encoding convolutions, odd.

    Raises:
        ConfigError: ``in_channels`` cannot be pixel-shuffled by 2, or ``dims``
            cannot be halved.
    """

    #: Parameter names in the released checkpoints -> names here.
    RELEASED_NAMES = {
        'final_layer.': 'top.conv.',
        'mlp.': 'top.mlp.',
        'conv_dec.': 'shuffle_conv.',
        'final_layer2.': 'bottom.conv.',
        'mlp2.': 'bottom.mlp.',
    }

    def __init__(
        self,
        in_channels: int,
        num_keypoints: int,
        top_size: tuple[int, int],
        dims: int,
        kernel_size: int,
    ) -> None:
        super().__init__()
        if in_channels % 4 or dims % 2:
            raise ConfigError(
                f'HEM needs in_channels={in_channels} to be a multiple of 4 '
                f'and dims={dims} to be even'
            )
        shuffled = in_channels // 4
        cells = top_size[0] * top_size[1]

        def conv(inputs: int, outputs: int) -> ConvModule:
            return ConvModule(
                inputs,
                outputs,
                kernel_size,
                padding=kernel_size // 2,
                norm_cfg=dict(type='BN'),
                act_cfg=dict(type='ReLU'),
            )

        self.top = SimCCEncoder(conv(in_channels, num_keypoints), cells, dims // 2)
        self.shuffle = nn.PixelShuffle(2)
        self.shuffle_conv = conv(shuffled, shuffled)
        self.bottom = SimCCEncoder(
            conv(in_channels // 2 + shuffled, num_keypoints), 4 * cells, dims // 2
        )

    @property
    def encoders(self) -> list[SimCCEncoder]:
        return [self.top, self.bottom]

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """
        Args:
            fine: Stride 16, (B, C / 2, 2h, 2w).
            coarse: Stride 32, (B, C, h, w).

        Returns:
            (B, K, D), the top code's features first.
        """
        shuffled = self.shuffle_conv(self.shuffle(coarse))
        bottom = self.bottom(torch.cat([shuffled, fine], dim=1))
        return torch.cat([self.top(coarse), bottom], dim=2)
