"""One module per format of files for animation, sports and sign language. Every
module in this folder is imported here, and registers its formats in
:data:`WRITERS`."""

import importlib
import pkgutil

from .base import WRITERS, LibraryMissingError, Writer, check_libraries, write

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f'{__name__}.{_module.name}')

__all__ = ['WRITERS', 'LibraryMissingError', 'Writer', 'check_libraries', 'write']
