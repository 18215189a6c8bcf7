#!/usr/bin/env python3
"""Averages the weights of trainings that started from the same ones:

tools/average_weights.py FIRST SECOND --share 0.7 --out AVERAGE.pth

A training is its work folder, a file or a model's name. The average has ``share`` of
the second. Source: Wortsman et al., Model soups (ICML
2022).
"""

import argparse
from collections.abc import Mapping

import torch
from torch import Tensor

from rtmw_ext.core.errors import RTMWError
from rtmw_ext.models.loading import read_weights
from rtmw_ext.zoo import resolve_checkpoint


class WeightsDiffer(RTMWError, ValueError):
    """Two files are of different models."""


def average(
    first: Mapping[str, Tensor], second: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """The weights, ``share`` of them the second's; whole numbers are the second's.

    Raises:
        WeightsDiffer: Names or shapes differ.
    """
    shapes = [
        {name: tuple(value.shape) for name, value in state.items()}
        for state in (first, second)
    ]
    if shapes[0] != shapes[1]:
        names = sorted(dict(shapes[0].items() ^ shapes[1].items()))
        raise WeightsDiffer(f'the files are of different models: {names[:3]} differ')
    return {
        name: torch.lerp(first[name].float(), value.float(), share)
        if value.is_floating_point()
        else value
        for name, value in second.items()
    }


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('first')
    flags.add_argument('second')
    flags.add_argument('--share', type=float, default=0.5)
    flags.add_argument('--out', required=True)
    flags = flags.parse_args()
    try:
        first, second = (
            read_weights(resolve_checkpoint(name))
            for name in (flags.first, flags.second)
        )
        state = average(first, second, flags.share)
    except RTMWError as error:
        raise SystemExit(f'error: {error}') from None
    torch.save(dict(meta={}, state_dict=state), flags.out)


if __name__ == '__main__':
    main()
