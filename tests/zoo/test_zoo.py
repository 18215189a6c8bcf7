"""Model names and addresses."""

from pathlib import Path

import pytest

from rtmw_ext import zoo
from rtmw_ext.core.errors import ConfigError
from rtmw_ext.core.metadata import NetworkError
from rtmw_ext.core.paths import root
from rtmw_ext.zoo import registry
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
        ('rtmw-t', 'rtmw-t_photos-256x192'),
        ('rtmw3d-t', 'rtmw3d-t_photos-256x192'),
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
    assert len(names) == len(set(names))
    for model in zoo.models():
        if model.config:
            assert Config.fromfile(model.config).model
        locations = [text for text in (model.weights, model.onnx) if text]
        assert locations
        for text in locations:
            if model.former_alias:  # Of our own.
                assert Path(text).parent == ROOT / 'rtmw_ext' / 'zoo' / 'weights'
            else:
                assert text.startswith((zoo.RELEASE, registry.HUGGING_FACE))


def test_former_names_are_kept_for_one_release():
    former = [model for model in zoo.models() if model.former_alias]
    assert [model.aliases[0] for model in former] == [
        'rtmw-t',
        'rtmw3d-t',
        'rtmw-t-parts',
        'rtmdet-nano',
    ]
    for model in former:
        with pytest.warns(FutureWarning, match=f'is now called "{model.aliases[0]}"'):
            assert zoo.get(model.former_alias.upper()) == model


def test_unknown_alias_lists_the_right_ones():
    with pytest.raises(zoo.UnknownModelError) as error:
        zoo.get('rtmw-q')
    for name in ('rtmw-q', 'rtmw-m', 'rtmw-l-256x192', 'rtmw-x'):
        assert name in str(error.value)


@pytest.mark.parametrize(
    'name, kind, texts',
    [
        ('rtmw-q', 'pose', ['"rtmw-q"', '`rtmw export`', 'rtmw-l', 'rtmw-x']),
        ('RTMW3D', 'pose', ['"RTMW3D"', '`rtmw models`', 'rtmw3d-l', 'rtmw3d-x']),
        ('yolox-m', 'pose', ['"yolox-m"', '`rtmw export`']),
        ('yolov8', 'detector', ['"yolov8"', 'yolox-x']),
        ('rtmdet-nano-person', 'detector', ['rtmdet-nano']),
    ],
)
def test_names_without_a_network(name, kind, texts):
    """The error proposes those of this kind that are alike."""
    with pytest.raises(NetworkError) as error:
        zoo.resolve_network(name, kind)
    assert all(text in str(error.value) for text in texts)


def test_paths_of_networks_stay(tmp_path):
    assert zoo.resolve_network('a/b.onnx') == Path('a/b.onnx')
    assert zoo.resolve_network(Path('b.xml'), 'detector') == Path('b.xml')
    assert zoo.resolve_network(tmp_path) == tmp_path


def test_fetching_a_network_fails_clearly(monkeypatch, tmp_path):
    """What to do without a connection; nothing is left."""
    monkeypatch.setenv(zoo.MIRROR, 'http://127.0.0.1:9')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    with pytest.raises(NetworkError) as error:
        zoo.resolve_network('yolox-tiny', 'detector')
    for text in ('http://127.0.0.1:9/mmpose', zoo.MIRROR, 'rtmdet-nano'):
        assert text in str(error.value)
    assert not [path for path in tmp_path.rglob('*') if path.is_file()]


@pytest.mark.parametrize('name', ['yolox-tiny', 'rtmdet-nano'])
def test_an_onnx_file_is_no_checkpoint(name):
    message = f'"{name}" has no PyTorch checkpoint'
    with pytest.raises(zoo.UnknownModelError, match=message) as error:
        zoo.resolve_checkpoint(name)
    assert 'rtmdet-nano-person' in str(error.value)


def test_a_work_folder_means_its_last_checkpoint(tmp_path):
    with pytest.raises(zoo.WeightsError, match='has no last_checkpoint'):
        zoo.resolve_checkpoint(str(tmp_path))
    (tmp_path / 'last_checkpoint').write_text('/moved/from/iter_7.pth')
    assert zoo.resolve_checkpoint(str(tmp_path)) == str(tmp_path / 'iter_7.pth')
    assert zoo.resolve_checkpoint('none/a.pth') == 'none/a.pth'
    assert zoo.resolve_checkpoint('https://host/a.pth') == 'https://host/a.pth'


def test_what_a_model_is_built_of(tmp_path):
    """Names bring their weights, configs do not."""
    config, weights = zoo.resolve_model('rtmw-m')
    assert config.name == 'rtmw-m_cocktail14-256x192.py' and config.is_file()
    assert weights == zoo.get('rtmw-m').weights
    assert zoo.resolve_model('rtmw-m', zoo.RANDOM) == (config, zoo.RANDOM)
    own = tmp_path / 'own.py'
    with pytest.raises(ConfigError, match='own.py does not exist'):
        zoo.resolve_model(own)
    own.touch()
    with pytest.raises(zoo.WeightsError, match='own.py comes without weights'):
        zoo.resolve_model(own)
    with pytest.raises(zoo.WeightsError, match='a.pth does not exist'):
        zoo.resolve_model(own, str(tmp_path / 'a.pth'))
    (tmp_path / 'a.pth').touch()
    (tmp_path / 'last_checkpoint').write_text('a.pth')
    assert zoo.resolve_model(own, str(tmp_path)) == (own, str(tmp_path / 'a.pth'))
    assert zoo.resolve_model(own, 'rtmw-m') == (own, weights)


def test_mim_reads_the_metafiles():
    """It passes over our key and models without a checkpoint."""
    search = pytest.importorskip('mim.commands.search')
    table = search.convert2df(search.load(str(root() / 'model-index.yml')))
    assert set(table.index) == {model.name for model in zoo.models()}


def test_the_old_name_of_resolve_checkpoint():
    with pytest.warns(DeprecationWarning, match='weights_of is resolve_checkpoint'):
        assert zoo.weights_of('a.pth') == 'a.pth'
    with pytest.raises(AttributeError, match='no attribute'):
        zoo.weights  # noqa: B018


def test_require():
    assert zoo.require('https://host/a.pth') == 'https://host/a.pth'
    assert zoo.require('/else/where.pth') == '/else/where.pth'
