"""Bodies of requests, as files in a private folder."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from .limits import Refused

#: Characters of a file's name that messages show.
NAME_LENGTH = 60


class Uploads:
    """A folder for uploads, which nobody else can read.

    Attributes:
        folder: It.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix='rtmw-serve-'))

    def new_folder(self) -> Path:
        """A folder in it."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    @contextlib.asynccontextmanager
    async def image(self, request: Request, most: int, seconds: float) -> AsyncIterator:
        """The body of a request as a file, and its name; the file goes at the end.

        Args:
            request: Its body is the file, or a form with a file.
            most: Bytes.
            seconds: In which it has to arrive.

        Raises:
            Refused: It is too large, too slow, empty or no form with one file.
        """
        folder = self.new_folder()
        try:
            path = folder / 'upload'
            yield path, await receive(request, path, most, seconds)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Removes all."""
        shutil.rmtree(self.folder, ignore_errors=True)


async def receive(request: Request, path: Path, most: int, seconds: float) -> str:
    """Writes the body of a request into a file.

    Args:
        request: Its body is the file, or a form with a file.
        path: Is made.
        most: Bytes of the body.
        seconds: In which it has to arrive.

    Returns:
        What messages call it.

    Raises:
        Refused: It is too large, too slow, empty or no form with one file.
    """
    length = request.headers.get('content-length', '0')
    if not length.isascii() or not length.isdigit():
        raise Refused(400, 'Content-Length is no number')
    if int(length) > most:
        raise _too_large(most)
    form = request.headers.get('content-type', '').startswith('multipart/')
    try:
        return await asyncio.wait_for(
            (_receive_form if form else _receive_file)(request, path, most), seconds
        )
    except asyncio.TimeoutError:
        raise Refused(408, f'the body did not arrive in {seconds:g} s') from None
    except ClientDisconnect:
        raise Refused(400, 'the body ends too early') from None


async def _receive_file(request: Request, path: Path, most: int) -> str:
    """As :func:`receive`, of a body that is the file."""
    count = 0
    with path.open('wb') as file:
        async for part in request.stream():
            count += len(part)
            if count > most:
                raise _too_large(most)
            file.write(part)
    if not count:
        raise Refused(400, 'the body is empty: send a file')
    return 'the body'


async def _receive_form(request: Request, path: Path, most: int) -> str:
    """As :func:`receive`, of a body that is a form."""
    count = 0

    async def counted() -> Message:
        nonlocal count
        message = await request.receive()
        count += len(message.get('body', b''))
        if count > most:
            raise _too_large(most)
        return message

    try:
        form = await Request(request.scope, counted).form(max_files=1, max_fields=8)
    except HTTPException as error:
        raise Refused(400, f'the form is broken: {error.detail}') from None
    files = [value for value in form.values() if isinstance(value, UploadFile)]
    try:
        if not files:
            raise Refused(400, 'the form has no file: send one')
        with path.open('wb') as file:
            shutil.copyfileobj(files[0].file, file)
        if not path.stat().st_size:
            raise Refused(400, 'the file is empty')
        return _readable(files[0].filename)
    finally:
        await form.close()


def _readable(name: str | None) -> str:
    """A file's name without folders and odd characters."""
    name = (name or '').replace('\\', '/').rsplit('/', 1)[-1]
    name = ''.join(letter for letter in name if letter.isprintable())
    return name[:NAME_LENGTH] or 'the file'


def _too_large(most: int) -> Refused:
    return Refused(413, f'the body has more than {most:,} bytes')
