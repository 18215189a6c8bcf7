"""``rtmw infer`` of live sources."""

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from rtmw_ext.commands import cli
from rtmw_ext.commands import infer as runs
from rtmw_ext.commands.exit_codes import ExitCode
from rtmw_ext.output import read
from rtmw_ext.output.files import OutputError
from rtmw_ext.output.window import Window
from rtmw_ext.runtime.video import Video
from support.live import LiveServer, shown
from support.networks import bright
from support.paths import ROOT

pytest.importorskip('av', reason='PyAV (an optional extra) is absent')


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    return bright(tmp_path_factory.mktemp('net') / 'net.onnx', 1.0, points=133)


@pytest.fixture
def server():
    server = LiveServer('rtsp')
    yield server
    server.kill()


def command(network, *arguments):
    words = ['infer', *arguments, '--pose', network, '--det', 'none', '--threads', '1']
    return list(map(str, words))


def test_a_stream(capsys, network, server, tmp_path):
    flags = ['--max-seconds', 3, '--threshold', 2, '--format', 'json', 'jsonl']
    code = cli.main(command(network, server.address, '--out', tmp_path, *flags))
    assert (code, capsys.readouterr().err) == (0, '')
    results, drawn = read(tmp_path / 'live.json'), Video(tmp_path / 'live.mp4')
    assert len(results) > 3
    numbers = [shown(frame) for frame in drawn]
    times = np.array([frame.time for frame in results])
    assert len(numbers) == len(times) and min(np.diff(numbers)) > 0
    # In the file, too, frames have the times at which they came.
    assert list(drawn.times) == pytest.approx(times - times[0], abs=1e-3)
    source = results.sources['live']
    assert source['kind'] == 'stream' and source['frames'] is None
    assert source['path'] == f'rtsp://127.0.0.1:{server.port}/live'
    for file in tmp_path.iterdir():
        assert b'secret' not in file.read_bytes()


def test_frames_of_a_stream(capsys, network, server):
    code = cli.main(command(network, server.address, '--out', '-', '--frames', 4))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0 and [line['type'] for line in lines].count('frame') == 4


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_stream_that_is_stopped(number, network, server, tmp_path):
    """Also while it is lost."""
    for lost in (False, True):
        out = tmp_path / str(lost)
        process = subprocess.Popen(
            [sys.executable, '-m', 'rtmw_ext.commands.cli']
            + command(network, server.address, '--out', out, '--format', 'jsonl'),
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        lines, deadline = out / 'live.jsonl', time.monotonic() + 120
        while not (lines.exists() and lines.stat().st_size > 50_000):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        if lost:
            server.kill()
            assert 'is lost' in process.stderr.readline()
        process.send_signal(number)
        err = process.communicate(timeout=60)[1]
        assert process.returncode == 128 + number, err
        assert err.strip().endswith('finished outputs are kept')
        count = len(read(lines))
        assert count > 3 and len(list(Video(out / 'live.mp4'))) == count


def test_a_stream_that_is_lost(capsys, network, server, tmp_path, monkeypatch):
    add = runs.OutputFolder.add

    def added(*arguments):
        add(*arguments)
        if arguments[2] == 2:
            server.kill()

    monkeypatch.setattr(runs.OutputFolder, 'add', added)
    flags = ['--out', tmp_path, '--reconnect', 0.2]
    code = cli.main(command(network, server.address, *flags))
    err = capsys.readouterr().err
    assert code == ExitCode.PARTLY and 'and did not come back' in err, err
    assert len(read(tmp_path / 'live.json')) >= 3


@pytest.mark.parametrize(
    'address',
    ['rtsp://127.0.0.1:1/x', 'http://127.0.0.1:1/x.mp4', 'rtmp://127.0.0.1:1/x'],
)
def test_case_12(address, capsys, network, tmp_path):
    """Addresses are no files."""
    code = cli.main(command(network, address, '--out', tmp_path, '--no-draw'))
    err = capsys.readouterr().err
    assert code == 1 and f'{address} cannot be opened' in err and err.count('\n') == 1


def test_a_protocol_that_is_not_built_in(capsys, network, tmp_path):
    address = 'amqp://user:secret@127.0.0.1:1/x'
    code = cli.main(command(network, address, '--out', tmp_path, '--no-draw'))
    err = capsys.readouterr().err
    assert code == 1 and 'knows no amqp; have another program' in err
    assert 'secret' not in err


def test_streams_have_no_start(capsys, network, server, tmp_path):
    code = cli.main(command(network, server.address, '--out', tmp_path, '--start', 2))
    err = capsys.readouterr().err
    assert code == 1 and 'is live: give --max-seconds in place of --start' in err


def test_without_a_display(monkeypatch):
    pytest.importorskip('tkinter', reason='Tk (of the system) is absent')
    monkeypatch.setenv('DISPLAY', ':77')
    with pytest.raises(OutputError, match='--show needs a display'):
        Window('test')


def test_without_tk(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tkinter', None)
    with pytest.raises(OutputError, match='--show needs Tk'):
        Window('test')


@pytest.fixture
def display(monkeypatch):
    """A screen that nobody sees."""
    pytest.importorskip('tkinter', reason='Tk (of the system) is absent')
    if not shutil.which('Xvfb'):
        pytest.skip('no display: Xvfb (of the system) is absent')
    process = subprocess.Popen(
        ['Xvfb', '-displayfd', '1', '-screen', '0', '640x480x24'],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    monkeypatch.setenv('DISPLAY', f':{process.stdout.readline().strip()}')
    yield
    process.terminate()
    process.wait()


def test_a_window(display, network, server, tmp_path, monkeypatch, capsys):
    """It shows what is drawn; a run stops when it is closed."""
    window = Window('test')
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:, :32] = 10, 100, 200
    window.show(frame)
    photo = window._shown
    assert (photo.width(), photo.height()) == (64, 48)
    assert photo.get(3, 5) == (200, 100, 10) and photo.get(60, 5) == (0, 0, 0)
    window.show(np.zeros((1080, 1920, 3), np.uint8))
    assert window._shown.width() <= 640
    window.close()
    window.show(frame)
    show, shows = Window.show, []

    def closing(self, frame):
        show(self, frame)
        shows.append(frame.shape)
        if len(shows) == 3:
            self._root.after(0, self.close)
            self._root.update()

    monkeypatch.setattr(Window, 'show', closing)
    out, flags = tmp_path / 'out', ['--show', '--max-seconds', 60]
    code = cli.main(command(network, server.address, '--out', out, *flags))
    assert (code, capsys.readouterr().err) == (0, '')
    assert 3 <= len(shows) <= 5
    assert len(read(out / 'live.json')) == len(shows)
    assert len(list(Video(out / 'live.mp4'))) == len(shows)
