"""Live servers on loopback, which show a clock: H.264 in MPEG-TS over HTTP, and over
RTSP in RTP (RFC 2326, RFC 6184), in the connection of RTSP itself, as cameras send
it. Its encoder holds no frame back."""

import contextlib
import math
import re
import socket
import socketserver
import struct
import threading
import time
from collections import deque
from fractions import Fraction

import numpy as np

RATE, FIELDS, WIDTH, HEIGHT = 25, 12, 192, 32
#: Bytes of a unit of H.264 in a packet of RTP, and RTP's number of it.
PAYLOAD, H264 = 1400, 96
#: Of RTP and MPEG-TS, a second.
CLOCK = 90_000
TICK = Fraction(1, CLOCK)


def clock_frame(number):
    """A frame that shows a number as bright and dark fields, with noise as cameras
    have: frames take several packets."""
    bits = number >> np.arange(FIELDS) & 1
    row = np.repeat(np.where(bits, 190, 30), WIDTH // FIELDS)
    noise = np.random.default_rng(number).integers(0, 60, (HEIGHT, WIDTH, 1))
    return np.repeat(row[None, :, None] + noise, 3, 2).astype(np.uint8)


def shown(frame):
    """The number that a frame shows."""
    fields = frame.mean(2).mean(0).reshape(FIELDS, -1).mean(1) > 120
    return int((fields << np.arange(FIELDS)).sum())


class LiveServer:
    """Serves ``http://`` or ``rtsp://`` at ``address`` until it is killed; it can
    start again at its port.

    Args:
        scheme: Of the address.
        rate: Frames a second.
        last: Frames after which a connection ends; None goes on.
        codec: Of the encoder.
        gop: Frames from a key frame to the next.
    """

    def __init__(self, scheme='http', rate=RATE, last=None, codec='libx264', gop=10):
        self.rate, self.last, self.port = rate, last, 0
        self.codec, self.gop = codec, gop
        self._handler = dict(http=_Http, rtsp=_Rtsp)[scheme]
        self._scheme, self._begin = scheme, time.monotonic()
        #: Who holds it stops all frames; ``sent`` are the numbers of the last ones.
        self.gate, self.sent = threading.Lock(), deque(maxlen=4)
        self.start()

    @property
    def address(self):
        return f'{self._scheme}://user:secret@127.0.0.1:{self.port}/live'

    def now(self):
        """The number of the frame of this moment."""
        return int((time.monotonic() - self._begin) * self.rate)

    def start(self):
        self._server = _Server(('127.0.0.1', self.port), self._handler)
        self._server.live = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def kill(self):
        """Ends it with all its connections."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._server.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def set_up(self, coder):
        """Makes it one of clocks."""
        coder.width, coder.height, coder.pix_fmt = WIDTH, HEIGHT, 'yuv420p'
        coder.framerate, coder.gop_size, coder.thread_count = RATE, self.gop, 1
        if self.codec == 'libx264':
            coder.time_base = TICK
            coder.options = dict(preset='ultrafast', tune='zerolatency')
        else:
            coder.bit_rate = 2_000_000

    def frames(self):
        """Frames in their time; a late one shows the time at which it is late."""
        import av

        number = self.now()
        stop = math.inf if self.last is None else number + self.last
        while number < stop:
            picture = clock_frame(number % 2**FIELDS)
            with self.gate:
                self.sent.append(number)
                frame = av.VideoFrame.from_ndarray(picture, format='bgr24')
                frame.pts, frame.time_base = round(number * CLOCK / self.rate), TICK
                yield frame
            time.sleep(
                max(0, self._begin + (number + 1) / self.rate - time.monotonic())
            )
            number = max(number + 1, self.now())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.connections = []


class _Handler(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        self.server.connections.append(self.connection)

    def request_lines(self):
        """A request's first line and its headers; None at the end."""
        first = self.rfile.readline().decode().strip()
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(':')
            headers[name.lower()] = value.strip()
        return (first, headers) if first else None


class _Http(_Handler):
    def handle(self):
        import av

        if not self.request_lines():
            return
        self.wfile.write(b'HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n')
        options = dict(flush_packets='1')
        with (
            contextlib.suppress(OSError, av.FFmpegError),
            av.open(self.wfile, 'w', format='mpegts', options=options) as container,
        ):
            live = self.server.live
            stream = container.add_stream(live.codec, rate=RATE)
            live.set_up(stream.codec_context)
            for frame in live.frames():
                container.mux(stream.encode(frame))


class _Rtsp(_Handler):
    def handle(self):
        with contextlib.suppress(OSError):
            self._answer()

    def _answer(self):
        while request := self.request_lines():
            first, headers = request
            method, body, more = first.split()[0], '', ''
            if method == 'OPTIONS':
                more = 'Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n'
            elif method == 'DESCRIBE':
                body = (
                    'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=clock\r\nt=0 0\r\n'
                    f'm=video 0 RTP/AVP {H264}\r\na=rtpmap:{H264} H264/90000\r\n'
                    f'a=fmtp:{H264} packetization-mode=1\r\na=control:track\r\n'
                )
                more = 'Content-Type: application/sdp\r\n'
            elif method == 'SETUP':
                more = 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n'
            self.wfile.write(
                f'RTSP/1.0 200 OK\r\nCSeq: {headers["cseq"]}\r\nSession: 1\r\n{more}'
                f'Content-Length: {len(body)}\r\n\r\n{body}'.encode()
            )
            if method == 'PLAY':
                return self._play()

    def _play(self):
        import av

        live, number = self.server.live, 0
        coder = av.CodecContext.create(live.codec, 'w')
        live.set_up(coder)
        for frame in live.frames():
            clock = frame.pts % 2**32
            for packet in coder.encode(frame):
                packets = list(_packets(bytes(packet)))
                for payload in packets:
                    last = payload is packets[-1]
                    header = struct.pack(
                        '>BBHII', 0x80, last << 7 | H264, number % 2**16, clock, 1
                    )
                    size = struct.pack('>H', len(header) + len(payload))
                    self.wfile.write(b'$\0' + size + header + payload)
                    number += 1


def _packets(frame):
    """The units of a frame of H.264 as payloads of RTP, long ones in parts."""
    for unit in re.split(b'\0\0\0?\1', frame)[1:]:
        if len(unit) <= PAYLOAD:
            yield unit
            continue
        # FU-A: the type of the unit, and whether it begins or ends.
        parts = range(1, len(unit), PAYLOAD)
        for start in parts:
            ends = (start == parts[0]) << 7 | (start == parts[-1]) << 6
            yield (
                bytes([unit[0] & 0xE0 | 28, ends | unit[0] & 0x1F])
                + unit[start : start + PAYLOAD]
            )
