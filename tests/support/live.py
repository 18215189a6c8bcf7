"""Live servers on loopback, which show a clock: MPEG-TS over HTTP, and over RTSP in
RTP (RFC 2326, RFC 2250), in the connection of RTSP itself."""

import contextlib
import socket
import socketserver
import struct
import threading
import time

import numpy as np

RATE, FIELDS, WIDTH, HEIGHT = 25, 12, 192, 32
#: Bytes of MPEG-TS in a packet of RTP, and RTP's number of MPEG-TS.
PACKET, MPEG_TS = 7 * 188, 33


def clock_frame(number):
    """A frame that shows a number as bright and dark fields."""
    bits = number >> np.arange(FIELDS) & 1
    row = np.repeat(np.where(bits, 220, 30), WIDTH // FIELDS).astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (HEIGHT, WIDTH, 3))


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
    """

    def __init__(self, scheme='http', rate=RATE, last=None):
        self.rate, self.last, self.port = rate, last, 0
        self._handler = dict(http=_Http, rtsp=_Rtsp)[scheme]
        self._scheme, self._begin = scheme, time.monotonic()
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

    def send(self, file):
        """Writes the stream to a file, in time."""
        import av

        number = self.now()
        stop = None if self.last is None else number + self.last
        options = dict(flush_packets='1')
        with (
            contextlib.suppress(OSError, av.FFmpegError),
            av.open(file, 'w', format='mpegts', options=options) as container,
        ):
            stream = container.add_stream('mpeg2video', rate=25)
            stream.width, stream.height = WIDTH, HEIGHT
            stream.pix_fmt, stream.codec_context.gop_size = 'yuv420p', 10
            stream.codec_context.thread_count = 1
            count = 0
            while stop is None or number < stop:
                frame = av.VideoFrame.from_ndarray(
                    np.ascontiguousarray(clock_frame(number % 2**FIELDS)),
                    format='bgr24',
                )
                frame.pts = count
                container.mux(stream.encode(frame))
                count += 1
                number += 1
                time.sleep(max(0, self._begin + number / self.rate - time.monotonic()))


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
        if self.request_lines():
            self.wfile.write(b'HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n')
            self.server.live.send(self.wfile)


class _Rtsp(_Handler):
    def handle(self):
        while request := self.request_lines():
            first, headers = request
            method, body, more = first.split()[0], '', ''
            if method == 'OPTIONS':
                more = 'Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n'
            elif method == 'DESCRIBE':
                body = (
                    'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=clock\r\n'
                    f't=0 0\r\nm=video 0 RTP/AVP {MPEG_TS}\r\na=control:track\r\n'
                )
                more = 'Content-Type: application/sdp\r\n'
            elif method == 'SETUP':
                more = 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n'
            self.wfile.write(
                f'RTSP/1.0 200 OK\r\nCSeq: {headers["cseq"]}\r\nSession: 1\r\n{more}'
                f'Content-Length: {len(body)}\r\n\r\n{body}'.encode()
            )
            if method == 'PLAY':
                return self.server.live.send(_Rtp(self.wfile))


class _Rtp:
    """Takes MPEG-TS and writes it in packets of RTP, four bytes before each."""

    def __init__(self, file):
        self._file, self._number, self._rest = file, 0, b''

    def write(self, data):
        self._rest += bytes(data)
        while len(self._rest) >= 188:
            whole = min(len(self._rest) // 188 * 188, PACKET)
            part, self._rest = self._rest[:whole], self._rest[whole:]
            clock = int(time.monotonic() * 90_000) % 2**32
            header = struct.pack(
                '>BBHII', 0x80, MPEG_TS, self._number % 2**16, clock, 1
            )
            self._number += 1
            self._file.write(b'$\0' + struct.pack('>H', 12 + len(part)) + header + part)
        return len(data)
