"""``rtmw infer``: what it replaces, how it ends, what results say."""

import functools
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmw_ext.commands import cli
from rtmw_ext.commands.exit_codes import ExitCode
from rtmw_ext.core.signals import Stopped, stoppable, uninterrupted
from rtmw_ext.output import read
from rtmw_ext.output.files import part_of
from rtmw_ext.output.video_writer import VideoWriter
from rtmw_ext.runtime import video
from support.networks import bright
from support.paths import ROOT
from support.videos import sound_of, write_sounding

# Without PyAV, a line says what is lost.
pytestmark = pytest.mark.filterwarnings('ignore:.*pip install av:UserWarning')


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    """A small one that works at once."""
    return bright(tmp_path_factory.mktemp('net') / 'net.onnx', 1.0, points=133)


@pytest.fixture
def photo(tmp_path):
    """A photo in a folder of its own."""
    path = tmp_path / 'photos' / 'photo.jpg'
    path.parent.mkdir()
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    cv2.imwrite(str(path), picture)
    return path


@pytest.fixture
def clip(photo):
    path = photo.with_name('clip.mp4')
    with VideoWriter(path, 12.5) as writer:
        for number in range(8):
            writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    return path


def infer(capsys, network, *arguments):
    """(exit code, standard output, standard error)"""
    command = ['infer', *arguments, '--pose', network, '--det', 'none']
    code = cli.main([*map(str, command), '--threads', '1'])
    return code, *capsys.readouterr()


def prints(folder):
    return {
        path: hashlib.sha256(path.read_bytes()).digest()
        for path in Path(folder).rglob('*')
        if path.is_file()
    }


@pytest.mark.parametrize('more', [[], ['--overwrite']])
def test_inputs_are_never_replaced(capsys, network, photo, clip, more, monkeypatch):
    before = prints(photo.parent)
    monkeypatch.chdir(photo.parent)
    for source, out in ((photo, '.'), ('clip.mp4', photo.parent), (clip, '../photos')):
        code, _, err = infer(capsys, network, source, '--out', out, *more)
        assert code == 1 and 'would replace the input' in err and err.count('\n') == 1
        assert prints(photo.parent) == before


def test_a_second_run_replaces_only_if_asked(capsys, network, photo, clip, tmp_path):
    out = tmp_path / 'out'
    command = [photo, clip, '--out', out, '--format', 'json', 'csv', 'openpose']
    assert infer(capsys, network, *command)[0] == 0
    before = prints(out)
    # Before the network is looked for.
    code, _, err = infer(capsys, 'none.onnx', *command)
    assert code == 1 and 'would be replaced: allow it by --overwrite' in err
    assert prints(out) == before
    assert infer(capsys, network, *command, '--overwrite', '--frames', 3)[0] == 0
    assert len(read(out / 'clip.json')) == 3
    assert len(list(out.glob('clip_*_keypoints.json'))) == 3
    assert infer(capsys, network, photo, '--out', out / 'b')[0] == 0


