#!/usr/bin/env python3
"""What headless Chromium makes of an MP4 in a <video>: its length, size, and how
far it plays.

tools/bench/browser.py out/clip.mp4 --chromium chromium
"""

import argparse
import functools
import http.server
import json
import queue
import subprocess
import tempfile
import threading
from pathlib import Path

PAGE = """<!doctype html><body><script>
const video = document.createElement('video');
const say = (kind) => fetch('/said', {method: 'POST', body: JSON.stringify({
  kind, duration: video.duration, width: video.videoWidth,
  height: video.videoHeight, time: video.currentTime,
  sound: video.webkitAudioDecodedByteCount > 0,
  error: video.error && video.error.message,
})});
video.muted = true;
video.onended = () => say('ended');
video.onerror = () => say('error');
video.src = SOURCE;
document.body.append(video);
video.play();
</script>"""


class Server(http.server.ThreadingHTTPServer):
    """Serves the files of a folder, and of each a page, ``NAME.html``.

    Args:
        folder: To serve.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            ('127.0.0.1', 0), functools.partial(Handler, directory=str(folder))
        )
        self.said: queue.Queue[dict] = queue.Queue()


class Handler(http.server.SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if not self.path.endswith('.html'):
            return super().do_GET()
        source = json.dumps(self.path.removesuffix('.html'))
        self._answer(PAGE.replace('SOURCE', source).encode())

    def do_POST(self) -> None:
        length = int(self.headers['Content-Length'])
        self.server.said.put(json.loads(self.rfile.read(length)))
        self._answer(b'')

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header('Content-Type', 'text/html')
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def play(path: Path, chromium: str, seconds: float = 120.0) -> dict:
    """What the browser says of a video once it has played it to its end, or has
    failed.

    Raises:
        queue.Empty: It said nothing.
    """
    server = Server(path.parent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [chromium, '--headless', '--no-sandbox', '--disable-gpu']
    command += [
        '--autoplay-policy=no-user-gesture-required',
        '--remote-debugging-port=0',
    ]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *command,
                f'--user-data-dir={profile}',
                f'http://127.0.0.1:{server.server_port}/{path.name}.html',
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            return server.said.get(timeout=seconds)
        finally:
            process.terminate()
            process.wait()
            server.shutdown()
            server.server_close()


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    flags.add_argument('videos', nargs='+', type=Path)
    flags.add_argument('--chromium', default='chromium')
    flags = flags.parse_args()
    for path in flags.videos:
        print(path.name, json.dumps(play(path.resolve(), flags.chromium)), flush=True)


if __name__ == '__main__':
    main()
