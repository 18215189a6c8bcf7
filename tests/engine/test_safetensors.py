"""MMEngine reads .safetensors wherever it reads a checkpoint."""

import pytest
import safetensors.torch
import torch
from mmengine.runner import CheckpointLoader, Runner
from mmengine.runner.checkpoint import _load_checkpoint

from rtmw_ext.engine.checkpoints import CheckpointWriteError
from rtmw_ext.engine.safetensors import save_safetensors
from rtmw_ext.models.loading import CheckpointError
from support.training import training

META = dict(
    config='a.py',
    iterations=7,
    dataset_meta=dict(sigmas=[0.1, 0.2], keypoint_id2name={0: 'nose', 1: 'eye'}),
)


@pytest.fixture
def written(tmp_path):
    """(path, state) of a file."""
    state = dict(
        matrix=torch.randn(3, 2).half(), vector=torch.randn(3), count=torch.tensor(5)
    )
    path = tmp_path / 'weights.safetensors'
    save_safetensors(state, META, path)
    return path, state


def assert_same(content, state):
    assert set(content['state_dict']) == set(state)
    for name, tensor in state.items():
        assert content['state_dict'][name].dtype == tensor.dtype
        assert torch.equal(content['state_dict'][name], tensor)


@pytest.mark.parametrize(
    'map_location', [None, 'cpu', torch.device('cpu'), lambda s, _: s]
)
def test_paths(map_location, written):
    path, state = written
    content = _load_checkpoint(str(path), map_location)
    assert_same(content, state)
    assert content['meta'] == META


def test_a_file_of_another_program(tmp_path):
    for meta in (None, {'format': 'pt'}):
        safetensors.torch.save_file(
            {'a': torch.ones(2)}, tmp_path / 'a.safetensors', meta
        )
        content = _load_checkpoint(str(tmp_path / 'a.safetensors'))
        assert content['meta'] == (meta or {})
        assert content['state_dict']['a'].tolist() == [1, 1]


def test_the_same_weights_make_the_same_file(written):
    path, state = written
    before = path.read_bytes()
    for _ in range(3):
        save_safetensors(state, META, path)
        assert path.read_bytes() == before


@pytest.mark.parametrize('query', ['', '?download=true'])
def test_addresses_are_fetched_once(query, written, file_server, monkeypatch, tmp_path):
    path, state = written
    folder, address = file_server
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    served = folder / path.name
    served.write_bytes(path.read_bytes())
    for _ in range(2):
        content = _load_checkpoint(f'{address}/{path.name}{query}', 'cpu')
        assert_same(content, state)
        served.unlink(missing_ok=True)
    (cached,) = (tmp_path / 'cache' / 'hub' / 'checkpoints').iterdir()
    assert cached.name == path.name


@pytest.mark.parametrize(
    'damage',
    [lambda content: content[:-3], lambda content: b'no weights', lambda _: b''],
)
def test_damaged_files_are_named(damage, written):
    path, _ = written
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match='weights.safetensors is damaged'):
        _load_checkpoint(str(path))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.safetensors does not exist'):
        _load_checkpoint(str(tmp_path / 'none.safetensors'))


@pytest.mark.parametrize(
    'path, name',
    [
        ('a.pth', 'load_from_local'),
        ('https://host/a.pth', 'load_from_http'),
        ('s3://bucket/a.pth', 'load_from_ceph'),
        ('a.safetensors.pth', 'load_from_local'),
        ('a.safetensors', 'load_from_safetensors'),
        ('http://host/a.safetensors', 'load_from_safetensors'),
    ],
)
def test_other_files_are_read_as_before(path, name):
    assert CheckpointLoader._get_checkpoint_loader(path).__name__ == name


def test_nothing_half_written(written, monkeypatch):
    path, _ = written
    before = path.read_bytes()
    monkeypatch.setattr('os.replace', _full)
    with pytest.raises(CheckpointWriteError, match='weights.safetensors cannot be'):
        save_safetensors(dict(a=torch.ones(2)), {}, path)
    assert [*path.parent.iterdir()] == [path] and path.read_bytes() == before


def _full(*_):
    raise OSError(28, 'No space left on device')


def test_a_training_begins_from_it(drawn_root, tmp_path):
    config = training(drawn_root, tmp_path / 'work')
    # The average has no model before a training has begun.
    del config.default_hooks['ema']
    config.load_from = str(tmp_path / 'first.safetensors')
    runner = Runner.from_cfg(config)
    state = {name: tensor + 1 for name, tensor in runner.model.state_dict().items()}
    save_safetensors(state, {}, config.load_from)
    runner.load_or_resume()
    for name, tensor in state.items():
        assert torch.equal(runner.model.state_dict()[name], tensor)
