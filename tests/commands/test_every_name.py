"""Every name of ``rtmw models`` in ``rtmw infer``: networks of random weights stand in
for those that are published, in archives of the same structure."""

import re

import cv2
import numpy as np
import pytest

from rtmw_ext import zoo
from rtmw_ext.commands import cli
from rtmw_ext.commands.exit_codes import ExitCode
from rtmw_ext.output.reading import read
from rtmw_ext.zoo import download, fetch
from support.networks import bright, brightest, toy
from support.zoo import Flaky, publish, without_hashes

MODELS = {model.aliases[0]: model for model in zoo.models()}
POSES = [n for n, m in MODELS.items() if m.kind == 'pose' and zoo.can_run(m)]
DETECTORS = [n for n, m in MODELS.items() if m.kind == 'detector' and m.onnx]
#: Published for training alone.
UNFIT = [n for n, m in MODELS.items() if not zoo.can_run(m)]


@pytest.fixture
def picture(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(download, 'PAUSE', 0.0)
    pixels = np.zeros((64, 48, 3), np.uint8)
    pixels[20:40, 15:30] = 255
    cv2.imwrite(str(tmp_path / 'a.png'), pixels)
    return tmp_path / 'a.png'


@pytest.fixture
def server(file_server, monkeypatch):
    """A function that puts a network where that of a name is."""
    folder, address = file_server
    monkeypatch.setenv(zoo.MIRROR, address)
    without_hashes(monkeypatch)

    def put(name, file):
        model = zoo.get(name)
        if model.onnx is None:  # Exported earlier.
            place = fetch._export_of(model)
        elif '://' in model.onnx:
            place = folder / model.onnx.removeprefix(f'{address}/')
        else:
            return  # It is in the package.
        publish(place, file.read_bytes())

    return put


def infer(picture, *flags):
    """(exit code, where the results are)"""
    out = picture.parent / 'out'
    arguments = ['infer', str(picture), *flags, '--threads', '1', '--no-draw']
    return cli.main([*arguments, '--out', str(out)]), out / 'a.json'


def points_of(model):
    if 'Wholebody' in model.task:
        return 133
    return 26 if 'halpe26' in model.name else 17


@pytest.mark.parametrize('name', POSES)
def test_every_pose_network_runs(name, server, picture, tmp_path):
    model = MODELS[name]
    points = points_of(model)
    # The network for second looks has depths for both.
    depth = name.startswith('rtmw3d') or name == zoo.SECOND_LOOK
    alone = name.startswith('rtmo')
    height, width = map(int, re.search(r'(\d+)x(\d+)', model.name).groups())
    file = tmp_path / 'end2end.onnx'
    if alone:
        brightest(file, (width, height))
    else:
        bright(file, 0.9, points, (width, height), depth)
    server(name, file)
    detector = () if alone else ('--det', 'none')
    code, results = infer(picture, '--pose', name, *detector)
    assert code == ExitCode.DONE
    found = read(results)
    assert found[0].people.keypoints.shape == (1, points, 2)
    assert (found[0].people.keypoints_3d is not None) == depth
    assert found.run['models'].keys() == {'pose'}


@pytest.mark.parametrize('name', DETECTORS)
def test_every_detector_runs(name, server, picture, tmp_path):
    side = int(MODELS[name].name.rsplit('-', 1)[1])
    outputs = {'dets': [1, 3, 5], 'labels': [1, 3]}
    server(name, toy(tmp_path / 'end2end.onnx', {'input': [1, 3, side, side]}, outputs))
    pose = bright(tmp_path / 'pose.onnx', 0.9)
    code, results = infer(picture, '--pose', str(pose), '--det', name)
    assert code == ExitCode.DONE
    assert read(results).run['models'].keys() == {'pose', 'detector'}


@pytest.mark.parametrize('name', UNFIT)
def test_others_are_one_line(name, picture, tmp_path, capsys):
    pose = bright(tmp_path / 'pose.onnx', 0.9)
    code, _ = infer(picture, '--pose', str(pose), '--det', name)
    assert code == ExitCode.FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert f'unknown network "{name}"' in line and 'rtmdet-nano' in line


@pytest.mark.parametrize(
    'name', [n for n, m in MODELS.items() if m.onnx and '://' in m.onnx]
)
def test_an_address_is_of_its_name(name):
    """Its file has the family, the size, the input and the points of the name."""
    model = MODELS[name]
    file = model.onnx.rsplit('/', 1)[1]
    family, size = re.match(r'(\w+?)-(?:dw-)?(?:m-)?(\w+)', name).groups()
    family = 'rtmpose' if family == 'dwpose' else family
    size = name.split('-')[-1] if name == 'rtmw-dw-m-s' else name.split('-')[1]
    assert re.match(rf'{family}[-_](?:dw-\w+-)?(?:\w+-)?{size}[-_]', file), file
    shapes = re.search(r'\d+x\d+', model.name)
    if shapes and model.kind == 'pose' and 'rtmw-dw' not in name:
        assert shapes[0] in file
    assert ('halpe26' in name) == ('halpe26' in file)
    assert ('dwpose' in name) == ('ucoco_dw' in file)


#: {what is wrong: (how the server answers, what is said)}.
FAULTS = {
    'sum': ({}, ['SHA-256']),
    'half': (dict(cuts=[100] + [0] * download.TRIES), ['the connection broke after']),
    '404': (dict(statuses=[404]), ['404']),
    'server': (None, ['Connection refused']),
}


#: Of a network that is published with its sum, one without, and a detector.
CASES = [
    (fault, kind, name)
    for kind, name in (('pose', 'rtmw-l'), ('pose', 'rtmo-s'), ('det', 'yolox-m'))
    for fault in FAULTS
    if fault != 'sum' or MODELS[name].sha256
]


@pytest.mark.parametrize('fault, kind, name', CASES)
def test_what_cannot_be_fetched_is_one_line(
    fault, kind, name, picture, tmp_path, monkeypatch, capsys
):
    options, texts = FAULTS[fault]
    archive = publish(tmp_path / 'a.zip', np.random.default_rng(0).bytes(5000))
    with Flaky(archive.read_bytes(), **options or {}) as flaky:
        address = 'http://127.0.0.1:9' if options is None else flaky.address
        monkeypatch.setenv(zoo.MIRROR, address)
        pose = bright(tmp_path / 'pose.onnx', 0.9)
        flags = ('--pose', name) if kind == 'pose' else ('--pose', pose, '--det', name)
        code, results = infer(picture, *map(str, flags))
    assert code == ExitCode.FAILED and not results.exists()
    (line,) = capsys.readouterr().err.splitlines()
    for text in (f'network "{name}" cannot be fetched', zoo.get(name).onnx, *texts):
        assert text in line
