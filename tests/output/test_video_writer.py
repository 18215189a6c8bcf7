"""Videos out: whole, also if the program is killed, at any rate."""

import signal
import subprocess
import sys
import textwrap

import cv2
import numpy as np
import pytest

from rtmw_ext.core.errors import VideoError
from rtmw_ext.output.video_writer import VideoWriter
from support.paths import ROOT


@pytest.fixture(params=['av', 'cv2'])
def encoder(request, monkeypatch):
    """Both libraries that write videos."""
    if request.param == 'av':
        pytest.importorskip('av', reason='PyAV (an optional extra) is absent')
    else:
        monkeypatch.setitem(sys.modules, 'av', None)
    return request.param


def pictures(count, height=48, width=64):
    return np.random.default_rng(0).integers(
        0, 256, (count, height, width, 3), np.uint8
    )


def write(path, frames, rate):
    with VideoWriter(path, rate) as writer:
        assert not path.exists()
        for frame in frames:
            writer.write(frame)


def times(path):
    """Seconds of all frames."""
    capture, found = cv2.VideoCapture(str(path)), []
    while capture.read()[0]:
        found.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    return found


@pytest.mark.filterwarnings('ignore:.*pip install av:UserWarning')
def test_a_video_is_whole(encoder, tmp_path):
    path, frames = tmp_path / 'clip.mp4', pictures(25)
    # As those of people are, unlike noise.
    frames = np.stack([cv2.GaussianBlur(frame, (0, 0), 5) for frame in frames])
    write(path, frames, 10)
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == 10
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 25
    for frame in frames:
        assert np.abs(capture.read()[1].astype(int) - frame).mean() < 5
    assert not capture.read()[0]


@pytest.mark.filterwarnings('ignore:.*pip install av:UserWarning')
@pytest.mark.parametrize(
    'rate', [0.004, 0.1, 7.4925, 29.97, 47.952, 65.601, 119.88, 239.76, 959.04, 1000.0]
)
def test_any_rate(rate, encoder, tmp_path):
    """Time-lapse to slow motion: times drift by less than a frame a second."""
    write(tmp_path / 'clip.mp4', pictures(20), rate)
    found = times(tmp_path / 'clip.mp4')
    share = 1e-6 if encoder == 'av' else 1e-3 if rate > 1 else 0.01
    assert found == pytest.approx(np.arange(20) / rate, rel=share, abs=1e-5)


@pytest.mark.filterwarnings('ignore:.*pip install av:UserWarning')
@pytest.mark.parametrize('size', [(2, 2), (41, 63), (17, 8191)])
def test_sizes(size, encoder, tmp_path):
    write(tmp_path / 'clip.mp4', pictures(2, *size), 30)
    assert len(times(tmp_path / 'clip.mp4')) == 2


def test_a_limit_of_the_format_is_no_fault_of_the_disk(tmp_path):
    with (
        VideoWriter(tmp_path / 'clip.mp4', 10) as writer,
        pytest.raises(VideoError, match='9000 x 16 pixels, an MP4 has at most 8,191'),
    ):
        writer.write(np.zeros((16, 9000, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_without_pyav_a_line_says_what_is_lost(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.warns(UserWarning, match='clip.mp4 will be whole.*install av'):
        write(tmp_path / 'clip.mp4', pictures(2), 10)


def test_a_video_without_frames_is_no_file(tmp_path):
    with VideoWriter(tmp_path / 'clip.mp4', 10):
        pass
    assert not list(tmp_path.iterdir())


def test_an_unwritable_video(tmp_path):
    with (
        VideoWriter(tmp_path / 'no' / 'clip.mp4', 10) as writer,
        pytest.raises(VideoError, match='clip.mp4 cannot be written .No such file'),
    ):
        writer.write(np.zeros((48, 64, 3), np.uint8))


def test_a_killed_program_leaves_a_video(tmp_path):
    """At low rates, too, where a second has few frames."""
    pytest.importorskip('av', reason='PyAV (an optional extra) is absent')
    script = f"""
        import os, signal, numpy as np
        from rtmw_ext.output.video_writer import VideoWriter
        frames = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), np.uint8)
        with VideoWriter({str(tmp_path / 'clip.mp4')!r}, 2) as writer:
            for frame in frames:
                writer.write(frame)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    code = subprocess.run([sys.executable, '-c', textwrap.dedent(script)], cwd=ROOT)
    assert code.returncode == -signal.SIGKILL
    found = times(tmp_path / 'clip.mp4')
    assert len(found) >= 29 and found[-1] == (len(found) - 1) / 2
