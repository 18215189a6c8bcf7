"""Every network by its name: which address is asked, what is fetched or exported."""

import dataclasses
import hashlib
import importlib.util
import re
import subprocess
import warnings
from pathlib import Path

import pytest

from rtmw_ext import zoo
from rtmw_ext.core.metadata import NetworkError
from rtmw_ext.core.paths import root
from rtmw_ext.zoo import fetch, registry
from support.zoo import Flaky, publish, without_hashes

OPENMMLAB = 'https://download.openmmlab.com/mmpose/v1/projects/'
RTMW = f'{OPENMMLAB}rtmw/onnx_sdk/'
RTMPOSE = f'{OPENMMLAB}rtmposev1/onnx_sdk/'
RTMO = f'{OPENMMLAB}rtmo/onnx_sdk/'
#: As mmpose's projects/rtmpose/README.md and rtmlib 0.0.16 name them.
ADDRESSES = {
    'rtmw-m': f'{RTMW}rtmw-dw-l-m_simcc-cocktail14_270e-256x192_20231122.zip',
    'rtmw-l-256x192': f'{RTMW}rtmw-dw-x-l_simcc-cocktail14_270e-256x192_20231122.zip',
    'rtmw-l': f'{RTMW}rtmw-dw-x-l_simcc-cocktail14_270e-384x288_20231122.zip',
    'rtmw-dw-m-s': f'{RTMW}rtmw-dw-m-s_simcc-cocktail14_270e-256x192_20231122.zip',
    'rtmw-x-cocktail13': f'{RTMW}rtmw-x_simcc-cocktail13_pt-ucoco_270e-384x288-'
    '0949e3a9_20230925.zip',
    'rtmw3d-x': 'https://huggingface.co/Soykaf/RTMW3D-x/resolve/main/onnx/'
    'rtmw3d-x_8xb64_cocktail14-384x288-b0a0eab7_20240626.onnx',
    'dwpose-m': f'{RTMPOSE}rtmpose-m_simcc-ucoco_dw-ucoco_270e-256x192-c8b76419_'
    '20230728.zip',
    'dwpose-l': f'{RTMPOSE}rtmpose-l_simcc-ucoco_dw-ucoco_270e-384x288-2438fd99_'
    '20230728.zip',
    'rtmpose-m-256x192': f'{RTMPOSE}rtmpose-m_simcc-body7_pt-body7_420e-256x192-'
    'e48f03d0_20230504.zip',
    'rtmpose-x': f'{RTMPOSE}rtmpose-x_simcc-body7_pt-body7_700e-384x288-71d7b7e9_'
    '20230629.zip',
    'rtmpose-m-halpe26-256x192': f'{RTMPOSE}rtmpose-m_simcc-body7_pt-body7-halpe26_'
    '700e-256x192-4d3e73dd_20230605.zip',
    'rtmo-s': f'{RTMO}rtmo-s_8xb32-600e_body7-640x640-dac2bf74_20231211.zip',
    'yolox-m': f'{RTMPOSE}yolox_m_8xb8-300e_humanart-c2c7a14a.zip',
    'yolox-tiny': f'{RTMPOSE}yolox_tiny_8xb8-300e_humanart-6f3252f9.zip',
}
#: Published as a checkpoint only.
CHECKPOINTS = ('rtmw-x', 'rtmw-x-256x192', 'rtmw3d-l')
PUBLISHED = [
    model.aliases[0] for model in zoo.models() if model.onnx and '://' in model.onnx
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.delenv(zoo.MIRROR, raising=False)
    return tmp_path / 'cache' / 'rtmw_ext' / 'onnx'


@pytest.mark.parametrize('name', ADDRESSES)
def test_addresses(name):
    assert zoo.get(name).onnx == ADDRESSES[name]


@pytest.mark.parametrize('name', PUBLISHED)
def test_every_published_network_is_fetched(name, file_server, monkeypatch):
    """From the mirror, at the same path as on the server that it stands for."""
    _, _, path = zoo.get(name).onnx.split('/', 3)[1:]
    folder, address = file_server
    monkeypatch.setenv(zoo.MIRROR, address)
    without_hashes(monkeypatch)
    model = zoo.get(name)
    assert model.onnx == f'{address}/{path}'
    assert not zoo.is_local(model)
    publish(folder / path, name.encode())
    for alias in model.aliases:
        file = zoo.resolve_network(alias, model.kind)
        assert file.read_text() == name and file.suffix == '.onnx'
    assert zoo.is_local(model)


def test_two_networks_never_share_a_file():
    files = [fetch.cached(m.onnx) for m in zoo.models() if '://' in (m.onnx or '')]
    assert len(files) == len(set(files))
    names = [alias for model in zoo.models() for alias in model.aliases]
    assert len(names) == len(set(names))


def test_a_published_sum_is_that_of_the_network(file_server, monkeypatch):
    """Not that of the archive, which a mirror may pack anew."""
    folder, address = file_server
    path = ADDRESSES['rtmw-l'].removeprefix(zoo.RELEASE)
    publish(folder / path, b'another network')
    monkeypatch.setenv(zoo.MIRROR, address)
    with pytest.raises(NetworkError) as error:
        zoo.resolve_network('rtmw-l')
    found = hashlib.sha256(b'another network').hexdigest()
    assert found in str(error.value) and zoo.get('rtmw-l').sha256 in str(error.value)


@pytest.mark.parametrize('name', ['rtmw-l', 'rtmw3d-x', 'yolox-m'])
def test_published_sums(name):
    assert len(bytes.fromhex(zoo.get(name).sha256)) == 32


@pytest.mark.parametrize('name', CHECKPOINTS)
def test_without_torch_one_line_says_what_makes_the_file(name, cache, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        'find_spec',
        lambda module: None if module in fetch.EXPORTERS else find(module),
    )
    with pytest.raises(NetworkError) as error:
        zoo.resolve_network(name)
    text = str(error.value)
    file = cache / f'{zoo.get(name).name}.onnx'
    for part in (f'`rtmw export {name}`', 'torch', 'PyTorch and MMPose', str(file)):
        assert part in text
    assert '\n' not in text
    # Where the file was put, it is used.
    cache.mkdir(parents=True)
    file.write_bytes(b'made elsewhere')
    assert zoo.is_local(zoo.get(name))
    assert zoo.resolve_network(name) == file


@pytest.fixture
def exporter(monkeypatch):
    """All packages are there; an export writes its arguments."""
    monkeypatch.setattr(importlib.util, 'find_spec', lambda module: module)
    calls = []

    def run(command, **_):
        calls.append(command[3:])
        fails = exported.get('fails')
        if not fails:
            Path(command[-1]).write_text('exported')
        text = f'first\n{fails}\n' if fails else ''
        return subprocess.CompletedProcess(command, bool(fails), text)

    exported = {'calls': calls}
    monkeypatch.setattr(subprocess, 'run', run)
    return exported


def test_a_checkpoint_is_exported_once(exporter, cache, file_server, monkeypatch):
    folder, address = file_server
    content = b'a checkpoint'
    path = zoo.get('rtmw3d-l').weights.removeprefix(zoo.RELEASE)
    publish(folder / path, content)
    monkeypatch.setenv(zoo.MIRROR, address)
    monkeypatch.setattr(fetch, '_digits', lambda _: None)
    with pytest.warns(UserWarning, match='exporting rtmw3d-l once'):
        file = zoo.resolve_network('rtmw3d-l')
    ((command, config, *_, out),) = exporter['calls']
    assert (command, config) == ('export', str(zoo.get('rtmw3d-l').config))
    assert file.name == 'rtmw3d-l_cocktail17-384x288.onnx' != str(out)
    assert file.read_text() == 'exported'
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert zoo.resolve_network('rtmw3d-l-384x288') == file
    assert len(exporter['calls']) == 1
    # The checkpoint is not kept beside its export.
    assert not list(cache.glob('*.pth'))


@pytest.mark.torch
@pytest.mark.slow
def test_an_export_runs(tmp_path, monkeypatch, cache):
    """It is `rtmw export` in a process of its own, with the checkpoint fetched."""
    import torch

    from rtmw_ext.models.loading import load_model
    from rtmw_ext.runtime import PoseModel

    config = root() / 'configs/demo/rtmw3d-t_drawn-128x96.py'
    network, _, _ = load_model(config, 'random')
    torch.save(dict(state_dict=network.state_dict()), tmp_path / 'served.pth')
    model = dataclasses.replace(
        zoo.get('rtmw3d-l'),
        name=config.stem,
        config=config,
        weights=(tmp_path / 'served.pth').as_uri(),
    )
    monkeypatch.setattr(registry, '_read', lambda: [model])
    with pytest.warns(UserWarning, match='exporting'):
        file = zoo.resolve_network('rtmw3d-l')
    assert file == cache / f'{config.stem}.onnx'
    pose = PoseModel(file)
    assert pose.is_3d and pose.input_size == (96, 128)
    assert pose.network.metadata.weights == 'served.pth'


def test_a_checkpoint_of_another_sum_is_not_exported(exporter, monkeypatch):
    with Flaky(b'another checkpoint') as server:
        monkeypatch.setenv(zoo.MIRROR, server.address)
        with pytest.raises(NetworkError, match='794dbc78 as published'):
            zoo.resolve_network('rtmw3d-l')
    assert exporter['calls'] == []


def test_an_export_that_fails_says_why(exporter, cache, file_server, monkeypatch):
    folder, address = file_server
    publish(folder / zoo.get('rtmw-x').weights.removeprefix(zoo.RELEASE), b'x')
    monkeypatch.setenv(zoo.MIRROR, address)
    monkeypatch.setattr(fetch, '_digits', lambda _: None)
    exporter['fails'] = 'rtmw: it is damaged'
    with pytest.warns(UserWarning), pytest.raises(NetworkError) as error:
        zoo.resolve_network('rtmw-x')
    assert '(rtmw: it is damaged)' in str(error.value)
    assert [path.suffix for path in cache.iterdir()].count('.onnx') == 0


@pytest.mark.parametrize(
    'address, digits',
    [
        ('https://h/rtmw-x_270e-384x288-f840f204_20231122.pth', 'f840f204'),
        ('https://h/rtmdet_nano-person-05d8511e.pth', '05d8511e'),
        ('https://h/rtmw-dw-x-l_simcc-cocktail14_270e-384x288-20231122.pth', None),
        ('/a/rtmw3d-t_synthetic-256x192.safetensors', None),
    ],
)
def test_digits_in_the_names_of_checkpoints(address, digits):
    assert fetch._digits(address) == digits


def test_networks_of_rtmlib():
    """Every address that rtmlib's whole-body solutions name has a name here."""
    source = importlib.util.find_spec('rtmlib')
    if source is None:
        pytest.skip('rtmlib is not installed')
    folder = Path(source.origin).parent / 'tools' / 'solution'
    known = {model.onnx for model in registry.models()}
    for name in ('wholebody', 'wholebody3d', 'body', 'body_with_feet'):
        text = (folder / f'{name}.py').read_text()
        assert set(re.findall(r"https://[^']+", text)) <= known


def test_modes():
    """They run where nothing but the runtime is, and differ as their names say."""
    assert list(zoo.MODES) == ['accurate', 'balanced', 'fast']
    for mode in zoo.MODES.values():
        assert '://' in zoo.get(mode.pose).onnx
        assert zoo.get(mode.detector).kind == 'detector'
    accuracy = [zoo.get(m.pose).metrics['Whole AP'] for m in zoo.MODES.values()]
    strides = [mode.stride for mode in zoo.MODES.values()]
    assert accuracy == sorted(accuracy, reverse=True) and strides == sorted(strides)
