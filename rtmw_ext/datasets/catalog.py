"""The datasets that this project has a config for, and what they label.

Shapes: K = 133 points of COCO-WholeBody.
"""

import numpy as np
from mmengine.config import Config

from ..core.errors import RTMWError
from ..core.paths import root
from ..core.skeleton import NUM_KEYPOINTS
from .mapping import compile_mapping

# The paper's order; the last three are 3D. Each is a file below FOLDER.
COCKTAIL14 = (
    'coco-wholebody',
    'ubody',
    'halpe',
    'aic',
    'crowdpose',
    'mpii',
    'jhmdb',
    'posetrack18',
    'human_art',
    'wflw',
    '300w',
    'cofw',
    'lapa',
    'interhand26m',
)
COCKTAIL17 = (*COCKTAIL14, 'h3wb', 'ubody3d', 'dna_rendering')
FOLDER = 'configs/_base_/datasets'


class CatalogError(RTMWError, ValueError):
    """A dataset or config is not known; the text lists what is."""


def config_file(name):
    """Path of a dataset's config file.

    Raises:
        CatalogError: No dataset has the name.
    """
    path = root() / FOLDER / f'{name}_133.py'
    if not path.is_file():
        raise CatalogError(
            f'unknown dataset "{name}": use one of {", ".join(COCKTAIL17)}'
        )
    return path


def training_sets(path):
    """The datasets that a config trains on.

    Args:
        path (str | Path): A file of one dataset, a mix, or a training config.

    Returns:
        list[dict]: Dataset configs, in order.

    Raises:
        CatalogError: It has none.
    """
    config = Config.fromfile(path)
    if 'train_dataloader' in config:
        found = [config.train_dataloader.dataset.datasets]
    elif mixes := [config[key] for key in config if key.startswith('cocktail')]:
        found = mixes[-1:]
    else:
        found = [value for value in config.values() if isinstance(value, (dict, list))]
    found = [
        dict(entry)
        for entry in _flat(found)
        if isinstance(entry, dict)
        and 'ann_file' in entry
        and not entry.get('test_mode')
    ]
    if not found:
        raise CatalogError(f'{path} has no dataset to train on')
    return found


def _flat(entries):
    for entry in entries:
        if isinstance(entry, list):
            yield from _flat(entry)
        else:
            yield entry


def mapping_of(config):
    """The compiled mapping of a dataset config, None for COCO-WholeBody's own
    annotations."""
    for step in config['pipeline']:
        if step['type'] == 'WholeBodyKeypointMapping':
            return compile_mapping(
                **{key: value for key, value in step.items() if key != 'type'}
            )
    return None


def coverage(names=COCKTAIL17):
    """What each dataset labels.

    Returns:
        np.ndarray: (K, len(names)) float32, the weight of each point in each
        dataset; 0 where it is not labelled.
    """
    table = np.ones((NUM_KEYPOINTS, len(names)), np.float32)
    for column, name in enumerate(names):
        mapping = mapping_of(training_sets(config_file(name))[0])
        if mapping is not None:
            table[:, column] = mapping.weights
    return table
