"""Live sources: the newest frame, lost and found again, an end in time."""

import threading
import time

import cv2
import numpy as np
import pytest

from rtmw_ext.core.errors import VideoError
from rtmw_ext.runtime import readers, stream, video
from rtmw_ext.runtime.stream import Stream
from support.live import LiveServer, shown
from support.videos import COUNT, write_clip

av = pytest.importorskip('av', reason='PyAV (an optional extra) is absent')


@pytest.fixture(params=['http', 'rtsp'])
def server(request):
    server = LiveServer(request.param)
    yield server
    server.kill()


def test_slow_consumers_get_the_newest_frame(server):
    source = Stream(server.address)
    assert video.is_video(server.address) and video.is_stream(server.address)
    lags, numbers = [], []
    for frame in source:
        numbers.append(shown(frame))
        lags.append(server.now() - numbers[-1])
        time.sleep(0.2)
        if len(numbers) == 12:
            break
    # Coding and packets hold 4 back; a queue would hold 4 more back at each.
    assert np.median(lags) <= 10
    assert min(np.diff(numbers)) > 0 and np.median(np.diff(numbers)) >= 4
    assert source.dropped > 20 and source.read == 12
    assert source.times[-1] > 1.8 and (np.diff(source.times) > 0).all()


def test_a_server_that_comes_back(server, monkeypatch):
    monkeypatch.setattr(stream, 'FIRST_WAIT', 0.1)
    said, seen = [], []
    source = Stream(server.address, max_seconds=60, say=said.append)
    for frame in source:
        seen.append(shown(frame))
        if len(seen) == 5:
            server.kill()
            threading.Timer(0.5, server.start).start()
        if 'is back' in ''.join(said):
            break
    assert len(seen) > 5
    assert 'is lost (' in said[0] and 'connecting again in 0.1 s' in said[0]
    assert 'secret' not in ''.join(said) and 'user' not in ''.join(said)
    assert source.fault is None


def test_patience_ends(monkeypatch):
    monkeypatch.setattr(stream, 'FIRST_WAIT', 0.1)
    server, said = LiveServer('http', last=12), []
    source = Stream(server.address, patience=1, say=said.append)
    server_killer = threading.Timer(0.4, server.kill)
    server_killer.start()
    assert len(list(source)) > 0
    assert source.fault.endswith('and did not come back') and said


def test_an_address_that_nobody_serves():
    server = LiveServer('rtsp')
    server.kill()
    with pytest.raises(VideoError, match='//127.0.0.1:.* cannot be opened .*is on'):
        Stream(server.address)


def test_max_seconds(server):
    begin = time.monotonic()
    list(Stream(server.address, max_seconds=2))
    assert time.monotonic() - begin < 20


def test_closing_ends_the_thread(server):
    frames = iter(Stream(server.address))
    next(frames)
    before = {thread.name for thread in threading.enumerate()}
    assert any('_work' in name for name in before)
    frames.close()
    deadline = time.monotonic() + 20
    while any('(_work)' in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_files_of_http_are_read_whole(file_server):
    folder, address = file_server
    write_clip(folder / 'clip.mp4', codec='libx264')
    assert not video.is_stream(f'{address}/clip.mp4')
    assert len(list(video.Video(f'{address}/clip.mp4'))) == COUNT
    with pytest.raises(VideoError, match='none.mp4 cannot be opened'):
        video.is_stream(f'{address}/none.mp4')


def test_webcams(monkeypatch):
    """The frames of OpenCV's capture; one that fails is opened again."""
    opened = []

    class Capture:
        def __init__(self, source):
            opened.append(source)
            self._left = 3

        def isOpened(self):
            return True

        def get(self, _):
            return 0.0

        def read(self):
            time.sleep(0.02)
            self._left -= 1
            return self._left >= 0, np.full((4, 4 + 2 * len(opened), 3), 9, np.uint8)

        def release(self):
            pass

    monkeypatch.setattr(cv2, 'VideoCapture', Capture)
    monkeypatch.setattr(readers.cv2, 'VideoCapture', Capture)
    monkeypatch.setattr(stream, 'FIRST_WAIT', 0.01)
    frames = []
    source = Stream(7, max_seconds=30)
    for frame in source:
        frames.append(frame)
        if len(opened) > 1:
            break
    assert set(opened) == {7} and {frame.shape for frame in frames} == {(4, 6, 3)}
    assert source.name == 'webcam 7' and source.rate == 30


@pytest.mark.parametrize('number', [-1, 2**31])
def test_a_number_that_is_no_webcam(number):
    with pytest.raises(VideoError, match=f'webcam {number}'):
        Stream(number)
