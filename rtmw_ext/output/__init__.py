"""Results as files and pictures, and result files read back; no torch."""

from typing import TYPE_CHECKING, Any

from . import formats  # noqa: F401  (registers them)
from .base import FORMATS, ResultError, ResultFormat
from .files import OutputError

if TYPE_CHECKING:
    from .reading import Frame, Results, read, recover

__all__ = [
    'FORMATS',
    'Frame',
    'OutputError',
    'ResultError',
    'ResultFormat',
    'Results',
    'read',
    'recover',
]


def __getattr__(name: str) -> Any:
    # `rtmw infer` starts faster without what reads.
    if name in ('Frame', 'Results', 'read', 'recover'):
        from . import reading

        return getattr(reading, name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
