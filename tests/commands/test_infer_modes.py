"""Presets of ``rtmw infer`` and their networks, fetched beforehand."""

import pytest

from rtmw_ext import zoo
from rtmw_ext.commands import cli, estimator_flags
from support.zoo import publish, without_hashes


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in ('RTMW_POSE', 'RTMW_DET', zoo.MIRROR):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


def completed(*arguments, images=1):
    flags = cli._parser().parse_args(['infer', 'a.jpg', *arguments])
    estimator_flags.complete(flags, images)
    return flags.pose, flags.det, flags.stride, flags.precision


def test_no_mode():
    assert completed() == (None, None, 8, 'fp32')


@pytest.mark.parametrize('name', zoo.MODES)
def test_a_mode_chooses_what_no_flag_does(name):
    mode = zoo.MODES[name]
    assert completed('--mode', name) == (mode.pose, mode.detector, mode.stride, 'fp32')
    given = ('--pose', 'a.onnx', '--det', 'none', '--stride', '3')
    assert completed('--mode', name, *given) == ('a.onnx', 'none', 3, 'fp32')


def test_a_mode_goes_before_variables_and_flags_before_it(monkeypatch):
    monkeypatch.setenv('RTMW_POSE', 'mine.onnx')
    monkeypatch.setenv('RTMW_DET', '')
    assert completed()[:2] == ('mine.onnx', None)
    mode = zoo.MODES['fast']
    assert completed('--mode', 'fast')[:2] == (mode.pose, mode.detector)
    assert completed('--mode', 'fast', '--pose', 'a.onnx')[0] == 'a.onnx'


def test_the_precision_of_a_mode_is_that_of_openvino_on_a_cpu():
    pytest.importorskip('openvino')
    fast = ('--mode', 'fast')
    # Of a video, and of many images.
    assert completed(*fast, images=None)[-1] == 'bf16'
    assert completed(*fast, images=estimator_flags.FEW_IMAGES + 1)[-1] == 'bf16'
    assert completed(*fast, '--backend', 'openvino')[-1] == 'bf16'
    for flags in (
        ('--backend', 'onnxruntime'),
        ('--device', 'cuda'),
        ('--precision', 'fp32'),
    ):
        assert completed(*fast, *flags, images=None)[-1] == 'fp32'


def test_a_mode_never_falls_back(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv(zoo.MIRROR, 'http://127.0.0.1:9')
    out = ('--out', str(tmp_path / 'out'))
    assert cli.main(['infer', 'a.jpg', '--mode', 'fast', *out]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f'network "{zoo.MODES["fast"].pose}" cannot be fetched' in line


def test_networks_are_fetched_beforehand(file_server, monkeypatch, capsys):
    folder, address = file_server
    monkeypatch.setenv(zoo.MIRROR, address)
    without_hashes(monkeypatch)
    names = ('rtmw-l-256x192', 'yolox-m')
    for name in names:
        path = zoo.get(name).onnx.removeprefix(f'{address}/')
        publish(folder / path, name.encode())
    assert cli.main(['models', '--fetch', *names]) == 0
    files = [zoo.resolve_network(name, zoo.get(name).kind) for name in names]
    assert capsys.readouterr().out.splitlines() == [str(file) for file in files]
    assert cli.main(['models', 'yolox']) == 0
    here = {
        line.split()[0]: line.endswith('(here)')
        for line in capsys.readouterr().out.splitlines()
    }
    assert here['yolox-m'] and not here['yolox-x']
    assert cli.main(['models', '--fetch', 'rtmw-q']) == 1
    assert 'unknown network "rtmw-q"' in capsys.readouterr().err
