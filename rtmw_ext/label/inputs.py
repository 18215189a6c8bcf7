"""What the inputs of ``rtmw label`` stand for, and the units of work that they
make."""

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core import images, media
from ..core.errors import RTMWError
from ..core.media import is_address, without_password
from .places import absolute, find_place, is_web, suffix_of

#: In front of the name of a list of files, and the suffix that needs none.
LIST, LIST_SUFFIX = '@', '.txt'
#: Suffixes of files that hold many images.
SUFFIXES = {
    **dict.fromkeys(media.SUFFIXES, 'video'),
    **dict.fromkeys(('.tar', '.tar.gz', '.tgz'), 'tar'),
    '.parquet': 'parquet',
}


class InputError(RTMWError, ValueError):
    """An input cannot be used; the text names it and the fix."""


@dataclass(frozen=True)
class Unit:
    """What becomes one shard.

    Attributes:
        number: Of the shard, from 0.
        kind: ``images``, or what the only source is: ``tar``, ``parquet``,
            ``video``.
        sources: Paths and addresses.
        groups: Row groups, of Parquet.
        count: Images; None where that is not known beforehand.
    """

    number: int
    kind: str
    sources: tuple[str, ...]
    groups: tuple[int, ...] = ()
    count: int | None = None


@dataclass
class Inputs:
    """What a run is about.

    Attributes:
        given: As the command has them.
        images: Paths and addresses of images, in order.
        containers: The same of files that hold many, with their kinds.
        skipped: {suffix: count} of files that are neither.
    """

    given: list[str]
    images: list[str] = field(default_factory=list)
    containers: list[tuple[str, str]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, source: str, sure: bool = False) -> None:
        """Adds a file.

        Args:
            source: Its path or address.
            sure: With a suffix that says nothing, it is an image.
        """
        suffix = suffix_of(source)
        if suffix in images.SUFFIXES or (sure and suffix not in SUFFIXES):
            self.images.append(source)
        elif suffix in SUFFIXES:
            self.containers.append((SUFFIXES[suffix], source))
        else:
            self.skipped[suffix or 'without suffix'] += 1

    def units(self, size: int) -> list[Unit]:
        """Units of work: ``size`` images, or rows of Parquet; a tar; a video."""
        units: list[Unit] = []
        for start in range(0, len(self.images), size):
            chunk = tuple(self.images[start : start + size])
            units.append(Unit(len(units), 'images', chunk, count=len(chunk)))
        for kind, source in self.containers:
            # Elsewhere, a file is fetched as a whole.
            if kind != 'parquet' or is_address(source):
                units.append(Unit(len(units), kind, (source,)))
                continue
            for groups, rows in row_groups(source, size):
                units.append(Unit(len(units), kind, (source,), groups, rows))
        return units


def record(given: list[str], units: list[Unit]) -> dict[str, Any]:
    """What a manifest says of inputs: they are the same if it is."""
    digest = hashlib.sha256()
    for unit in units:
        for source in unit.sources:
            digest.update(f'{unit.kind}\t{source}\t{unit.groups}\n'.encode())
    return dict(
        given=[without_password(text) for text in given],
        images=sum(len(unit.sources) for unit in units if unit.kind == 'images'),
        containers=len({unit.sources for unit in units if unit.kind != 'images'}),
        sha256=digest.hexdigest(),
    )


def find_inputs(texts: list[str], out: str) -> Inputs:
    """Finds what the inputs of a command line stand for.

    Args:
        texts: Images, videos, tars, Parquet files; folders and globs of these; and
            lists of files, ``@FILE`` or ``FILE.txt``. Paths, or addresses.
        out: Folder of the outputs. It is not looked into.

    Raises:
        InputError: There is none, or a folder or list cannot be read.
        UsageError: The scheme of an address is unknown.
    """
    inputs = Inputs(texts)
    out = absolute(out).rstrip('/') + '/'
    for text in texts:
        named = text.startswith(LIST) and not os.path.lexists(text)
        if named or suffix_of(text) == LIST_SUFFIX:
            for line in _lines(text[len(LIST) :] if named else text):
                inputs.add(line, sure=True)
        else:
            for source, sure in _files(text):
                if not source.startswith(out):
                    inputs.add(source, sure)
    if not inputs.images and not inputs.containers:
        kinds = ', '.join(f'{n} {kind}' for kind, n in inputs.skipped.most_common(9))
        holds = f', but {kinds}' if kinds else ''
        raise InputError(
            f'{", ".join(map(without_password, texts))}: no image, video, tar or '
            f'Parquet file is there{holds}: check the inputs'
        )
    return inputs


def _files(text: str) -> Iterator[tuple[str, bool]]:
    """The files that an input stands for, and whether it names them."""
    place, path = find_place(absolute(text))

    def name(found: str) -> str:
        return place.unstrip_protocol(found) if is_address(text) else found

    try:
        # The name of a file may be like a glob.
        if glob.has_magic(text) and not is_web(text) and not place.exists(path):
            matches = sorted(place.glob(path))
            if not matches:
                raise InputError(f'no file matches {text}: check the pattern')
        elif is_web(text) or place.exists(path):
            matches = [path]
        else:
            raise InputError(f'{without_password(text)} does not exist: check it')
        for match in matches:
            # A server of the web need not know folders.
            if suffix_of(match) in (*images.SUFFIXES, *SUFFIXES):
                yield name(match), True
            elif place.isdir(match):
                inside = os.path.join(match, '')
                for found in sorted(place.find(match)):
                    if '/.' not in found.removeprefix(inside.rstrip('/')):
                        yield name(found), False
            else:
                yield name(match), True
    except RTMWError:
        raise
    except Exception as error:  # Each file system has errors of its own.
        raise InputError(
            f'{without_password(text)} cannot be listed ({type(error).__name__}: '
            f'{error}): check it and your rights there'
        ) from None


def _lines(text: str) -> Iterator[str]:
    """The files that a list names; a path that is not there counts from the list's
    folder."""
    place, path = find_place(text)
    try:
        lines = place.cat_file(path).decode('utf-8-sig').splitlines()
    except Exception as error:
        raise InputError(
            f'list {without_password(text)} cannot be read ({error}): give a text file '
            'with a file a line'
        ) from None
    folder = None if is_address(text) else Path(text).parent
    for line in map(str.strip, lines):
        if not line or line.startswith('#'):
            continue
        if folder and not is_address(line) and not os.path.lexists(line):
            beside = folder / line
            line = str(beside) if os.path.lexists(beside) else line
        yield absolute(line)


def row_groups(source: str, size: int) -> list[tuple[tuple[int, ...], int | None]]:
    """Row groups of a local Parquet file that are done together, and their rows: as
    many as make ``size`` rows or more."""
    import pyarrow.parquet

    try:
        meta = pyarrow.parquet.read_metadata(source)
    except (pyarrow.ArrowException, OSError):
        # Its unit says what is wrong with it.
        return [((), None)]
    chunks: list[tuple[tuple[int, ...], int | None]] = []
    groups: tuple[int, ...] = ()
    rows = 0
    for number in range(meta.num_row_groups):
        groups, rows = (*groups, number), rows + meta.row_group(number).num_rows
        if rows >= size or number == meta.num_row_groups - 1:
            chunks.append((groups, rows))
            groups, rows = (), 0
    return chunks
