"""The sound of one file in another, packet by packet."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import VideoError
from ..core.media import first_second, open_video, video_stream

#: Codecs of sound that browsers play in an MP4; others are coded as AAC.
COPIED = {'aac', 'mp3', 'opus', 'flac'}
#: Channels and rates that AAC encoders and players share.
LAYOUTS, MAX_RATE = {'mono', 'stereo', '5.1'}, 48_000


class Audio:
    """Copies the sound of a video file.

    Args:
        source: A file; it may have no sound.
        output: An ``av.container.OutputContainer`` before its first packet.
        start: Second of the source's first frame at which the output begins.
    """

    def __init__(self, source: str | Path, output: Any, start: float) -> None:
        self._source, self._output, self._start = source, output, start
        self._stream: Any = None
        self._damaged = 0
        try:
            self._container = open_video(source)
            self._input = self._container.streams.best('audio')
            if self._input is None or self._input.codec_context is None:
                self._container.close()
                return
            self._add_stream()
        except (VideoError, OSError):
            # Animations and files that only OpenCV opens have none.
            return
        self._packets = self._timed()
        self._next = next(self._packets, None)

    def _add_stream(self) -> None:
        from av import AudioResampler

        context = self._input.codec_context
        self._resampler = None
        if context.codec.canonical_name in COPIED:
            self._stream = self._output.add_stream_from_template(self._input)
        else:
            rate = min(context.sample_rate, MAX_RATE)
            layout = context.layout.name
            layout = layout if layout in LAYOUTS else 'stereo'
            self._stream = self._output.add_stream('aac', rate=rate, layout=layout)
            self._resampler = AudioResampler('fltp', layout, rate)
        first = first_second(video_stream(self._container, self._source)) or 0.0
        self._offset = first + self._start

    def _timed(self) -> Iterator[tuple[float, Any]]:
        """Seconds of the output, and packets or frames to encode."""
        import av

        if self._start > 1:
            # A little before: some packets are decoded after others.
            self._container.seek(round((self._offset - 1) * av.time_base))
        packets = self._container.demux(self._input)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                parts = [packet] if self._resampler is None else packet.decode()
            except av.FFmpegError:
                self._damaged += 1
                continue
            for part in parts:
                if part.pts is None:
                    continue
                time = float(part.pts * part.time_base) - self._offset
                # What precedes the first frame would shift all times.
                if time >= 0:
                    part.pts -= round(self._offset / part.time_base)
                    if self._resampler is None and part.dts is not None:
                        part.dts = part.pts
                    yield time, part

    def write(self, until: float) -> None:
        """Writes the sound of the output up to a second."""
        while self._stream is not None and self._next and self._next[0] < until:
            part = self._next[1]
            if self._resampler is None:
                part.stream = self._stream
                self._output.mux(part)
            else:
                for frame in self._resampler.resample(part):
                    self._output.mux(self._stream.encode(frame))
            self._next = next(self._packets, None)

    def close(self) -> None:
        """Writes what the encoder holds."""
        if self._stream is None:
            return
        if self._resampler is not None:
            self._output.mux(self._stream.encode())
        self._container.close()
        if self._damaged:
            warnings.warn(
                f'the sound of {self._source} is damaged in {self._damaged} places: '
                'some of it is missing',
                stacklevel=4,
            )
