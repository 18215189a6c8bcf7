"""The datasets that this project has a config for, and what they label.

A dataset joins by its config file, ``NAME_133.py`` in ``FOLDER``.

Shapes: K = 133 points of COCO-WholeBody.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config

from ..core.errors import RTMWError
from ..core.paths import root
from ..core.skeleton import NUM_KEYPOINTS
from .mapping import Mapping, compile_mapping
from .mix import dataset_configs

FOLDER = 'configs/_base_/datasets'
SUFFIX = '_133.py'


class CatalogError(RTMWError, ValueError):
    """A dataset or config is not known; the text lists what is."""


def names() -> list[str]:
    """The datasets that have a config file, by alphabet."""
    files = (root() / FOLDER).glob(f'*{SUFFIX}')
    return sorted(path.name.removesuffix(SUFFIX) for path in files)


@functools.cache
def cocktail(name: str = 'cocktail17') -> tuple[str, ...]:
    """The datasets of a mix of the paper, in its order.

    Args:
        name: 'cocktail14', or 'cocktail17' with the three 3D ones at its end.
    """
    return tuple(Config.fromfile(root() / FOLDER / f'{name}.py').cocktail)


def config_file(name: str) -> Path:
    """Path of a dataset's config file.

    Raises:
        CatalogError: No dataset has the name.
    """
    path = root() / FOLDER / f'{name}{SUFFIX}'
    if not path.is_file():
        raise CatalogError(f'unknown dataset "{name}": use one of {", ".join(names())}')
    return path


def training_sets(path: str | Path) -> list[dict]:
    """The datasets that a config trains on, in order.

    Args:
        path: A file of one dataset, a mix, or a training config.

    Raises:
        CatalogError: It has none.
    """
    config = Config.fromfile(path)
    if 'train_dataloader' in config:
        datasets = config.train_dataloader.dataset.datasets
    else:
        datasets = config.get('cocktail', config._cfg_dict)
    sets = [
        dict(entry)
        for entry in dataset_configs(datasets)
        if isinstance(entry, dict)
        and 'ann_file' in entry
        and not entry.get('test_mode')
    ]
    if not sets:
        raise CatalogError(f'{path} has no dataset to train on')
    return sets


def mapping_of(config: dict) -> Mapping | None:
    """The compiled mapping of a dataset config, None for COCO-WholeBody's own
    annotations."""
    for step in config['pipeline']:
        if step['type'] == 'WholeBodyKeypointMapping':
            return compile_mapping(
                **{key: value for key, value in step.items() if key != 'type'}
            )
    return None


def coverage(datasets: Sequence[str] | None = None) -> np.ndarray:
    """What each dataset labels.

    Args:
        datasets: Names; default: those of the paper's larger mix.

    Returns:
        (K, len(datasets)) float32, the weight of each point in each dataset; 0
        where it is not labelled.
    """
    datasets = cocktail() if datasets is None else datasets
    table = np.ones((NUM_KEYPOINTS, len(datasets)), np.float32)
    for column, name in enumerate(datasets):
        mapping = mapping_of(training_sets(config_file(name))[0])
        if mapping is not None:
            table[:, column] = mapping.weights
    return table
