"""Videos in: what is one, rotation, times, ranges, damage."""

import sys

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rtmw_ext.core.errors import VideoError
from rtmw_ext.core.media import SUFFIXES, is_video
from rtmw_ext.runtime import readers, video
from rtmw_ext.runtime.video import Video
from support.examples import examples
from support.paths import PEOPLE, SHARED
from support.videos import shades, write_clip

av = pytest.importorskip('av', reason='PyAV (an optional extra) is absent')
CASE = SHARED / 'cases' / '12-streams-and-suffixes'


def brightness(frames):
    return [round(frame.mean()) for frame in frames]


@pytest.mark.parametrize('name', ['v.3gp', 'v.flv', 'v.gif', 'v.mts', 'v.ts', 'v.wmv'])
@pytest.mark.parametrize('library', ['av', 'cv2'])
def test_case_12(name, library, monkeypatch):
    if not CASE.is_dir():
        pytest.skip(f'no case: {CASE} is absent')
    if library == 'cv2':
        monkeypatch.setitem(sys.modules, 'av', None)
    assert is_video(CASE / name)
    clip = Video(CASE / name)
    frames = list(clip)
    assert len(frames) == (3 if name == 'v.gif' else 4) and clip.fault is None
    assert (np.diff(clip.times) > 0).all() and clip.times[0] == 0


@pytest.mark.parametrize('form', ['GIF', 'PNG', 'WEBP'])
def test_animations_are_videos_and_stills_are_none(form, tmp_path):
    levels = [20, 90, 200]
    pictures = [Image.new('RGB', (40, 30), (level,) * 3) for level in levels]
    still, moving = tmp_path / 'still.mp4', tmp_path / 'moving.jpg'
    pictures[0].save(still, format=form)
    pictures[0].save(
        moving,
        format=form,
        save_all=True,
        append_images=pictures[1:],
        duration=[100, 300, 50],
        **(dict(lossless=True) if form == 'WEBP' else {}),
    )
    assert not is_video(still) and is_video(moving)
    clip = Video(moving)
    assert brightness(clip) == pytest.approx(levels, abs=1)
    assert list(clip.times) == pytest.approx([0, 0.1, 0.4])
    assert clip.fault is None


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tiff', '.bmp', '.jp2', '.ppm'])
def test_an_image_with_the_name_of_a_video_is_none(suffix, tmp_path):
    _, data = cv2.imencode(suffix, cv2.imread(str(PEOPLE)))
    (tmp_path / 'clip.mp4').write_bytes(data.tobytes())
    assert not is_video(tmp_path / 'clip.mp4')


@pytest.mark.parametrize('container, codec', [('mp4', 'libx264'), ('avi', 'mjpeg')])
def test_a_video_with_another_name_is_one(container, codec, tmp_path):
    for name in ('photo.jpg', 'frame%03d.png', 'name', '0:1.txt'):
        path = write_clip(f'file:{tmp_path}/{name}', container, codec)
        path = tmp_path / name
        assert is_video(path)
        assert brightness(Video(path)) == pytest.approx(shades(), abs=5)


def test_sources_without_content():
    """Files that are missing go by their names."""
    assert is_video(0) and is_video('none.mp4') and not is_video('none.jpg')
    assert all(is_video(f'none{suffix}') for suffix in SUFFIXES)


def test_music_with_a_cover_is_no_video(tmp_path):
    path = tmp_path / 'song.m4a'
    cover = av.open(str(PEOPLE))
    with av.open(str(path), 'w', format='mp4') as file:
        sound = file.add_stream('aac', rate=16_000)
        picture = file.add_stream_from_template(cover.streams.video[0])
        picture.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 4096), np.int16), format='s16', layout='mono'
        )
        frame.sample_rate = 16_000
        file.mux(sound.encode(frame))
        file.mux(sound.encode())
        for packet in cover.demux():
            if packet.size:
                packet.stream = picture
                file.mux(packet)
    assert not is_video(path)
    with pytest.raises(VideoError, match='no pictures'):
        Video(path)


#: What a frame with a bright upper left quarter shows after rotation by degrees
#: against the clock, as FFmpeg counts.
CORNERS = {0: (0, 0), 90: (1, 0), 180: (1, 1), 270: (0, 1), -90: (0, 1)}


