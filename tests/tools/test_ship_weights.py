"""Weights of our own: written by the tool, found by name, the same numbers in
every program that reads them."""

import dataclasses
import shutil
import sys

import numpy as np
import onnx
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.apis import MMPoseInferencer, init_model

from rtmw_ext import zoo
from rtmw_ext.commands import cli
from rtmw_ext.engine.safetensors import load_from_safetensors
from rtmw_ext.export.check import torch_outputs
from rtmw_ext.export.external_data import tensor_places, to_precision
from rtmw_ext.export.formats import ExportError
from rtmw_ext.export.model import Exportable, describe, noise
from rtmw_ext.models.loading import CheckpointError, load_model
from rtmw_ext.runtime import NetworkError, PoseModel, load_network
from rtmw_ext.zoo import WeightsError, registry
from support.models import build
from support.paths import CONFIGS, ROOT, RTMW_T
from support.tools import load_tool
from support.training import drawn_options

CONFIG_2D = CONFIGS / 'photos' / 'rtmw-t_photos-256x192.py'
CONFIG_3D = CONFIGS / 'photos' / 'rtmw3d-t_photos-256x192.py'
WEIGHTS = 'rtmw3d-t_photos-256x192.safetensors'
GRAPHS = ['rtmw-t_photos-256x192.onnx', 'rtmw3d-t_photos-256x192.onnx']


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
def package(shipped, monkeypatch):
    """Where the weights are that the names find."""
    monkeypatch.setattr(registry, 'SHIPPED', shipped)
    return shipped


def test_what_is_written(shipped, trained):
    """One file of weights for two models, in half the space."""
    assert sorted(path.name for path in shipped.iterdir()) == [*GRAPHS, WEIGHTS]
    path = shipped / WEIGHTS
    content = load_from_safetensors(str(path))
    assert content['meta']['iterations'] == 7
    assert content['meta']['licence'] == 'Apache-2.0'
    assert content['meta']['config'] == CONFIG_3D.name
    names = content['meta']['dataset_meta']['keypoint_id2name']
    assert list(names) == list(range(133)) and names[0] == 'nose'
    state = trained[1]
    assert set(content['state_dict']) == set(state)
    for name, tensor in content['state_dict'].items():
        expected = state[name]
        if expected.is_floating_point() and expected.ndim > 1:
            assert tensor.dtype == torch.float16
            expected = expected.half()
        assert torch.equal(tensor, expected)
    size = sum(tensor.numel() for tensor in state.values())
    assert path.stat().st_size < 2.1 * size
    for graph in GRAPHS:
        assert (shipped / graph).stat().st_size < 0.05 * path.stat().st_size


def test_places_are_those_of_the_tensors(shipped):
    path = shipped / WEIGHTS
    content = path.read_bytes()
    state = load_from_safetensors(str(path))['state_dict']
    places = tensor_places(path)
    assert set(places) == set(state)
    kinds = {torch.float16: 'F16', torch.float32: 'F32', torch.int64: 'I64'}
    for name, place in places.items():
        expected = state[name].numpy().tobytes()
        assert place.dtype == kinds[state[name].dtype]
        assert place.length == len(expected)
        assert content[place.offset : place.offset + place.length] == expected, name


@pytest.mark.parametrize('graph', GRAPHS)
def test_graphs_are_valid(graph, shipped):
    """ONNX's own checker, and a reader of external data that is not ours."""
    onnx.checker.check_model(str(shipped / graph), full_check=True)
    state = load_from_safetensors(str(shipped / WEIGHTS))['state_dict']
    weights = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(shipped / graph).graph.initializer
    }
    name = 'head.cls_x.weight'
    assert np.array_equal(weights[f'model.{name}.half'], state[name].numpy())


