"""Where the package's configs are, its folders in the user's cache, and which names
are of one file.
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def root() -> Path:
    """The folder that holds ``configs/`` and ``model-index.yml``: ``.mim`` in
    an installed package, the repository in a development install."""
    mim = PACKAGE / '.mim'
    return mim if (mim / 'model-index.yml').exists() else PACKAGE.parent


def cache_folder(name: str) -> Path:
    """A folder of the user's cache, ``$XDG_CACHE_HOME/rtmw_ext/NAME`` or
    ``~/.cache/rtmw_ext/NAME``; it need not exist."""
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'rtmw_ext' / name


def file_identity(path: Path) -> tuple[int, int] | None:
    """What is the same for all names of a file; None if there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
