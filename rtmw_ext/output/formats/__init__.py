"""One module per format of result files. Every module in this folder is
imported here, and registers its format in :data:`rtmw_ext.output.FORMATS`."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f'{__name__}.{_module.name}')
