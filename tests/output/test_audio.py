"""The sound of videos: kept, in time."""

import warnings

import numpy as np
import pytest

from rtmw_ext.output.video_writer import VideoWriter
from rtmw_ext.runtime.video import Video
from support.videos import sound_of, write_clip, write_sounding

av = pytest.importorskip('av', reason='PyAV (an optional extra) is absent')


def copied(path, out, start=0.0, end=None, codec='h264'):
    clip = Video(path, start, end)
    with VideoWriter(out, clip.rate, codec, path) as writer:
        for frame in clip:
            writer.write(frame, clip.times.popleft())
    return out


def loudness(samples):
    """Of each tenth of a second, at 16 kHz."""
    whole = len(samples) // 1600 * 1600
    return np.sqrt((samples[:whole].reshape(-1, 1600) ** 2).mean(1))


@pytest.mark.parametrize(
    'container, codec, sound, kept',
    [
        ('mp4', 'mpeg4', 'aac', 'aac'),
        ('mpegts', 'mpeg2video', 'aac', 'aac'),
        ('matroska', 'mpeg4', 'libopus', 'opus'),
        ('avi', 'mpeg4', 'libmp3lame', 'mp3'),
        ('matroska', 'mpeg4', 'flac', 'flac'),
        ('avi', 'mpeg4', 'pcm_s16le', 'aac'),
        ('mpeg', 'mpeg2video', 'mp2', 'aac'),
        ('asf', 'wmv2', 'adpcm_ms', 'aac'),
        ('mov', 'mpeg4', 'pcm_s16be', 'aac'),
        ('matroska', 'mpeg4', 'ac3', 'aac'),
    ],
)
@pytest.mark.parametrize('start, end', [(0.0, None), (0.4, 1.6)])
def test_sound_is_kept_in_time(container, codec, sound, kept, start, end, tmp_path):
    source = write_sounding(tmp_path / 'source', container, codec, sound)
    out = copied(source, tmp_path / 'out.mp4', start, end)
    found, first, samples = sound_of(out)
    _, source_first, source_samples = sound_of(source)
    assert found == kept
    lasts = (end or 2.0) - start
    assert abs(first + len(samples) / 16_000 - lasts) < 0.12
    assert 0 <= first < 0.1
    # It grows loud where the source does.
    loud = loudness(samples)
    middle = first + 0.1 * np.flatnonzero(loud > loud.max() / 3)[0]
    loud = loudness(source_samples)
    expected = source_first + 0.1 * np.flatnonzero(loud > loud.max() / 3)[0]
    assert abs(middle + start - expected) < 0.11


def test_a_source_without_sound(tmp_path):
    source = write_clip(tmp_path / 'clip.mp4')
    assert sound_of(copied(source, tmp_path / 'out.mp4')) is None


def test_sound_that_ends_early(tmp_path):
    """All frames are there."""
    source = write_sounding(tmp_path / 'short.mkv', 'matroska', 'mpeg4', 'aac', 0.4)
    clip = write_clip(
        tmp_path / 'long.mp4', frames=[np.zeros((48, 64, 3), np.uint8)] * 99
    )
    out = tmp_path / 'out.mp4'
    video = Video(clip)
    with VideoWriter(out, 25, audio=source) as writer:
        for frame in video:
            writer.write(frame, video.times.popleft())
    assert len(list(Video(out))) == 99


def test_damaged_sound_is_said(tmp_path):
    source = write_sounding(tmp_path / 'clip.mkv', 'matroska', 'mpeg4', 'ac3')
    data = source.read_bytes()
    parts = data.split(b'\x0b\x77')
    source.write_bytes(b'\x0b\x77'.join(parts[:20]) + b'\0\0' + parts[20])
    with pytest.warns(UserWarning, match='sound of .*clip.mkv is damaged in 1 plac'):
        out = copied(source, tmp_path / 'out.mp4')
    assert len(list(Video(out))) > 5 and sound_of(out)[0] == 'aac'


def test_no_warning(tmp_path):
    source = write_sounding(tmp_path / 'clip.mp4', 'mp4', 'mpeg4', 'aac')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        copied(source, tmp_path / 'out.mp4')
