"""The wrapper of a distributed model, registered in MMEngine on import."""

from typing import Any

import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn


@MODEL_WRAPPERS.register_module()
class ChannelsLastDDP(MMDistributedDataParallel):
    """MMEngine's distributed model, in channels-last memory from the start.

    Torch takes the layout of the weights that it wraps for that of their
    gradients: changed afterwards, it mixes the gradients up without a word.

    Args:
        module: The model.
        channels_last: Whether to lay it out so.
        **kwargs: As of MMEngine's wrapper.
    """

    def __init__(
        self, module: nn.Module, channels_last: bool = True, **kwargs: Any
    ) -> None:
        if channels_last:
            module = module.to(memory_format=torch.channels_last)
        super().__init__(module, **kwargs)