@pytest.mark.parametrize('degrees', CORNERS)
def test_rotation(degrees, tmp_path):
    pixels = np.full((48, 64, 3), 20, np.uint8)
    pixels[:24, :32] = 220
    plain = write_clip(
        tmp_path / 'plain.mp4', codec='libx264', frames=[pixels] * 3, size=(64, 48)
    )
    path = tmp_path / 'turned.mp4'
    with av.open(str(plain)) as source, av.open(str(path), 'w') as file:
        stream = file.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(degrees)
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = stream
                file.mux(packet)
    frame = next(iter(Video(path)))
    height, width = (48, 64) if degrees % 180 == 0 else (64, 48)
    assert frame.shape == (height, width, 3)
    quarters = frame.mean(2).reshape(2, height // 2, 2, width // 2).mean((1, 3))
    assert np.unravel_index(quarters.argmax(), (2, 2)) == CORNERS[degrees]
    # As OpenCV has it.
    assert cv2.VideoCapture(str(path)).read()[1].shape == frame.shape


@examples(40)
@given(
    st.permutations([0, 1]),
    st.sampled_from([-1, 1]),
    st.sampled_from([-1, 1]),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_upright_moves_pixels_as_the_matrix_says(axis, first, second, height, width):
    """Of any rotation by quarters and any mirror."""
    straight = axis[0]
    matrix = (
        np.diag([first, second]) if straight else np.array([[0, first], [second, 0]])
    )
    frame = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    shown = readers.upright(frame, matrix * 65536)
    places = np.mgrid[:width, :height].reshape(2, -1)
    moved = matrix @ places
    moved -= moved.min(1, keepdims=True)
    assert shown.shape[:2] == tuple(moved.max(1)[::-1] + 1)
    assert (shown[moved[1], moved[0]] == frame[places[1], places[0]]).all()


def test_times_of_unevenly_spaced_frames(tmp_path):
    times = [0, 40, 55, 300, 301, 900]
    path = write_clip(tmp_path / 'phone.mp4', codec='libx264', times=times)
    clip = Video(path)
    assert brightness(clip) == pytest.approx(shades(6), abs=5)
    assert list(clip.times) == pytest.approx(np.array(times) / 1000)


def test_times_start_with_the_first_frame(tmp_path):
    """Though the clock of the file does not."""
    times = [*range(700, 1400, 40), 1500, 1510]
    path = write_clip(tmp_path / 'late.ts', 'mpegts', 'libx264', times=times)
    clip = Video(path)
    assert len(list(clip)) == 20
    assert list(clip.times) == pytest.approx((np.array(times) - 700) / 1000, abs=1e-4)


def test_an_edit_list_cuts(tmp_path):
    """Frames that it leaves out are not shown, and the file is whole."""
    path = write_clip(tmp_path / 'clip.mp4', codec='libx264', times=range(0, 400, 40))
    data = bytearray(path.read_bytes())
    place = data.index(b'elst')
    assert int.from_bytes(data[place + 8 : place + 12], 'big') == 1
    # From 0.2 s of the media on: its timescale is in mdhd.
    header = data.index(b'mdhd')
    scale = int.from_bytes(data[header + 16 : header + 20], 'big')
    first = int.from_bytes(data[place + 16 : place + 20], 'big')
    data[place + 12 : place + 16] = (200).to_bytes(4, 'big')
    data[place + 16 : place + 20] = (first + scale // 5).to_bytes(4, 'big')
    path.write_bytes(data)
    clip = Video(path)
    assert brightness(clip) == pytest.approx(shades(10)[5:], abs=5)
    assert list(clip.times) == pytest.approx(np.arange(5) * 0.04)
    assert clip.fault is None


@pytest.mark.parametrize(
    'container, codec',
    [
        ('mp4', 'libx264'),
        ('matroska', 'libvpx-vp9'),
        ('mpegts', 'libx264'),
        ('mpegts', 'mpeg2video'),
        ('avi', 'mpeg4'),
        ('flv', 'flv'),
        ('asf', 'wmv2'),
        ('h264', 'libx264'),
        ('gif', 'gif'),
    ],
)
def test_start_and_end_are_exact(container, codec, tmp_path):
    """They give the same frames and times as the whole file does."""
    path = write_clip(
        tmp_path / 'clip', container, codec, frames=counted(60), size=(128, 32)
    )
    whole = Video(path)
    everything = list(whole)
    times = np.array(whole.times)
    assert len(times) == 60
    for start, end in [
        (0, 1),
        (0.5, 1.3),
        (times[31], times[32]),
        (2.2, None),
        (0.02, 9),
    ]:
        clip = Video(path, float(start), end)
        frames = list(clip)
        expected = np.flatnonzero((times >= start) & (times < (end or 99)))
        assert [number(frame) for frame in frames] == expected.tolist()
        assert list(clip.times) == pytest.approx(times[expected], abs=1e-3)
        assert clip.fault is None, (start, end)
        for place, frame in zip(expected, frames):
            assert np.abs(frame.astype(int) - everything[place]).max() < 3


def counted(count):
    """Frames that show their numbers as 8 bright or dark fields."""
    frames = np.zeros((count, 32, 128, 3), np.uint8)
    for place in range(count):
        for bit in range(8):
            frames[place, :, 16 * bit : 16 * bit + 16] = 220 if place >> bit & 1 else 30
    return list(frames)


def number(frame):
    fields = frame.mean(2).mean(0).reshape(8, 16).mean(1) > 120
    return int((fields << np.arange(8)).sum())


def test_a_start_behind_the_end(tmp_path):
    path = write_clip(tmp_path / 'clip.mp4', codec='libx264')
    with pytest.raises(VideoError, match='lasts 0.240 s: --start 2 is behind its end'):
        Video(path, 2)


def test_no_frame_is_an_error(tmp_path):
    """Also where the container tells no duration."""
    path = write_clip(tmp_path / 'clip', 'h264', 'libx264')
    with pytest.raises(VideoError, match='clip has no frame from 9 s on: give another'):
        list(Video(path, 9))
    with pytest.raises(VideoError, match=r'no frame from 0\.01 s to 0\.02 s'):
        list(Video(path, 0.01, 0.02))
    # The headers are there, no frame is.
    path = write_clip(
        tmp_path / 'cut.mp4', 'mp4', 'mpeg4', options=dict(movflags='faststart')
    )
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b'mdat') + 4])
    with pytest.raises(VideoError, match='cut.mp4 holds no frame .* damaged'):
        list(Video(path))


