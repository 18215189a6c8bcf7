"""Whether a file that was fetched is whole, and still the same: SHA-256 beside it."""

import contextlib
import hashlib
from pathlib import Path

from ..core.errors import RTMWError

BLOCK = 2**20


class FetchError(RTMWError, OSError):
    """A published file is not cached and cannot be fetched; the text says why."""


class ChangedFileError(RTMWError, ValueError):
    """A file is not the one that was fetched first; the text names both."""


def check_unchanged(path: Path, sha256: str | None = None) -> None:
    """Whether a file that is used again is still the one of the first use. Its
    SHA-256 stands beside it, in ``NAME.sha256``; a file that was not touched since is
    not read.

    Args:
        path: Of the file.
        sha256: The right one, where nothing stands beside it.

    Raises:
        ChangedFileError: It is another one.
    """
    status, file = path.stat(), _record_of(path)
    if file.is_file():
        touched = max(status.st_mtime_ns, status.st_ctime_ns)
        if touched <= file.stat().st_mtime_ns:
            return
    digest = sha256_of(path)
    check_record(path, digest, sha256)
    # A cache that cannot be written to is read each time.
    with contextlib.suppress(OSError):
        record(path, digest)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open('rb') as source:
        while block := source.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _record_of(path: Path) -> Path:
    return path.with_name(f'{path.name}.sha256')


def record(path: Path, digest: str) -> None:
    """As ``sha256sum`` writes and checks it."""
    _record_of(path).write_text(f'{digest}  {path.name}\n')


def check_record(path: Path, digest: str, known: str | None = None) -> None:
    """
    Args:
        path: Of the file.
        digest: Its SHA-256.
        known: The right one, where nothing stands beside it.

    Raises:
        ChangedFileError: The two differ.
    """
    file = _record_of(path)
    if file.is_file():
        known = next(iter(file.read_text(errors='replace').split()), known)
    if known not in (None, digest):
        raise ChangedFileError(
            f'{path} has changed: its SHA-256 is {digest}, not {known}; delete it to '
            f'fetch it again, or, if the new one is right, delete {file}'
        )
