"""Videos out: whole, also if the program is killed, at any rate."""

import os
import signal
import subprocess
import sys
import textwrap

import cv2
import numpy as np
import pytest

from rtmw_ext.core.errors import VideoError
from rtmw_ext.output.video_writer import CODECS, Codec, VideoWriter
from rtmw_ext.runtime.video import Video
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
        pytest.raises(VideoError, match='17000 x 16 pixels, an MP4 has at most 16,384'),
    ):
        writer.write(np.zeros((16, 17000, 3), np.uint8))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('codec', CODECS)
@pytest.mark.parametrize('size', [(33, 51), (96, 70)])
def test_codecs_and_odd_sizes(codec, size, tmp_path):
    """No row or column is lost, and the rest repeats the last ones."""
    pytest.importorskip('av', reason='PyAV (an optional extra) is absent')
    frame = cv2.GaussianBlur(pictures(1, *size)[0], (0, 0), 9)
    frame = cv2.normalize(frame, None, 30, 220, cv2.NORM_MINMAX)
    policy = os.sched_getscheduler(0)
    with VideoWriter(tmp_path / 'clip.mp4', 25, codec) as writer:
        for _ in range(5):
            writer.write(frame)
    assert os.sched_getscheduler(0) == policy, 'this thread is another one now'
    found = list(Video(tmp_path / 'clip.mp4'))
    assert len(found) == 5
    height, width = found[0].shape[:2]
    assert height % 2 == width % 2 == 0
    assert height == max(size[0] + size[0] % 2, CODECS[codec].least)
    more = ((0, height - size[0]), (0, width - size[1]), (0, 0))
    expected = np.pad(frame, more, mode='edge')
    # Colour has half the resolution.
    assert np.abs(found[-1].astype(int) - expected).mean() < 6


def test_times_of_uneven_frames_are_kept(tmp_path):
    pytest.importorskip('av', reason='PyAV (an optional extra) is absent')
    seconds = [5.0, 5.04, 5.05, 5.3, 5.301, 7.0, 7.04]
    with VideoWriter(tmp_path / 'clip.mp4', 25) as writer:
        for frame, time in zip(pictures(7), seconds):
            writer.write(frame, time)
    clip = Video(tmp_path / 'clip.mp4')
    assert len(list(clip)) == 7 and clip.fault is None
    assert list(clip.times) == pytest.approx(np.array(seconds) - 5, abs=1e-4)


def test_a_codec_that_is_not_there(tmp_path, monkeypatch):
    pytest.importorskip('av', reason='PyAV (an optional extra) is absent')
    monkeypatch.setitem(CODECS, 'h264', Codec('none'))
    with (
        VideoWriter(tmp_path / 'clip.mp4', 25) as writer,
        pytest.raises(VideoError, match='cannot be written as h264.*another --codec'),
    ):
        writer.write(np.zeros((48, 64, 3), np.uint8))


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