def test_standard_output(capsys, network, photo, clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = infer(capsys, network, photo, clip, '--out', '-')
    lines = [json.loads(line) for line in out.splitlines()]
    kinds = [line['type'] for line in lines]
    assert code == 0
    assert kinds == ['run', 'source', 'frame', 'source', *['frame'] * 8]
    assert len(lines[2]['people'][0]['keypoints']) == 133
    assert [path.name for path in tmp_path.iterdir()] == ['photos']
    code, _, err = infer(capsys, network, photo, '--out', '-', '--format', 'csv')
    assert code == 1 and '--out - writes JSON lines' in err


def test_nobody_reads_the_standard_output(network, photo):
    command = [sys.executable, '-m', 'rtmw_ext.commands.cli', 'infer', '--out', '-']
    command += [*[str(photo)] * 99, '--pose', str(network), '--det', 'none']
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert json.loads(process.stdout.readline())['type'] == 'run'
    process.stdout.close()
    assert process.stderr.read() == ''
    assert process.wait(60) == ExitCode.PIPE_CLOSED


def test_what_results_say(capsys, network, photo, clip, tmp_path):
    out = tmp_path / 'out'
    assert infer(capsys, network, photo, clip, '--out', out, '--stride', 3)[0] == 0
    results = read(out / 'clip.json')
    model = results.run['models']['pose']
    content = network.read_bytes()
    assert model['sha256'] == {network.name: hashlib.sha256(content).hexdigest()}
    assert model['bytes'] == len(content) and results.run['settings']['stride'] == 3
    source = results.sources['clip']
    assert source['path'] == str(clip) and source['bytes'] == clip.stat().st_size
    assert (source['width'], source['height'], source['frames']) == (64, 48, 8)
    assert [frame.time for frame in results] == pytest.approx(np.arange(8) / 12.5)
    assert read(out / 'photo.json').sources['photo']['kind'] == 'image'


def test_fingerprints_of_weights_beside_the_graph(capsys, photo, tmp_path):
    code, out, _ = infer(capsys, 'rtmw-t', photo, '--out', '-')
    names = json.loads(out.splitlines()[0])['models']['pose']['sha256']
    assert code == 0 and len(names) == 2
    assert any(name.endswith('.safetensors') for name in names)


def test_times_of_unevenly_spaced_frames(capsys, network, tmp_path):
    """As phones write them."""
    av = pytest.importorskip('av', reason='PyAV (an optional extra) is absent')
    ticks = [0, 10, 15, 100, 101]
    with av.open(str(tmp_path / 'phone.mp4'), 'w') as file:
        stream = file.add_stream('mpeg4', rate=100)
        stream.width = stream.height = 64
        for tick in ticks:
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
            frame.pts, frame.time_base = tick, Fraction(1, 100)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    out = tmp_path / 'out'
    assert infer(capsys, network, tmp_path / 'phone.mp4', '--out', out)[0] == 0
    found = [frame.time for frame in read(out / 'phone.json')]
    assert found == pytest.approx(np.array(ticks) / 100)
    drawn = video.Video(out / 'phone.mp4')
    assert len(list(drawn)) == len(ticks)
    assert list(drawn.times) == pytest.approx(np.array(ticks) / 100, abs=1e-4)


def test_a_part_of_a_video_with_its_sound(capsys, network, tmp_path):
    pytest.importorskip('av', reason='PyAV (an optional extra) is absent')
    clip = write_sounding(tmp_path / 'clip.dat', 'matroska', 'mpeg4', 'libopus')
    out = tmp_path / 'out'
    span = ['--start', 0.5, '--end', 1.5, '--codec', 'vp9']
    assert infer(capsys, network, clip, '--out', out, *span)[0] == 0
    found = [frame.time for frame in read(out / 'clip.json')]
    assert found == pytest.approx(np.arange(13, 38) / 25, abs=1e-3)
    drawn = video.Video(out / 'clip.mp4')
    assert len(list(drawn)) == 25
    codec, first, samples = sound_of(out / 'clip.mp4')
    assert codec == 'opus' and first + len(samples) / 16_000 == pytest.approx(
        1, abs=0.1
    )
    for span, said in [
        (['--start', -1], '--start -1 and --end None hold no time'),
        (['--start', 2, '--end', 1], '--start 2 and --end 1.0 hold no time'),
        (['--start', 9], 'has no frame from 9 s on'),
        (['--start', 1.97, '--end', 1.98], 'has no frame from 1.97 s to 1.98 s'),
    ]:
        code, _, err = infer(capsys, network, clip, '--out', tmp_path / 'b', *span)
        assert code == 1 and said in err and err.count('\n') == 1, err


@pytest.mark.parametrize('rate', [119.813, 59.9401, 240.3])
def test_slow_motion(capsys, network, rate, tmp_path):
    with VideoWriter(tmp_path / 'slow.mp4', rate) as writer:
        for _ in range(5):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    out = tmp_path / 'out'
    code, _, err = infer(capsys, network, tmp_path / 'slow.mp4', '--out', out)
    assert (code, err.replace('\n', '')) == (0, '') or 'install av' in err
    drawn = video.Video(out / 'slow.mp4')
    assert len(list(drawn)) == 5 and drawn.rate == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize('name', ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGKILL'])
def test_a_run_that_is_stopped(name, network, clip, tmp_path):
    number, out = getattr(signal, name), tmp_path / 'out'
    long = clip.with_name('long.mp4')
    with VideoWriter(long, 30) as writer:
        for shade in range(3000):
            writer.write(np.full((48, 64, 3), shade % 250, np.uint8))
    command = [sys.executable, '-m', 'rtmw_ext.commands.cli', 'infer', str(long)]
    command += ['--out', str(out), '--pose', str(network), '--det', 'none']
    command += ['--threads', '1', '--format', 'json', 'csv', 'npz', 'coco', 'jsonl']
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    table = out / 'keypoints.csv'
    while not (table.exists() and table.stat().st_size > 100_000):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    err = process.communicate(timeout=120)[1]
    files = [
        out / file
        for file in (
            'long.json',
            'keypoints.csv',
            'keypoints.npz',
            'coco_results.json',
            'long.jsonl',
        )
    ]
    if name == 'SIGKILL':
        assert process.returncode == -number
        assert len(read(part_of(files[0]))) > 5
        assert cli.main(['recover', *map(str, out.glob('*.part'))]) == 0
        lost = 1
    else:
        assert process.returncode == 128 + number, err
        assert err.strip().endswith('finished outputs are kept')
        lost = 0
    assert not list(out.glob('*.part'))
    counts = [len(read(path)) for path in files]
    assert counts[0] > 5 and max(counts) - min(counts) <= lost
    if name != 'SIGKILL' or 'install av' not in err:
        drawn = len(list(video.Video(out / 'long.mp4')))
        assert max(counts) - 1 - lost <= drawn <= max(counts)


def test_signals_wait_for_the_end_of_a_block():
    done = []
    with pytest.raises(Stopped) as stop, stoppable(), uninterrupted():
        signal.raise_signal(signal.SIGTERM)
        done.append(1)
    assert done and stop.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_ignored_signals_stay_ignored():
    """``nohup`` sets it so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_recover(capsys, tmp_path):
    part = tmp_path / 'clip.json.part'
    part.write_text('[\n{"frame_id": 0, "instances": []},\n{"frame_id": 1, "inst')
    assert cli.main(['recover', str(part)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / 'clip.json')
    assert json.loads((tmp_path / 'clip.json').read_text()) == [
        dict(frame_id=0, instances=[])
    ]
    assert cli.main(['recover', str(part)]) == 1
    assert 'cannot be completed' in capsys.readouterr().err
