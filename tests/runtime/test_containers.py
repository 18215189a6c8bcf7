"""Every container and codec that PyAV writes and reads."""

import pytest

from rtmw_ext.core.media import is_video
from rtmw_ext.runtime.video import Video
from support.videos import COUNT, encoders, shades, write_clip

av = pytest.importorskip('av', reason='PyAV (an optional extra) is absent')

#: {container: codecs that must be among those it is tested with}.
CONTAINERS = {
    '3gp': {'h263', 'h264', 'mpeg4'},
    'amv': set(),
    'apng': {'apng'},
    'asf': {'wmv1', 'wmv2', 'mpeg4', 'h264'},
    'avi': {'mjpeg', 'mpeg4', 'h264', 'rawvideo', 'huffyuv'},
    'avif': {'av1'},
    'dnxhd': {'dnxhd'},
    'dv': {'dvvideo'},
    'film_cpk': {'cinepak'},
    'flv': {'flv1', 'h264'},
    'gif': {'gif'},
    'gxf': set(),
    'h261': {'h261'},
    'h263': {'h263'},
    'h264': {'h264'},
    'hevc': {'hevc'},
    'ismv': {'h264'},
    'ivf': {'vp8', 'vp9', 'av1'},
    'm4v': {'mpeg4'},
    'matroska': {'h264', 'hevc', 'ffv1', 'vp8', 'vp9', 'av1', 'mpeg4', 'prores'},
    'mjpeg': {'mjpeg'},
    'mov': {'h264', 'hevc', 'prores', 'dnxhd', 'mjpeg', 'qtrle', 'png'},
    'mp4': {'h264', 'hevc', 'av1', 'vp9', 'mpeg4'},
    'mpeg': {'mpeg1video', 'mpeg2video'},
    'mpeg1video': {'mpeg1video'},
    'mpeg2video': {'mpeg2video'},
    'mpegts': {'h264', 'hevc', 'mpeg2video', 'mpeg4'},
    'mxf': {'mpeg2video', 'dnxhd', 'prores', 'h264'},
    'nut': {'h264', 'ffv1', 'snow'},
    'obu': {'av1'},
    'ogg': {'vp8'},
    'rm': {'rv10', 'rv20'},
    'roq': {'roq'},
    'smjpeg': set(),
    'swf': {'flv1'},
    'webm': {'vp8', 'vp9', 'av1'},
    'wtv': {'mpeg2video', 'h264'},
    'yuv4mpegpipe': {'rawvideo'},
}

#: Containers that FFmpeg reads by another name.
READ_AS = dict(avif='mov')


def brightness(frames):
    return [frame.mean() for frame in frames]


def decoded(path, container):
    """Grey levels of the frames as FFmpeg itself reads them, or None."""
    try:
        with av.open(str(path), format=container) as file:
            return brightness(
                frame.to_ndarray(format='bgr24')
                for frame in file.decode(file.streams.best('video'))
            )
    except (av.FFmpegError, AttributeError, TypeError, ValueError):
        return None


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setenv('SVT_LOG', '0')


@pytest.mark.filterwarnings('ignore:.*frames a second. 30 are assumed:UserWarning')
@pytest.mark.parametrize('container', CONTAINERS)
def test_container(container, tmp_path):
    """By content alone: the name says nothing, or another thing."""
    tested = set()
    for codec, encoder in encoders().items():
        path = tmp_path / f'{codec}.jpg'
        try:
            write_clip(path, container, encoder)
        except (av.FFmpegError, ValueError):
            continue  # It does not take this codec.
        expected = decoded(path, READ_AS.get(container, container))
        if expected is None or len(expected) != COUNT:
            continue  # FFmpeg cannot read what it wrote.
        if container == 'mjpeg':
            # It is like a JPEG with more behind it.
            path = path.rename(path.with_suffix('.mjpeg'))
        assert is_video(path), codec
        video = Video(path)
        found = brightness(video)
        assert found == pytest.approx(expected, abs=1), codec
        assert video.fault is None, (codec, video.fault)
        if codec in CONTAINERS[container]:
            assert found == pytest.approx(shades(), abs=40), codec
        times = list(video.times)
        assert len(times) == COUNT and times[0] == 0
        assert all(later > earlier for earlier, later in zip(times, times[1:]))
        tested.add(codec)
    assert CONTAINERS[container] <= tested
