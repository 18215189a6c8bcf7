"""Weights of our own: written by the tool, found by name, the same numbers in
every program that reads them."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.apis import MMPoseInferencer, init_model

from rtmw_ext import zoo
from rtmw_ext.commands import cli
from rtmw_ext.export import shared
from rtmw_ext.export.formats import ExportError
from rtmw_ext.models.loading import CheckpointError, load_model
from rtmw_ext.runtime import PoseModel
from rtmw_ext.zoo import WeightsError, packed, registry
from support.models import build
from support.paths import CONFIGS, ROOT, RTMW_T
from support.tools import load_tool
from support.training import drawn_options

CONFIG_2D = CONFIGS / 'synthetic' / 'rtmw-t_synthetic-256x192.py'
CONFIG_3D = CONFIGS / 'synthetic' / 'rtmw3d-t_synthetic-256x192.py'
WEIGHTS = 'rtmw3d-t_synthetic-256x192.pth'
PACKED = f'{WEIGHTS}{packed.ARRAYS_SUFFIX}'


@pytest.fixture(scope='module')
def tool():
    return vars(load_tool('ship_weights'))


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """(checkpoint as MMEngine writes it, the averaged model's state)."""
    init_default_scope('mmpose')
    torch.manual_seed(1)
    model, _ = build(CONFIG_3D)
    for name, tensor in model.state_dict().items():
        if 'running' in name:
            tensor.uniform_(0.5, 2)
        if name.startswith('head') and name.endswith('bn.bias'):
            tensor.fill_(1)  # above the ReLUs
    for classifier in model.head.classifiers:
        classifier.weight.data *= 100
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    path = tmp_path_factory.mktemp('trained') / 'iter_7.pth'
    torch.save(
        dict(
            meta=dict(iter=7),
            state_dict=state,
            message_hub={},
            optimizer={},
            ema_state_dict={name: tensor + 1 for name, tensor in state.items()},
        ),
        path,
    )
    return path, state


@pytest.fixture(scope='module')
def shipped(tool, trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp('package') / 'weights'
    tool['ship'](str(trained[0]), str(CONFIG_3D), folder)
    return folder


@pytest.fixture
def package(shipped, monkeypatch, tmp_path):
    """Where the weights are that the names find; unpacked for this test."""
    monkeypatch.setattr(registry, 'SHIPPED', shipped)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return Path(zoo.resolve_checkpoint('rtmw3d-t-synthetic')).parent


def test_what_is_written(shipped, package, trained):
    """One file of weights for two models, in half the space, less where it is
    compressed; torch reads it without running code."""
    graphs = ['rtmw-t_synthetic-256x192.onnx', 'rtmw3d-t_synthetic-256x192.onnx']
    assert sorted(path.name for path in shipped.iterdir()) == [
        *(f'{name}.xz' for name in graphs),
        PACKED,
    ]
    assert sorted(path.name for path in package.iterdir()) == [*graphs, WEIGHTS]
    assert [path.name for path in package.parent.iterdir()] == [package.name]
    path = package / WEIGHTS
    assert (shipped / PACKED).stat().st_size < (0.45 * path.stat().st_size)
    content = torch.load(path, weights_only=True)
    assert set(content) == {'meta', 'state_dict'}
    assert content['meta']['iterations'] == 7
    state = trained[1]
    assert set(content['state_dict']) == set(state)
    for name, tensor in content['state_dict'].items():
        expected = state[name]
        if not expected.is_floating_point() or expected.ndim < 2:
            assert torch.equal(tensor, expected)
            continue
        # Of each row at most a 16th of its size off, and few values.
        assert tensor.dtype == torch.float16
        rows, off = expected.flatten(1), (tensor.float() - expected).flatten(1)
        size = rows.square().mean(1, keepdim=True).sqrt()
        assert (off.abs() <= size / 8 / 2 + 2**-24).all()
        for row, width in zip(tensor.flatten(1), size):
            assert len(row.unique()) <= 32 * (row.abs().max() / width) + 1
    size = sum(tensor.numel() for tensor in state.values())
    assert path.stat().st_size < 2.1 * size
    for graph in package.glob('*.onnx'):
        assert graph.stat().st_size < 0.05 * path.stat().st_size


def test_places_are_those_of_the_tensors(package):
    path = package / WEIGHTS
    content, state = path.read_bytes(), torch.load(path)['state_dict']
    places = shared.places(path)
    assert list(places) == list(state)
    for name, (offset, shape, dtype) in places.items():
        tensor = state[name]
        assert (shape, dtype) == (tensor.shape, tensor.dtype)
        expected = tensor.numpy().tobytes()
        assert content[offset : offset + len(expected)] == expected, name


@pytest.mark.parametrize(
    'config, name', [(CONFIG_2D, 'rtmw-t-synthetic'), (CONFIG_3D, 'rtmw3d-t-synthetic')]
)
def test_every_program_reads_the_same(config, name, package, trained, drawn_root):
    """init_model, MMPoseInferencer, rtmw export and the runtime, by name."""
    path = str(package / WEIGHTS)
    model = init_model(str(config), path, device='cpu')
    state = model.state_dict()
    assert ('head.cls_z.weight' in state) == ('3d' in name)
    for key, tensor in state.items():
        expected = trained[1][key]
        if expected.is_floating_point() and expected.ndim > 1:
            expected = shared.shrink({key: expected})[key].float()
        assert tensor.dtype == expected.dtype
        assert torch.equal(tensor, expected), key
    kind = dict(pose3d=name) if '3d' in name else dict(pose2d=name)
    inferencer = MMPoseInferencer(**kind, det_model='whole_image', device='cpu')
    loaded = inferencer.inferencer.model.state_dict()
    exported = load_model(name)[0].state_dict()
    for key, tensor in state.items():
        assert torch.equal(loaded[key], tensor)
        assert torch.equal(exported[key], tensor)
    picture = sorted((drawn_root / 'images' / 'val').iterdir())[0]
    result = next(inferencer(str(picture), return_vis=True))
    person = result['predictions'][0][0]
    assert result['visualization'][0].shape[2] == 3
    pose = PoseModel(zoo.resolve_network(name))
    assert pose.is_3d == ('3d' in name)
    inferencer.inferencer.model.test_cfg['flip_test'] = False
    person = next(inferencer(str(picture)))['predictions'][0][0]
    found = pose(str(picture))
    # Half a bin, where two bins are as high.
    assert np.abs(found.keypoints[0] - person['keypoints']).max() < 1
    assert np.allclose(found.scores[0], person['keypoint_scores'], atol=1e-3)


def test_openvino_reads_the_graph(package):
    pytest.importorskip('openvino')
    path = package / 'rtmw-t_synthetic-256x192.onnx'
    crops = np.random.default_rng(0).normal(size=(1, 3, 256, 192)).astype(np.float32)
    found = [
        PoseModel(path, backend=backend, threads=1).run(crops)
        for backend in ('onnxruntime', 'openvino')
    ]
    for ours, theirs in zip(*found):
        assert np.abs(ours - theirs).max() < 1e-3 * np.abs(ours).max()


def test_command_line(package, capsys, tmp_path, drawn_root):
    picture = sorted((drawn_root / 'images' / 'val').iterdir())[0]
    assert (
        cli.main(
            [
                'infer',
                str(picture),
                '--pose',
                'rtmw-t-synthetic',
                '--det',
                'none',
                '--out',
                str(tmp_path),
            ]
        )
        == 0
    )
    assert (tmp_path / f'{picture.stem}.jpg').is_file()
    assert cli.main(['models', 't-synthetic']) == 0
    out = capsys.readouterr().out
    assert out.count(WEIGHTS) == 2 and 'not in this version' not in out


def test_tools_test_takes_a_name(package, drawn_root, tmp_path, monkeypatch, capsys):
    options = {
        key: value
        for key, value in drawn_options(drawn_root).items()
        if key.startswith('test_')
    }
    monkeypatch.setattr(
        sys,
        'argv',
        [
            'test.py',
            str(CONFIG_2D),
            'rtmw-t-synthetic',
            '--work-dir',
            str(tmp_path),
            '--out',
            str(tmp_path / 'metrics.json'),
            '--cfg-options',
            'test_dataloader.dataset.type=WholeBodyDataset',
            *(f'{key}={value}' for key, value in options.items()),
        ],
    )
    load_tool('test').main()
    assert 'coco-wholebody/hand/AP' in (tmp_path / 'metrics.json').read_text()


def test_weights_are_unpacked_once(shipped, package, monkeypatch):
    before = (package / WEIGHTS).stat()
    name = 'rtmw-t-synthetic'
    network = package / Path(zoo.get(name).onnx).name
    assert zoo.resolve_network(name) == network
    assert (package / WEIGHTS).stat() == before
    # A cache may have been tidied up.
    content = (package / WEIGHTS).read_bytes()
    (package / WEIGHTS).unlink()
    assert zoo.resolve_network(name) == network
    assert (package / WEIGHTS).read_bytes() == content
    assert zoo.require('https://host/a.pth') == 'https://host/a.pth'
    assert zoo.require('/else/where.pth') == '/else/where.pth'


def test_weights_that_were_packed_otherwise_are_replaced(
    shipped, tool, trained, tmp_path, monkeypatch
):
    other = tmp_path / 'weights'
    other.mkdir()
    for name in (f'{WEIGHTS}.xz', 'README.md', 'another.pth.xz'):
        (other / name).write_bytes(bytes(10**6))
    monkeypatch.setitem(
        tool['ship'].__globals__,
        'LIMIT',
        sum(path.stat().st_size for path in shipped.iterdir()) + 2.1e6,
    )
    tool['ship'](str(trained[0]), str(CONFIG_3D), other)
    assert {path.name for path in other.iterdir()} == {
        'README.md',
        'another.pth.xz',
        *(path.name for path in shipped.iterdir()),
    }


def test_other_weights_are_unpacked_elsewhere(shipped, package, tmp_path):
    other = tmp_path / 'weights'
    shutil.copytree(shipped, other)
    assert packed.unpack(other) == package
    graph = other / 'rtmw-t_synthetic-256x192.onnx'
    graph.write_bytes(b'other')
    packed.pack(graph)
    again = packed.unpack(other)
    assert again.parent == package.parent and again != package
    assert (again / graph.name).read_bytes() == b'other'


@pytest.mark.parametrize(
    'damage',
    [
        lambda path: path.write_bytes(path.read_bytes()[:-1000]),
        lambda path: path.write_bytes(b'no archive'),
    ],
)
def test_damaged_weights(damage, shipped, package, tmp_path):
    """An error that names the file; nothing is left in the cache."""
    other = tmp_path / 'weights'
    shutil.copytree(shipped, other)
    damage(other / PACKED)
    with pytest.raises(WeightsError, match=f'{PACKED} is damaged'):
        packed.unpack(other)
    assert [path.name for path in package.parent.iterdir()] == [package.name]


def test_a_cache_that_cannot_be_written(shipped, monkeypatch, tmp_path):
    monkeypatch.setattr(registry, 'SHIPPED', shipped)
    (tmp_path / 'file').touch()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    with pytest.raises(WeightsError, match='set XDG_CACHE_HOME'):
        load_model('rtmw-t-synthetic')


def test_weights_that_are_not_shipped(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(registry, 'SHIPPED', tmp_path)
    with pytest.raises(WeightsError, match=f'without {WEIGHTS}'):
        MMPoseInferencer('rtmw-t-synthetic', det_model='whole_image', device='cpu')
    with pytest.raises(WeightsError, match='ship_weights.py'):
        load_model('rtmw3d-t-synthetic')
    picture = next((ROOT / 'docs' / 'images').glob('*.jpg'))
    code = cli.main(
        [
            'infer',
            str(picture),
            '--pose',
            'rtmw-t-synthetic',
            '--det',
            'none',
            '--out',
            str(tmp_path / 'out'),
        ]
    )
    error = capsys.readouterr().err
    assert code == 1 and error.count('\n') == 1
    assert 'without rtmw-t_synthetic-256x192.onnx' in error
    assert cli.main(['models', 'synthetic']) == 0
    assert capsys.readouterr().out.count('(not in this version)') == 7


def test_own_weights_need_no_shipped_ones(monkeypatch, trained, tmp_path):
    monkeypatch.setattr(registry, 'SHIPPED', tmp_path)
    inferencer = MMPoseInferencer(
        'rtmw-t-synthetic', str(trained[0]), det_model='whole_image', device='cpu'
    )
    state = inferencer.inferencer.model.state_dict()
    assert torch.equal(state['head.cls_x.weight'], trained[1]['head.cls_x.weight'])


@pytest.mark.parametrize(
    'problem, kind, message',
    [
        ('missing', CheckpointError, 'bad.pth is of another model'),
        ('nan', ExportError, 'head.cls_x.weight holds NaN'),
        ('large', ExportError, 'head.cls_x.weight reaches 1e\\+05'),
        ('unnamed', ExportError, 'no model takes its weights from rtmw-t_coco'),
        ('limit', ExportError, 'would hold [4-9].* MB, more than 2'),
    ],
)
def test_what_cannot_be_shipped(
    problem, kind, message, tool, trained, tmp_path, monkeypatch
):
    """An error, and nothing written."""
    path, state = tmp_path / 'bad.pth', dict(trained[1])
    weight = state['head.cls_x.weight'].clone()
    if problem == 'missing':
        del state['head.cls_x.weight']
    elif problem in ('nan', 'large'):
        weight[0, 0] = dict(nan=float('nan'), large=1e5)[problem]
        state['head.cls_x.weight'] = weight
    elif problem == 'limit':
        monkeypatch.setitem(tool['ship'].__globals__, 'LIMIT', 2e6)
    torch.save(dict(meta={}, state_dict=state), path)
    config = RTMW_T if problem == 'unnamed' else CONFIG_3D
    folder = tmp_path / 'weights'
    with pytest.raises(kind, match=message):
        tool['ship'](str(path), str(config), folder)
    assert not folder.exists() or not list(folder.iterdir())
