"""Inputs of a command line: files, folders, lists and globs -> images, videos,
webcams."""

import glob
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..core.errors import UsageError
from ..core.images import ImageError, is_image
from ..core.media import is_address, is_video
from ..core.paths import file_identity

#: In front of the name of a list of inputs, and the suffix that needs none.
LIST, LIST_SUFFIX = '@', '.txt'
#: Lines of lists that begin so are comments.
COMMENT = '#'


class Input(NamedTuple):
    """An image, video, webcam or stream.

    Attributes:
        source: The file or address, or the webcam's number.
        folder: Of its outputs, below that of all: where it is in the folder
            that was given. Empty for files that were given themselves.
    """

    source: str | int
    folder: str = ''


class Found(NamedTuple):
    """What inputs stand for.

    Attributes:
        inputs: In their order.
        skipped: Lines that say which files of folders are none.
    """

    inputs: list[Input]
    skipped: list[str]


def find_inputs(
    texts: list[str], recursive: bool = False, out: str | Path | None = None
) -> Found:
    """Finds what the inputs of a command line stand for.

    Args:
        texts: Images, videos, folders of these, globs, addresses, webcam numbers, or
            lists of all of them: ``@FILE``, or a file that ends in ``.txt``.
        recursive: Look into folders of folders, too.
        out: Folder of the outputs. It is not looked into.

    Raises:
        ImageError: A folder without images and videos, or a glob without
            matches.
        UsageError: A list cannot be read, or is empty.
    """
    found = Found([], [])
    for text in texts:
        named = text.startswith(LIST) and not os.path.lexists(text)
        listed = text.lower().endswith(LIST_SUFFIX) and not is_address(text)
        if named or (listed and not Path(text).is_dir()):
            path = Path(text[len(LIST) :] if named else text)
            for line in _read_list(path):
                _add(found, _beside(path, line), recursive, out)
        else:
            _add(found, text, recursive, out)
    return found


def _read_list(path: Path) -> list[str]:
    """The lines of a list that name inputs."""
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else 'it is no UTF-8 text'
        raise UsageError(
            f'list {path} cannot be read ({reason}): give a text file with an input '
            'a line'
        ) from None
    lines = [line.strip() for line in lines]
    lines = [line for line in lines if line and not line.startswith(COMMENT)]
    if not lines:
        raise UsageError(f'list {path} names no input: write one a line')
    return lines


def _beside(path: Path, line: str) -> str:
    """A line of a list, from the list's folder if it is only there."""
    beside = str(path.parent / line)
    there = os.path.lexists(line) or glob.glob(line, recursive=True)
    if not there and (os.path.lexists(beside) or glob.glob(beside, recursive=True)):
        return beside
    return line


def _add(found: Found, text: str, recursive: bool, out: str | Path | None) -> None:
    if text.isdigit() and not Path(text).exists():
        found.inputs.append(Input(int(text)))
    elif is_address(text):
        found.inputs.append(Input(text))
    elif Path(text).is_dir():
        inputs, skipped = _look_into(Path(text), recursive, out)
        found.inputs.extend(inputs)
        found.skipped.extend(skipped)
    elif glob.has_magic(text) and not Path(text).exists():
        matches = sorted(glob.glob(text, recursive=True))
        if not matches:
            raise ImageError(f'no file matches {text}: check the pattern')
        for match in matches:
            if Path(match).is_dir():
                _add(found, match, recursive, out)
            else:
                found.inputs.append(Input(match))
    else:
        found.inputs.append(Input(text))


def _look_into(
    folder: Path, recursive: bool, out: str | Path | None
) -> tuple[list[Input], list[str]]:
    """The images and videos of a folder, and the line of what is skipped."""
    inputs, left = [], Counter[str]()
    outputs = file_identity(Path(out)) if out is not None else None
    try:
        for path in _walk(folder, recursive, outputs, left):
            if path.name.startswith('.'):
                left['hidden'] += 1
            elif is_image(path) or is_video(path):
                below = path.parent.relative_to(folder).as_posix()
                inputs.append(Input(str(path), '' if below == '.' else below))
            else:
                left[path.suffix.lower() or 'without suffix'] += 1
    except OSError as error:
        raise ImageError(
            f'folder {error.filename or folder} cannot be read ({error.strerror}): '
            'check its rights'
        ) from None
    folders, own = left.pop('folders', 0), left.pop('outputs', 0)
    parts = []
    if left:
        kinds = ', '.join(f'{count} {kind}' for kind, count in left.most_common())
        parts.append(f'{left.total()} files that are no image or video ({kinds})')
    if folders:
        parts.append(f'{folders} folders (--recursive looks into them)')
    if own:
        parts.append('the folder of the outputs')
    if not inputs:
        holds = f'; it holds {" and ".join(parts)}' if parts else ''
        raise ImageError(f'folder {folder} holds no image or video: check it{holds}')
    return inputs, [f'{folder}: skipped {" and ".join(parts)}'] if parts else []


def _walk(
    folder: Path,
    recursive: bool,
    outputs: tuple[int, int] | None,
    left: Counter[str],
    above: tuple[tuple[int, int] | None, ...] = (),
) -> Iterator[Path]:
    """The files of a folder, by name; those of its folders behind them."""
    above = (*above, file_identity(folder))
    entries = sorted(folder.iterdir())
    folders = [path for path in entries if path.is_dir()]
    yield from sorted({*entries} - {*folders})
    for path in folders:
        identity = file_identity(path)
        if path.name.startswith('.'):
            left['hidden'] += 1
        elif identity == outputs:
            left['outputs'] += 1
        elif not recursive:
            left['folders'] += 1
        elif identity not in above:  # A link to a folder above has no end.
            yield from _walk(path, recursive, outputs, left, above)
