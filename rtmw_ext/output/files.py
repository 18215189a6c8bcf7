"""Files that are never half there: whole ones appear at once, and those that
grow can be read at any time.

A file that is valid only when it is finished is written as ``NAME.part`` and
renamed at its end. Names are replaced, never the content behind a link.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ..core.errors import RTMWError

#: What stands behind the name of a file that is not finished.
PART = '.part'
#: First and last line of JSON that is written item by item.
OPENING, CLOSING = '[', ']'


class OutputError(RTMWError, ValueError):
    """An output cannot be written; the text names it."""


def part_of(path: Path) -> Path:
    """Where a file is while it is being written."""
    return path.with_name(path.name + PART)


def write_file(path: Path, content: bytes) -> None:
    """Writes a whole file: it is there as a whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    part = part_of(path)
    try:
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            f'{path} cannot be written ({error.strerror}): check the folder, its '
            'rights and the disk'
        ) from None


def open_new(path: Path) -> TextIO:
    """Opens a text file that takes the place of what has its name.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        path.unlink(missing_ok=True)
        return path.open('x', newline='', encoding='utf-8')
    except OSError as error:
        raise OutputError(
            f'{path} cannot be written ({error.strerror}): check the folder, its '
            'rights and the disk'
        ) from None


def to_json(content: Any) -> str:
    """A line of standard JSON.

    Args:
        content: Plain data, all numbers finite.
    """
    return json.dumps(content, allow_nan=False)


@contextlib.contextmanager
def finishing(path: Path) -> Iterator[Path]:
    """Yields the path of a new file, which takes the place of ``path``, and of its
    ``.part``, once it is whole. It is gone after an error."""
    new = path.with_name(f'{path.name}.new')
    try:
        yield new
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    part_of(path).unlink()


class ListFile:
    """A JSON list, an item a line, that grows in ``NAME.part``. A file whose
    program was killed lacks its last line, or a part of its last item:
    :func:`rtmw_ext.output.recover` completes it.

    Args:
        path: Of the finished file.

    Raises:
        OutputError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_new(part_of(path))
        self._before = f'{OPENING}\n'

    def add(self, item: Any) -> None:
        """Adds plain data."""
        self._file.write(self._before + to_json(item))
        self._file.flush()
        self._before = ',\n'

    def close(self) -> None:
        """Completes the file."""
        empty = self._before != ',\n'
        self._file.write((OPENING if empty else '') + f'\n{CLOSING}\n')
        self._file.close()
        os.replace(self._file.name, self.path)
