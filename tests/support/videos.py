"""Small videos of every kind, by PyAV."""

from fractions import Fraction

import numpy as np

from rtmw_ext.output.video_writer import same_priority

COUNT = 6
#: Sides that a codec asks for; others take 64 x 64.
SIDES = {
    'h261': (176, 144),
    'h263': (176, 144),
    'dvvideo': (720, 576),
    'dnxhd': (256, 128),
}
PIXELS = ('yuv420p', 'bgr24', 'rgb24', 'yuv422p')
#: JPEG's levels are those of full range.
JPEG = {'mjpeg': 'yuvj420p'}
OPTIONS = {
    'libx264': dict(preset='ultrafast'),
    'libsvtav1': {'preset': '11', 'svtav1-params': 'lp=1'},
    'dnxhd': dict(profile='dnxhr_sq'),
    # Its threads once waited for each other for ever.
    'libx265': {'x265-params': 'log-level=none:pools=none', 'preset': 'ultrafast'},
}


def shades(count=COUNT):
    """Grey levels of frames that are told apart after coding."""
    return np.linspace(20, 220, count).round().astype(int)


def write_clip(
    path, container=None, codec='mpeg4', times=None, size=None, frames=None, options={}
):
    """Writes frames of growing grey, or ``frames``, at 25 a second or at ``times``
    in milliseconds."""
    import av

    encoder = av.Codec(codec, 'w')
    width, height = size or SIDES.get(codec, (64, 64))
    if frames is None:
        frames = [
            np.full((height, width, 3), shade, np.uint8)
            for shade in shades(COUNT if times is None else len(times))
        ]
    with av.open(str(path), 'w', format=container, options=options) as file:
        stream = file.add_stream(codec, rate=25, options=OPTIONS.get(codec, {}))
        stream.width, stream.height = width, height
        stream.codec_context.thread_count = 1
        known = [form.name for form in encoder.video_formats or ()]
        first = (name for name in PIXELS if name in known)
        stream.pix_fmt = JPEG.get(codec) or next(first, (known or ['yuv420p'])[0])
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        with same_priority():
            stream.codec_context.open()
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format='bgr24')
            if times is not None:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def encoders():
    """{codec: an encoder} of all video codecs that PyAV encodes and decodes in
    software."""
    import av

    found = {}
    for name in sorted(av.codecs_available):
        try:
            encoder = av.Codec(name, 'w')
            av.Codec(encoder.canonical_name, 'r')
        except ValueError:
            continue
        hardware = name.endswith(('_v4l2m2m', '_nvenc', '_qsv', '_amf', '_vaapi'))
        # Frames of libwebp are files of their own; the last two are no codecs.
        skipped = ('libwebp', 'webp', 'vnull', 'wrapped_avframe')
        if encoder.type == 'video' and not hardware and name not in skipped:
            found[encoder.canonical_name] = name
    return found


def tone(seconds, rate=16_000, pitch=440):
    """(1, N) int16 of a tone."""
    times = np.arange(round(seconds * rate)) / rate
    return (8000 * np.sin(2 * np.pi * pitch * times)).astype(np.int16)[None]


def write_sounding(path, container, codec, sound, seconds=2.0, rate=25):
    """A clip of ``seconds`` with a tone, quiet in its first half, by encoder
    ``sound``."""
    import av

    samples = tone(seconds)
    samples[:, : samples.shape[1] // 2] //= 16
    with av.open(str(path), 'w', format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        audio = file.add_stream(sound, rate=48_000, layout='mono')
        count = round(seconds * rate)
        for shade in shades(count):
            pixels = np.full((48, 64, 3), shade, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format='bgr24')))
        file.mux(stream.encode())
        # Another rate than the encoder's: PyAV resamples.
        for start in range(0, samples.shape[1], 800):
            frame = av.AudioFrame.from_ndarray(
                samples[:, start : start + 800], format='s16', layout='mono'
            )
            frame.sample_rate, frame.pts = 16_000, start
            frame.time_base = Fraction(1, 16_000)
            file.mux(audio.encode(frame))
        file.mux(audio.encode())
    return path


def sound_of(path):
    """(codec, seconds of the first sample from the first frame, samples (N, ) at
    16 kHz) of a file's sound; None without one."""
    import av

    with av.open(str(path)) as file:
        if not file.streams.audio:
            return None
        stream, first = file.streams.audio[0], None
        picture = file.streams.video[0]
        zero = float((picture.start_time or 0) * picture.time_base)
        resampler, parts = av.AudioResampler('s16', 'mono', 16_000), []
        for frame in file.decode(stream):
            first = frame.time if first is None else first
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
        codec = stream.codec_context.codec.canonical_name
    return codec, first - zero, np.concatenate(parts).astype(float)
