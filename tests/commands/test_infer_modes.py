"""Presets of ``rtmw infer`` and their networks, fetched beforehand."""

import cv2
import numpy as np
import pytest

from rtmw_ext import zoo
from rtmw_ext.commands import cli, estimator_flags, infer, label
from rtmw_ext.core.errors import UsageError
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
    assert completed() == (None, None, 8, 'auto')


@pytest.mark.parametrize('name', zoo.MODES)
def test_a_mode_chooses_what_no_flag_does(name):
    mode = zoo.MODES[name]
    chosen = (mode.pose, mode.detector, mode.stride, mode.precision)
    assert completed('--mode', name) == chosen
    given = ('--pose', 'a.onnx', '--det', 'none', '--stride', '3')
    given += ('--precision', 'bf16')
    assert completed('--mode', name, *given) == ('a.onnx', 'none', 3, 'bf16')


def test_a_mode_goes_before_variables_and_flags_before_it(monkeypatch):
    monkeypatch.setenv('RTMW_POSE', 'mine.onnx')
    monkeypatch.setenv('RTMW_DET', '')
    assert completed()[:2] == ('mine.onnx', None)
    mode = zoo.MODES['fast']
    assert completed('--mode', 'fast')[:2] == (mode.pose, mode.detector)
    assert completed('--mode', 'fast', '--pose', 'a.onnx')[0] == 'a.onnx'


@pytest.mark.parametrize('command', ['label', 'infer'])
def test_machines_of_a_cluster_compute_alike(command, monkeypatch, tmp_path):
    """`rtmw label` leaves out what a machine is fastest in."""
    seen = []

    def stop(flags, *_):
        seen.append((flags.precision, flags.tuned))
        raise UsageError('enough')

    for module in (label, infer):
        monkeypatch.setattr(module, 'check_people', stop)
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((8, 8, 3), np.uint8))
    assert cli.main([command, str(tmp_path), '--out', str(tmp_path / 'out')]) == 1
    assert seen == [('fp32', False) if command == 'label' else ('auto', True)]


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


def test_the_accurate_mode_skips_nobody(capsys, tmp_path):
    clip, out = tmp_path / 'a.mp4', ('--out', str(tmp_path / 'out'))
    clip.touch()
    command = ['infer', str(clip), '--mode', 'accurate', '--skip-still', *out]
    assert cli.main(command) == 1
    assert '--skip-still' in capsys.readouterr().err