def test_frames_up_to_the_damage(tmp_path):
    path = write_clip(
        tmp_path / 'clip.mkv', 'matroska', 'mpeg4', frames=counted(60), size=(128, 32)
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    clip = Video(path)
    numbers = [number(frame) for frame in clip]
    assert numbers == list(range(len(numbers))) and 20 < len(numbers) < 60
    assert f'ends after {len(numbers)} of 60 frames: it is cut off' in clip.fault


def test_damage_in_the_middle(tmp_path):
    """What follows is read."""
    path = write_clip(
        tmp_path / 'clip.avi', 'avi', 'png', frames=counted(40), size=(128, 32)
    )
    data = bytearray(path.read_bytes())
    middle = data.index(b'\x89PNG', len(data) // 2) + 60
    data[middle : middle + 20] = bytes(20)
    path.write_bytes(data)
    clip = Video(path)
    numbers = [number(frame) for frame in clip]
    assert numbers[0] == 0 and numbers[-1] == 39 and len(numbers) >= 38
    assert 'damaged in 1 places' in clip.fault


def test_a_recording_that_begins_between_key_frames_is_whole(tmp_path):
    """As those of cameras and broadcasts are."""
    path = write_clip(
        tmp_path / 'clip.ts', 'mpegts', 'mpeg2video', frames=counted(60), size=(128, 32)
    )
    data = path.read_bytes()
    path.write_bytes(data[188 * (len(data) // 188 // 3) :])
    clip = Video(path)
    assert number(list(clip)[-1]) == 59
    assert clip.fault is None


def test_frames_that_change_size_get_that_of_the_first(tmp_path):
    parts = [
        write_clip(tmp_path / f'{width}.ts', 'mpegts', 'mpeg2video', size=(width, 48))
        for width in (64, 96)
    ]
    path = tmp_path / 'both.ts'
    path.write_bytes(b''.join(part.read_bytes() for part in parts))
    assert {frame.shape for frame in Video(path)} == {(48, 64, 3)}


@pytest.mark.parametrize('rate', [0.0, -1.0, float('nan'), 1e9])
def test_header_without_a_rate(rate, tmp_path, monkeypatch):
    path = write_clip(tmp_path / 'clip.mp4')
    reader = readers.open_reader(path)
    reader.rate = rate
    monkeypatch.setattr(video, 'open_reader', lambda _: reader)
    with pytest.warns(UserWarning, match='clip.mp4 says .*30 are assumed'):
        assert Video(path).rate == 30


@pytest.mark.parametrize('content', [b'', b'no video', b'\0' * 4096])
def test_no_video(content, tmp_path):
    path = tmp_path / 'text.mp4'
    path.write_bytes(content)
    assert is_video(path)  # By its name.
    with pytest.raises(VideoError, match='text.mp4 cannot be opened'):
        Video(path)
