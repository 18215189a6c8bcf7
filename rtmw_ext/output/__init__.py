"""Results as files and pictures, and result files read back; no torch."""

from . import formats  # noqa: F401  (registers them)
from .base import FORMATS, ResultError, ResultFormat
from .files import OutputError
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
