"""Model names and addresses."""

from pathlib import Path

import pytest

from rtmw_ext import zoo
from support.paths import ROOT


@pytest.mark.parametrize(
    'alias, name',
    [
        ('rtmw-m', 'rtmw-m_cocktail14-256x192'),
        ('rtmw-l', 'rtmw-l_cocktail14-384x288'),
        ('rtmw-x', 'rtmw-x_cocktail14-384x288'),
        ('rtmw-m-256x192', 'rtmw-m_cocktail14-256x192'),
        ('rtmw-l-256x192', 'rtmw-l_cocktail14-256x192'),
        ('rtmw-x-256x192', 'rtmw-x_cocktail14-256x192'),
        ('RTMW-X-384x288', 'rtmw-x_cocktail14-384x288'),
        ('rtmw3d-l', 'rtmw3d-l_cocktail17-384x288'),
        ('rtmw3d-x-384x288', 'rtmw3d-x_cocktail17-384x288'),
        ('rtmdet-nano-person', 'rtmdet-nano_person-320'),
        ('rtmdet-m-person', 'rtmdet-m_person-640'),
        ('rtmw-t-synthetic', 'rtmw-t_synthetic-256x192'),
        ('rtmw3d-t-synthetic', 'rtmw3d-t_synthetic-256x192'),
    ],
)
def test_aliases(alias, name):
    assert zoo.get(alias).name == name


def test_bare_name_is_the_most_accurate():
    poses = [model for model in zoo.models() if model.task == 'Wholebody 2D Keypoint']
    for size in 'mlx':
        rows = [m for m in poses if m.name.startswith(f'rtmw-{size}_')]
        best = max(rows, key=lambda model: model.metrics['Whole AP'])
        assert zoo.get(f'rtmw-{size}') == best


@pytest.mark.torch
def test_every_entry_has_config_and_weights():
    from mmengine.config import Config

    names = [model.name for model in zoo.models()]
    assert len(names) == len(set(names)) == 16
    for model in zoo.models():
        if model.config:
            assert Config.fromfile(model.config).model
        locations = [text for text in (model.weights, model.onnx) if text]
        assert locations
        for text in locations:
            if 'synthetic' in model.name:
                assert Path(text).parent == ROOT / 'rtmw_ext' / 'zoo' / 'weights'
            else:
                assert text.startswith(zoo.RELEASE)


def test_unknown_alias_lists_the_right_ones():
    with pytest.raises(zoo.UnknownModelError) as error:
        zoo.get('rtmw-q')
    for name in ('rtmw-q', 'rtmw-m', 'rtmw-l-256x192', 'rtmw-x'):
        assert name in str(error.value)
