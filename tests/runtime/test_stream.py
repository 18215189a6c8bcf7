"""Live sources: the newest frame, lost and found again, an end in time."""

import threading
import time

import cv2
import numpy as np
import pytest

from rtmw_ext.core.errors import VideoError
from rtmw_ext.core.media import is_video
from rtmw_ext.runtime import readers, stream, video
from rtmw_ext.runtime.stream import Stream
from support.live import FIELDS, HEIGHT, RATE, WIDTH, LiveServer, clock_frame, shown
from support.videos import COUNT, write_clip

av = pytest.importorskip('av', reason='PyAV (an optional extra) is absent')


@pytest.fixture(params=['http', 'rtsp'])
def server(request):
    server = LiveServer(request.param)
    yield server
    server.kill()


def test_slow_consumers_get_the_newest_frame(server):
    source = Stream(server.address)
    assert is_video(server.address) and video.is_stream(server.address)
    lags, numbers = [], []
    for frame in source:
        numbers.append(shown(frame))
        lags.append(server.now() - numbers[-1])
        time.sleep(0.2)
        if len(numbers) == 12:
            break
    # Packets hold 1 back; a queue would hold 4 more back at each.
    assert np.median(lags) <= 5
    assert min(np.diff(numbers)) > 0 and np.median(np.diff(numbers)) >= 4
    assert source.dropped > 20 and source.read == 12
    assert source.times[-1] > 1.8 and (np.diff(source.times) > 0).all()


@pytest.mark.parametrize(
    ('scheme', 'codec', 'held'),
    # This encoder of MPEG-2 holds one frame back; without a word, so do decoders.
    [('http', 'libx264', 0), ('rtsp', 'libx264', 0), ('http', 'mpeg2video', 1)],
)
def test_no_frame_is_held_back(scheme, codec, held):
    """When a frame has come and the next one has begun, it is there."""
    server = LiveServer(scheme, codec=codec)
    reader = readers.open_reader(server.address, live=True)
    frames = reader.frames(0.0)
    try:
        for _, (_, frame) in zip(range(5), frames):
            number = shown(frame)
            with server.gate:
                wanted = server.sent[-2 - held]
                while number < wanted:
                    # That is the time after which a server counts as lost.
                    number = shown(next(frames, (0, clock_frame(2**FIELDS - 1)))[1])
                assert number == wanted
    finally:
        frames.close()
        reader.close()
        server.kill()


def test_frames_of_the_opening_are_left_out(server):
    """They are old by then."""
    opened = server.now()
    reader = readers.open_reader(server.address, live=True)
    begin = server.now()
    first = shown(next(reader.frames(0.0))[1])
    reader.close()
    assert begin - opened > 5 and first >= begin - 2


@pytest.mark.parametrize('scheme', ['http', 'rtsp'])
def test_key_frames_that_are_rare(scheme):
    server = LiveServer(scheme, gop=10_000)
    frames = iter(Stream(server.address, max_seconds=60))
    assert next(frames) is not None
    frames.close()
    server.kill()


def clocks(path, codec='mpeg2video', options={}, numbers=range(75), **settings):
    """A clip of clocks, with a key frame a second."""
    # Its noise would be new scenes.
    scenes = dict(mpeg2video='1000000000', libx264='0')
    with av.open(str(path), 'w', options=options) as file:
        stream = file.add_stream(codec, rate=RATE)
        coder = stream.codec_context
        coder.width, coder.height, coder.pix_fmt = WIDTH, HEIGHT, 'yuv420p'
        coder.gop_size, coder.bit_rate, coder.thread_count = RATE, 2_000_000, 1
        coder.options = dict(sc_threshold=scenes[codec])
        for name, value in settings.items():
            setattr(coder, name, value)
        for number in numbers:
            frame = av.VideoFrame.from_ndarray(clock_frame(number), format='bgr24')
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


@pytest.mark.parametrize('codec', ['mpeg2video', 'libx264'])
def test_b_frames(codec, tmp_path):
    """None goes back; from the second sequence on, none is missing."""
    path = clocks(tmp_path / 'clip.ts', codec, max_b_frames=2)
    reader = readers.open_reader(path, live=True)
    times, frames = zip(*reader.frames(0.0))
    numbers = list(map(shown, frames))
    assert (np.diff(numbers) > 0).all() and (np.diff(times) > 0).all()
    assert numbers[-48:] == list(range(27, 75))


def test_a_clock_that_is_set(tmp_path):
    """A server that starts again in the same connection."""
    parts = [
        clocks(tmp_path / f'{first}.ts', numbers=range(first, first + 75))
        for first in (0, 100)
    ]
    both = tmp_path / 'both.ts'
    both.write_bytes(b''.join(part.read_bytes() for part in parts))
    reader = readers.open_reader(both, live=True)
    numbers = [shown(frame) for _, frame in reader.frames(0.0)]
    assert set(numbers) >= {*range(30, 75), *range(102, 175)}


def test_hls(file_server, monkeypatch):
    """Live, the newest segment comes first, and frames at their time; with an end it
    is read whole."""
    folder, address = file_server
    for name, more in dict(
        live=dict(hls_flags='omit_endlist'), film=dict(hls_playlist_type='vod')
    ).items():
        clocks(folder / f'{name}.m3u8', options=dict(hls_time='1', **more))
    assert video.is_stream(f'{address}/live.m3u8')
    assert not video.is_stream(f'{address}/film.m3u8')
    film = video.Video(f'{address}/film.m3u8')
    assert [shown(frame) for frame in film] == list(range(75))
    clock = [0.0]
    monkeypatch.setattr(readers, 'monotonic', lambda: clock[0])
    monkeypatch.setattr(
        readers, 'sleep', lambda wait: clock.__setitem__(0, clock[0] + wait)
    )
    reader = readers.open_reader(f'{address}/live.m3u8', live=True)
    given = [
        (clock[0], time, shown(frame))
        for (time, frame), _ in zip(reader.frames(0.0), range(20))
    ]
    reader.close()
    now, times, numbers = zip(*given)
    assert numbers == tuple(range(51, 71))
    assert np.subtract(now, times) == pytest.approx(now[0] - times[0])


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
    server, said = LiveServer('http', last=100), []
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


def test_no_frame_is_an_error(server):
    with pytest.raises(VideoError, match='gave no frame in --max-seconds: check it'):
        list(Stream(server.address, max_seconds=0))


def test_an_error_of_the_thread_reaches_who_waits(server, monkeypatch):
    source, fail = Stream(server.address, max_seconds=60), ValueError('no memory')
    read, put = [], source._put

    def broken(time, frame):
        if read:
            raise fail
        put(time, frame)

    monkeypatch.setattr(source, '_put', broken)
    with pytest.raises(ValueError, match='no memory'):
        for frame in source:
            read.append(frame)
    assert len(read) == 1


def test_closing_ends_the_thread(server):
    others = set(threading.enumerate())
    frames = iter(Stream(server.address))
    next(frames)
    (thread,) = (
        thread
        for thread in set(threading.enumerate()) - others
        if '_work' in thread.name
    )
    frames.close()
    thread.join(20)
    assert not thread.is_alive()


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
