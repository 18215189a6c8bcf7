"""PAFPN, the neck of RTMW (paper 3.1.2).

Shapes: B persons (crops), C channels, (H, W) the map of stride 8 that the
finest input has; every coarser level halves both.
"""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmpose.models.utils.csp_layer import CSPLayer
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.errors import ConfigError


@MODELS.register_module()
class PAFPN(BaseModule):
    """Part-Aggregation FPN: one top-down and one bottom-up path of CSPNeXt
    blocks over the backbone's levels.

    The top-down path gives fine levels the context of coarse ones (which part of
    the body it is); the bottom-up path gives coarse levels the detail of fine
    ones (fingers, face contour). Parameter names are those of the released RTMW
    checkpoints.

    Source: RTMW paper (arXiv 2407.08634), section 3.1.2; path aggregation as
    in RTMDet (arXiv 2212.07784), section 3.2.

    Args:
        in_channels: Channels of the inputs, fine to coarse.
        out_indices: The levels to return. RTMW returns the last two: strides 16 and
            32.
        num_csp_blocks: CSPNeXt blocks in each CSP layer.
        expand_ratio: Width of a CSP layer's hidden channels.
        norm_cfg: Norm layer. ``SyncBN`` needs a GPU per process.
        act_cfg: Activation.
        init_cfg: Weight initialisation.

    Raises:
        ConfigError: Fewer than two levels, or an index that is no level.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_indices: Sequence[int] = (1, 2),
        num_csp_blocks: int = 2,
        expand_ratio: float = 0.5,
        norm_cfg: dict = dict(type='BN'),
        act_cfg: dict = dict(type='SiLU', inplace=True),
        init_cfg: dict | None = dict(
            type='Kaiming',
            layer='Conv2d',
            a=5**0.5,
            distribution='uniform',
            mode='fan_in',
            nonlinearity='leaky_relu',
        ),
    ) -> None:
        super().__init__(init_cfg)
        levels = len(in_channels)
        if levels < 2:
            raise ConfigError(
                f'PAFPN needs at least two input levels, got in_channels={in_channels}'
            )
        if not set(out_indices) <= set(range(levels)):
            raise ConfigError(
                f'out_indices={tuple(out_indices)} names a level '
                f'that is not in 0..{levels - 1}'
            )
        self.in_channels = tuple(in_channels)
        self.out_indices = tuple(out_indices)
        layers = dict(norm_cfg=norm_cfg, act_cfg=act_cfg)

        def csp(inputs: int, outputs: int) -> CSPLayer:
            return CSPLayer(
                inputs,
                outputs,
                num_blocks=num_csp_blocks,
                expand_ratio=expand_ratio,
                add_identity=False,
                use_cspnext_block=True,
                **layers,
            )

        pairs = list(zip(in_channels, in_channels[1:]))
        # Top-down modules are listed coarse to fine, bottom-up fine to coarse.
        self.reduce_layers = nn.ModuleList(
            ConvModule(high, low, 1, **layers) for low, high in pairs[::-1]
        )
        self.top_down_blocks = nn.ModuleList(
            csp(2 * low, low) for low, _ in pairs[::-1]
        )
        self.downsamples = nn.ModuleList(
            ConvModule(low, low, 3, stride=2, padding=1, **layers) for low, _ in pairs
        )
        self.bottom_up_blocks = nn.ModuleList(csp(2 * low, high) for low, high in pairs)

    def forward(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """
        Args:
            inputs: One (B, C_i, H / 2^i, W / 2^i) a level.

        Returns:
            The levels of ``out_indices``, each of its input's shape.

        Raises:
            ConfigError: The number of inputs is not that of ``in_channels``.
        """
        if len(inputs) != len(self.in_channels):
            raise ConfigError(
                f'PAFPN was built for {len(self.in_channels)} levels but got '
                f"{len(inputs)}: set the backbone's out_indices to match"
            )
        feature = inputs[-1]
        laterals = []
        for reduce, block, low in zip(
            self.reduce_layers, self.top_down_blocks, inputs[-2::-1]
        ):
            lateral = reduce(feature)
            laterals.append(lateral)
            up = F.interpolate(lateral, scale_factor=2.0, mode='nearest')
            feature = block(torch.cat([up, low], dim=1))
        outputs = [feature]
        for down, block, lateral in zip(
            self.downsamples, self.bottom_up_blocks, laterals[::-1]
        ):
            fine: Tensor = down(outputs[-1])
            outputs.append(block(torch.cat([fine, lateral], dim=1)))
        return tuple(outputs[index] for index in self.out_indices)
