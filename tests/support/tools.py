"""Scripts of tools/ as modules."""

import importlib.util
from types import ModuleType

import pytest

from .paths import TOOLS


def load_tool(name: str) -> ModuleType:
    """The module of ``tools/<name>.py``, which may import its neighbours."""
    path = TOOLS / f'{name}.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(path.parent))
        spec.loader.exec_module(module)
    return module
