"""Where the package keeps what it can make or fetch again."""

import os
from pathlib import Path


def cache_folder(name):
    """A folder of the user's cache, ``$XDG_CACHE_HOME/rtmw_ext/NAME`` or
    ``~/.cache/rtmw_ext/NAME``; it need not exist."""
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'rtmw_ext' / name
