#!/usr/bin/env python3
"""The weights of a training's checkpoint alone, without its optimizer:

tools/keep_weights.py CHECKPOINT OUT.pth OUT.safetensors

They are the moving average where the training had one. A .pth keeps float32,
a .safetensors has float16 where that holds the value.
"""

import argparse
import io
from pathlib import Path

import torch
from mmengine.runner.checkpoint import _load_checkpoint

from rtmw_ext.engine.checkpoints import AtomicBackend


def averaged(checkpoint: str) -> dict[str, torch.Tensor]:
    """{name: tensor} of the weights that evaluation of the checkpoint uses;
    MMEngine's EMAHook stores the average as ``state_dict``."""
    content = _load_checkpoint(checkpoint, map_location='cpu')
    state = content.get('state_dict', content)
    return {name: value.contiguous() for name, value in state.items()}


def halved(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Float32 tensors as float16, but for those that it cannot hold."""
    result = {}
    for name, value in state.items():
        half = value.half() if value.dtype == torch.float32 else value
        result[name] = half if torch.isfinite(half).all() else value
    return result


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('checkpoint')
    flags.add_argument('out', nargs='+', type=Path, help='.pth or .safetensors')
    flags = flags.parse_args()
    state = averaged(flags.checkpoint)
    for path in flags.out:
        if path.suffix == '.pth':
            content = io.BytesIO()
            torch.save(dict(state_dict=state), content)
            AtomicBackend().put(content.getvalue(), path)
        else:
            from safetensors.torch import save

            AtomicBackend().put(save(halved(state)), path)
        print(f'{path.stat().st_size / 1e6:.1f} MB {path}')


if __name__ == '__main__':
    main()
