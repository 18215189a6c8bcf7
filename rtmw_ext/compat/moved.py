"""Documented modules under the names that they had in version 0.1.

Their names go on working in version 0.2, with a DeprecationWarning that says
where they are.
"""

import importlib
import sys
import warnings
from types import ModuleType

PACKAGE = __package__.partition('.')[0]
#: Old module -> the modules that hold its names, all without ``rtmw_ext.``.
MOVED = {
    'checkpoints': ('engine.checkpoints', 'models.loading'),
    'cli': ('commands.cli',),
    'estimate': ('apis.topdown', 'core.crops'),
    'geometry': ('core.geometry',),
    'hooks': ('engine.hooks',),
    'images': ('core.images',),
    'inferencer': ('apis.inferencer',),
    'optim': ('engine.optim_wrapper', 'engine.model_wrapper'),
    'runtime.results': ('output',),
    'second_look': ('core.second_look',),
    'skeleton': ('core.skeleton',),
    'visualization': ('engine.visualizer',),
    'visualization.rerun_view': ('output.rerun_view',),
}


class MovedModule(ModuleType):
    """A module that looks its names up elsewhere and warns.

    Args:
        name: The old one.
        homes: The modules that hold its names.
    """

    def __init__(self, name: str, homes: tuple[str, ...]) -> None:
        super().__init__(name, f'Moved to {" and ".join(homes)}.')
        self.__homes__ = homes

    def __getattr__(self, name: str) -> object:
        # Tools that walk through sys.modules ask for these.
        if not name.startswith('__'):
            for home in self.__homes__:
                module = importlib.import_module(home)
                if hasattr(module, name):
                    warnings.warn(
                        f'{self.__name__}.{name} is {home}.{name}; the old name '
                        'goes with version 0.3',
                        DeprecationWarning,
                        stacklevel=2,
                    )
                    return getattr(module, name)
        raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')


def install() -> None:
    """Makes the old names importable; nothing else is imported."""
    for old, homes in MOVED.items():
        name = f'{PACKAGE}.{old}'
        sys.modules[name] = MovedModule(
            name, tuple(f'{PACKAGE}.{home}' for home in homes)
        )
