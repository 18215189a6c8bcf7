"""Files here and elsewhere (``s3://``, ``gs://``, ``https://``), through fsspec."""

import contextlib
import os
import posixpath
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ..core.errors import RTMWError, UsageError
from ..core.images import ImageError
from ..core.media import is_address, without_password

#: Tries of a read from elsewhere, and seconds between the first two; then twice as
#: many each time.
TRIES, WAIT = 4, 0.5
#: What is behind the name of a file that is being written.
PART = '.part'
#: Schemes of the web, where dead links are usual.
WEB = ('http', 'https')

Result = TypeVar('Result')


class StorageError(RTMWError, OSError):
    """Files elsewhere cannot be read or written at all; the text says where."""


def suffix_of(source: str) -> str:
    """The suffix of a file, such as ``.jpg`` or ``.tar.gz``, in lower case."""
    path = urlsplit(source).path if is_address(source) else source
    stem, suffix = posixpath.splitext(path.lower())
    return f'.tar{suffix}' if stem.endswith('.tar') else suffix


def is_web(source: str) -> bool:
    """Whether a source is an address of the web."""
    return is_address(source) and urlsplit(source).scheme in WEB


def absolute(text: str) -> str:
    """The address, or the file's path from the root."""
    return text if is_address(text) else os.path.abspath(text)


def find_place(text: str) -> tuple[Any, str]:
    """The fsspec file system of a file or folder, and its path there.

    Raises:
        UsageError: The scheme is unknown, or what reads it is not installed.
    """
    try:
        return fsspec.core.url_to_fs(text)
    except (ImportError, ValueError) as error:
        raise UsageError(
            f'{without_password(text)} cannot be reached ({error}): give a local path, '
            'or install the fsspec package of this scheme, such as s3fs or gcsfs'
        ) from None


def read_bytes(source: str) -> bytes:
    """The content of an image file. What fails elsewhere is tried again.

    Raises:
        ImageError: It is missing; on the web, it cannot be had for any reason.
        StorageError: The storage cannot be reached or refuses.
    """
    try:
        if not is_address(source):
            return Path(source).read_bytes()
        return _again(source, lambda place, path: place.cat_file(path))
    except StorageError:
        raise
    except OSError as error:
        raise ImageError(
            f'image {without_password(source)} cannot be read '
            f'({error.strerror or error}): check the path'
        ) from None


def _again(source: str, call: Callable[[Any, str], Result]) -> Result:
    """Calls a function on a file system and a path, several times if it fails.

    Raises:
        FileNotFoundError: The file is missing; on the web, it cannot be had.
        StorageError: The storage cannot be reached or refuses.
    """
    place, path = find_place(source)
    wait = WAIT
    for attempt in range(1, TRIES + 1):
        try:
            return call(place, path)
        except (FileNotFoundError, IsADirectoryError):
            raise
        # Each file system has errors of its own.
        except Exception as error:
            why = f'{type(error).__name__}: {error}'
            if attempt == TRIES and is_web(source):
                raise FileNotFoundError(why) from None
            if attempt == TRIES:
                raise StorageError(
                    f'{without_password(source)} cannot be read ({why}): check the '
                    'address and your rights there; then run the same command again'
                ) from None
        time.sleep(wait)
        wait *= 2
    raise AssertionError


@contextlib.contextmanager
def as_file(source: str) -> Iterator[str]:
    """The path of a local file: the source itself, or a copy for the time of the
    block.

    Raises:
        FileNotFoundError: It is missing elsewhere; on the web, it cannot be had.
        StorageError: The storage cannot be reached or refuses.
    """
    if not is_address(source):
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, posixpath.basename(urlsplit(source).path))
        _again(source, lambda place, path: place.get_file(path, copy))
        yield copy


class Folder:
    """A folder of outputs, here or elsewhere. Files appear as a whole.

    Args:
        place: Its path or address.

    Attributes:
        name (str): The same, from the root.
    """

    def __init__(self, place: str) -> None:
        self.name = absolute(place).rstrip('/')
        self._files, self._path = find_place(self.name)
        self._local = isinstance(self._files, LocalFileSystem)

    def names(self, below: str = '') -> set[str]:
        """Of the files in it, or in a folder in it.

        Raises:
            StorageError: It cannot be read.
        """
        path = posixpath.join(self._path, below)
        try:
            # What others wrote counts.
            self._files.invalidate_cache()
            return {
                posixpath.basename(row['name'])
                for row in self._files.ls(path, detail=True)
                if row['type'] == 'file'
            }
        except FileNotFoundError:
            return set()
        except Exception as error:
            raise self._failed('read', below, error) from None

    def read(self, name: str) -> bytes | None:
        """A file's content; None if it is not there.

        Raises:
            StorageError: It cannot be read.
        """
        try:
            return self._files.cat_file(posixpath.join(self._path, name))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._failed('read', name, error) from None

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yields a local path to write to. What is there at the end of the block
        takes the place of ``name`` as a whole; after an error nothing does.

        Raises:
            StorageError: It cannot be written.
        """
        path = posixpath.join(self._path, name)
        parent = posixpath.dirname(path)
        try:
            self._files.makedirs(parent, exist_ok=True)
            if self._local:
                hidden = f'.{posixpath.basename(path)}.{uuid.uuid4().hex}{PART}'
                part = Path(parent, hidden)
                try:
                    yield part
                    part.replace(path)
                finally:
                    part.unlink(missing_ok=True)
            else:
                with tempfile.TemporaryDirectory() as folder:
                    part = Path(folder, 'part')
                    yield part
                    # Objects of stores are seen when they are whole.
                    self._files.put_file(str(part), path)
        except RTMWError:
            raise
        except (OSError, NotImplementedError) as error:
            raise self._failed('written', name, error) from None

    def write(self, name: str, content: bytes) -> None:
        """Writes a whole file.

        Raises:
            StorageError: It cannot be written.
        """
        with self.writing(name) as part:
            part.write_bytes(content)

    def clear_parts(self, below: str = '') -> None:
        """Removes what runs that were killed left of files."""
        folder = Path(self._path, below)
        if self._local:
            for part in folder.glob(f'.*{PART}'):
                part.unlink(missing_ok=True)

    def _failed(self, how: str, name: str, error: Exception) -> StorageError:
        place = without_password(posixpath.join(self.name, name))
        return StorageError(
            f'{place} cannot be {how} ({type(error).__name__}: {error}): check the '
            'address, your rights there and the disk'
        )