@pytest.mark.parametrize(
    'config, name', [(CONFIG_2D, 'rtmw-t'), (CONFIG_3D, 'rtmw3d-t')]
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
            expected = to_precision({key: expected})[key].float()
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
    path = package / 'rtmw-t_photos-256x192.onnx'
    crops = np.random.default_rng(0).normal(size=(1, 3, 256, 192)).astype(np.float32)
    found = [
        PoseModel(path, backend=backend, threads=1).run(crops)
        for backend in ('onnxruntime', 'openvino')
    ]
    for ours, theirs in zip(*found):
        assert np.abs(ours - theirs).max() < 1e-3 * np.abs(ours).max()


@pytest.mark.parametrize('name', ['rtmw-t', 'rtmw3d-t', 'rtmw-t-parts'])
def test_shipped_files(name):
    """The files of this version: valid, and the same logits in both programs."""
    path = zoo.resolve_network(name)
    onnx.checker.check_model(str(path), full_check=True)
    model, config, _ = load_model(name)
    metadata = load_network(path).metadata
    told = describe(model, config, zoo.get(name).name, metadata.weights)
    assert metadata == dataclasses.replace(told, made_by=metadata.made_by)
    crops = noise(metadata, 2).numpy()
    expected = torch_outputs(Exportable(model), crops)
    found = load_network(path, backend='onnxruntime')(crops)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()


def test_command_line(package, capsys, tmp_path, drawn_root):
    picture = sorted((drawn_root / 'images' / 'val').iterdir())[0]
    assert (
        cli.main(
            [
                'infer',
                str(picture),
                '--pose',
                'rtmw-t',
                '--det',
                'none',
                '--out',
                str(tmp_path),
            ]
        )
        == 0
    )
    assert (tmp_path / f'{picture.stem}.jpg').is_file()
    assert cli.main(['models']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.endswith(WEIGHTS) for line in lines) == 2


@pytest.mark.slow
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
            'rtmw-t',
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


@pytest.mark.parametrize('name', ['rtmw-t', 'rtmw3d-t'])
def test_names_mean_files_of_the_package(name, package, monkeypatch, tmp_path):
    """As they are: nothing is written anywhere, a cache is not needed."""
    (tmp_path / 'file').touch()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    before = {path: path.stat().st_mtime_ns for path in package.iterdir()}
    assert zoo.resolve_checkpoint(name) == str(package / WEIGHTS)
    network = zoo.resolve_network(name)
    assert network == package / f'{zoo.get(name).name}.onnx'
    load_network(network)
    assert {path: path.stat().st_mtime_ns for path in package.iterdir()} == before


def test_weights_that_were_there_are_replaced(
    shipped, tool, trained, tmp_path, monkeypatch
):
    other = tmp_path / 'weights'
    other.mkdir()
    for name in (WEIGHTS, 'README.md', 'another.safetensors'):
        (other / name).write_bytes(bytes(10**6))
    monkeypatch.setitem(
        tool['ship'].__globals__,
        'LIMIT',
        sum(path.stat().st_size for path in shipped.iterdir()) + 2.1e6,
    )
    tool['ship'](str(trained[0]), str(CONFIG_3D), other)
    assert {path.name for path in other.iterdir()} == {
        'README.md',
        'another.safetensors',
        *(path.name for path in shipped.iterdir()),
    }
    assert (other / WEIGHTS).read_bytes() == (shipped / WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    'damage',
    [
        lambda path: path.write_bytes(path.read_bytes()[:-1000]),
        lambda path: path.write_bytes(b'no weights'),
    ],
)
def test_damaged_weights(damage, shipped, monkeypatch, tmp_path):
    """An error that names the file."""
    other = tmp_path / 'weights'
    shutil.copytree(shipped, other)
    damage(other / WEIGHTS)
    monkeypatch.setattr(registry, 'SHIPPED', other)
    with pytest.raises(CheckpointError, match=f'{WEIGHTS} is damaged'):
        load_model('rtmw3d-t')
    for backend in ('onnxruntime', 'openvino'):
        if backend == 'openvino':
            pytest.importorskip('openvino')
        with pytest.raises(NetworkError, match='rtmw3d-t_photos-256x192'):
            load_network(zoo.resolve_network('rtmw3d-t'), backend=backend)


def test_weights_that_are_not_shipped(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(registry, 'SHIPPED', tmp_path)
    with pytest.raises(WeightsError, match=f'without {WEIGHTS}'):
        MMPoseInferencer('rtmw-t', det_model='whole_image', device='cpu')
    with pytest.raises(WeightsError, match='ship_weights.py'):
        load_model('rtmw3d-t')
    picture = next((ROOT / 'docs' / 'images').glob('*.jpg'))
    code = cli.main(
        [
            'infer',
            str(picture),
            '--pose',
            'rtmw-t',
            '--det',
            'none',
            '--out',
            str(tmp_path / 'out'),
        ]
    )
    error = capsys.readouterr().err
    assert code == 1 and error.count('\n') == 1
    assert 'without rtmw-t_photos-256x192.onnx' in error
    assert cli.main(['models']) == 0
    assert capsys.readouterr().out.count('(not in this version)') == 7


def test_own_weights_need_no_shipped_ones(monkeypatch, trained, tmp_path):
    monkeypatch.setattr(registry, 'SHIPPED', tmp_path)
    inferencer = MMPoseInferencer(
        'rtmw-t', str(trained[0]), det_model='whole_image', device='cpu'
    )
    state = inferencer.inferencer.model.state_dict()
    assert torch.equal(state['head.cls_x.weight'], trained[1]['head.cls_x.weight'])


@pytest.mark.slow
@pytest.mark.parametrize(
    'problem, kind, message',
    [
        ('missing', CheckpointError, 'bad.pth is of another model'),
        ('nan', ExportError, 'head.cls_x.weight holds NaN'),
        ('large', ExportError, 'head.cls_x.weight reaches 1e\\+05'),
        ('unnamed', ExportError, 'no model takes its weights from rtmw-t_coco'),
        ('limit', ExportError, 'would hold 2[0-9].* MB, more than 2'),
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


@pytest.mark.parametrize('precision', ['fp16', 'fp32'])
def test_a_user_publishes_weights(precision, tool, trained, tmp_path, monkeypatch):
    """Of a work folder, by the command; init_model, load_from and `rtmw export`
    read the file."""
    folder, path = tmp_path / 'work', tmp_path / 'mine.safetensors'
    folder.mkdir()
    shutil.copy(trained[0], folder)
    (folder / 'last_checkpoint').write_text(str(trained[0]))
    monkeypatch.setattr(
        sys,
        'argv',
        [
            'ship_weights.py',
            str(folder),
            str(CONFIG_3D),
            '--out',
            str(path),
            '--precision',
            precision,
        ],
    )
    tool['main']()
    assert [entry.name for entry in tmp_path.iterdir() if entry != folder] == [
        path.name
    ]
    expected = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in to_precision(trained[1], precision).items()
    }
    model = init_model(str(CONFIG_3D), str(path), device='cpu')
    exported, _, weights = load_model(str(CONFIG_3D), str(path))
    assert weights == path.name and len(model.dataset_meta['keypoint_id2name']) == 133
    for name, tensor in expected.items():
        assert torch.equal(model.state_dict()[name], tensor)
        assert torch.equal(exported.state_dict()[name], tensor)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--out', 'x.pth'], 'must end in .safetensors'),
        (['--precision', 'fp32'], 'goes with --out'),
    ],
)
def test_wrong_flags(arguments, message, tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['ship_weights.py', 'a.pth', 'b.py', *arguments])
    with pytest.raises(SystemExit):
        tool['main']()
    assert message in capsys.readouterr().err
