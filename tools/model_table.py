#!/usr/bin/env python3
"""Parameters and GFLOPs of every size, as a Markdown table.

One person, no flip test; multiply-adds, as papers count "FLOPs".
"""

import argparse
from pathlib import Path

import torch
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

import rtmw_ext  # noqa: F401  (registers the modules)
from rtmw_ext.core.paths import root

CONFIGS = (
    'rtmw/rtmw-t_coco-wholebody-256x192',
    'rtmw/rtmw-s_coco-wholebody-256x192',
    'rtmw/rtmw-m_cocktail14-256x192',
    'rtmw/rtmw-l_cocktail14-256x192',
    'rtmw/rtmw-x_cocktail14-256x192',
    'rtmw/rtmw-l_cocktail14-384x288',
    'rtmw/rtmw-x_cocktail14-384x288',
    'rtmw3d/rtmw3d-t_cocktail17-256x192',
    'rtmw3d/rtmw3d-m_cocktail17-256x192',
    'rtmw3d/rtmw3d-l_cocktail17-384x288',
    'rtmw3d/rtmw3d-x_cocktail17-384x288',
)


def complexity(path: str | Path) -> tuple[float, float]:
    """(GFLOPs, million parameters) of the model of a config."""
    init_default_scope('mmpose')
    config = Config.fromfile(path)
    config.model.backbone.init_cfg = None
    model = MODELS.build(config.model).eval()
    width, height = config.codec.input_size[:2]
    model.forward = model._forward
    with torch.no_grad():
        info = get_model_complexity_info(
            model, (3, height, width), show_table=False, show_arch=False
        )
    return info['flops'] / 1e9, info['params'] / 1e6


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('configs', nargs='*', help='default: all sizes')
    paths = flags.parse_args().configs or [
        root() / 'configs' / f'{name}.py' for name in CONFIGS
    ]
    # Elementwise operators are not counted; do not warn of each.
    MMLogger.get_instance('mmengine', log_level='ERROR')
    print('| config | GFLOPs | params (M) |\n|---|---|---|')
    for path in paths:
        flops, parameters = complexity(path)
        print(f'| {Path(path).stem} | {flops:.3f} | {parameters:.2f} |')


if __name__ == '__main__':
    main()
