"""An address -> a file, whole and checked.

The standard library does it: pooch (1.9) neither goes on with half a file nor limits
the look-up of a name, asks again for what is not there (404), and cannot read
``file://``; it would bring requests and six more packages to the runtime.
"""

import contextlib
import http.client
import os
import queue
import shutil
import sys
import threading
import time
import urllib.request
import zipfile
import zlib
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from tqdm import tqdm

from ..core.errors import RTMWError
from .checksums import FetchError, check_record, record, sha256_of

#: Of a published archive, the file that is kept.
INSIDE = 'end2end.onnx'
#: Seconds that a server has to go on with a file.
STALL = 30
#: Tries in a row that bring nothing new, and seconds between two.
TRIES = 3
PAUSE = 1.0
#: What a server that is none, or a damaged archive, raises.
FETCH_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    http.client.HTTPException,
    zipfile.BadZipFile,
    zlib.error,
)


def download(
    address: str, target: Path, patience: float, sha256: str | None = None
) -> None:
    """Writes a file, whole or not at all. What a broken transfer has brought is kept
    beside it, and the next one goes on from there.

    Args:
        address: Of the file, or of a zip archive that holds it as ``INSIDE``.
        target: To write.
        patience: Seconds that the server has to answer.
        sha256: Of the file that is written, or its first digits. None: whatever
            comes first is right, see :func:`.checksums.check_unchanged`.

    Raises:
        FetchError: There is no such file, or it is damaged.
        ChangedFileError: It is another than the one that was here before.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    left = target.with_name(f'{target.name}.part')
    # Two processes never write to the same file.
    own = target.with_name(f'{target.name}.{os.getpid()}.part')
    unpacked = target.with_name(f'{target.name}.{os.getpid()}')
    try:
        with contextlib.suppress(FileNotFoundError):
            left.replace(own)
        try:
            _transfer(address, own, target.stem, patience)
        except BaseException:
            if _size(own):
                own.replace(left)
            raise
        whole = own
        if address.endswith('.zip'):
            whole = unpacked
            _unpack(own, unpacked)
        digest = sha256_of(whole)
        if not digest.startswith(sha256 or ''):
            raise FetchError(
                f'the file is damaged or another one: its SHA-256 is {digest}, not '
                f'{sha256} as published'
            )
        check_record(target, digest)
        whole.replace(target)
        record(target, digest)
    except RTMWError:
        raise
    except FETCH_ERRORS as error:
        # Its text is '<urlopen error [Errno 111] Connection refused>'.
        cause = error.reason if type(error) is URLError else error
        raise FetchError(str(cause) or type(cause).__name__) from None
    finally:
        own.unlink(missing_ok=True)
        unpacked.unlink(missing_ok=True)


def _unpack(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        inside = [name for name in content.namelist() if name.endswith(INSIDE)]
        if len(inside) != 1:
            raise FetchError(f'the archive holds {len(inside)} files {INSIDE}, not one')
        with content.open(inside[0]) as member, target.open('wb') as sink:
            shutil.copyfileobj(member, sink)


def _transfer(address: str, path: Path, title: str, patience: float) -> None:
    """Completes a file, in as many tries as bring something new."""
    most, failed, begun = _size(path), 0, False
    while True:
        try:
            return _append(address, path, title, patience)
        except (OSError, http.client.HTTPException) as error:
            size = _size(path)
            begun = begun or size > most
            failed = 0 if size > most else failed + 1
            most = max(most, size)
            code = error.code if isinstance(error, HTTPError) else None
            if code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and size:
                # The rest of another file.
                path.unlink()
                continue
            # A server that never answered is not asked again.
            passing = begun if code is None else code >= 500
            if not passing or failed == TRIES:
                raise
        time.sleep(PAUSE)


def _append(address: str, path: Path, title: str, patience: float) -> None:
    """Fetches what is missing of a file, or all where the server cannot do that.

    Raises:
        ConnectionError: It ended too early.
    """
    there = _size(path)
    with _open(address, there, patience) as source:
        goes_on = there and source.status == http.HTTPStatus.PARTIAL_CONTENT
        there = there if goes_on else 0
        length = source.headers.get('Content-Length', '')
        total = there + int(length) if length.isdigit() else None
        with (
            path.open('ab' if goes_on else 'wb') as sink,
            tqdm.wrapattr(
                source,
                'read',
                total=total,
                initial=there,
                desc=f'{title}, fetched once',
                leave=False,
                disable=not sys.stderr.isatty(),
            ) as watched,
        ):
            shutil.copyfileobj(watched, sink)
    if total is not None and _size(path) < total:
        raise ConnectionError(
            f'the connection broke after {_size(path):,} of {total:,} bytes'
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _open(address: str, start: int, patience: float) -> Any:
    """The server's response. In a thread, as the time limit of a socket holds
    neither for the look-up of the name nor for all of a server's addresses.

    Raises:
        TimeoutError: There is none in time.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    headers = {'User-Agent': 'rtmw'} | ({'Range': f'bytes={start}-'} if start else {})

    def ask() -> None:
        try:
            request = urllib.request.Request(address, headers=headers)
            answers.put(urllib.request.urlopen(request, timeout=STALL))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=patience)
    except queue.Empty:
        raise TimeoutError(f'no answer in {patience:g} s') from None
    if isinstance(answer, Exception):
        raise answer
    return answer
