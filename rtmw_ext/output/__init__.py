"""Results as files and pictures; no torch."""

from . import formats  # noqa: F401  (registers them)
from .base import FORMATS, ResultError, ResultFormat

__all__ = ['FORMATS', 'ResultError', 'ResultFormat']
