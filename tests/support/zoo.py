"""Stand-ins for published files."""

import dataclasses
import http.server
import threading
import zipfile

from rtmw_ext.zoo import registry


def without_hashes(monkeypatch):
    """No published SHA-256, as the published files are stood in for."""
    models = [dataclasses.replace(m, sha256=None) for m in registry._read()]
    monkeypatch.setattr(registry, '_read', lambda: models)


def publish(place, content):
    """Puts a file, or an archive as OpenMMLab's that holds it, on a server."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix == '.zip':
        with zipfile.ZipFile(place, 'w', zipfile.ZIP_DEFLATED) as archive:
            folder = f'20231122/rtmpose_onnx/{place.stem}'
            for name in ('deploy.json', 'detail.json', 'pipeline.json'):
                archive.writestr(f'{folder}/{name}', '{}')
            archive.writestr(f'{folder}/end2end.onnx', content)
    else:
        place.write_bytes(content)
    return place


class Flaky:
    """A server of one content that breaks off, as lines do.

    Args:
        content: Of every address.
        cuts: Bytes after which each answer ends, in turn; the others are whole.
        statuses: In place of each answer, in turn.
        ranges: Whether it goes on with half a file.
    """

    def __init__(self, content, cuts=(), statuses=(), ranges=True):
        self.content, self.ranges = content, ranges
        self.cuts, self.statuses = list(cuts), list(statuses)
        self.starts = []
        flaky = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                """Quiet."""

            def do_GET(self):
                flaky.answer(self)

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.address = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        wanted = request.headers.get('Range', 'bytes=0-')
        start = int(wanted.removeprefix('bytes=').removesuffix('-'))
        self.starts.append(start)
        if self.statuses:
            request.send_error(self.statuses.pop(0))
            return
        if start and start >= len(self.content):
            request.send_error(416)
            return
        start = start if self.ranges else 0
        request.send_response(206 if start else 200)
        request.send_header('Content-Length', str(len(self.content) - start))
        request.end_headers()
        cut = self.cuts.pop(0) if self.cuts else None
        request.wfile.write(self.content[start:][:cut])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
