"""Scripts of tools/: as modules, and as they are run."""

import importlib.util
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

from .paths import ROOT, TOOLS


def load_tool(name: str) -> ModuleType:
    """The module of ``tools/<name>.py``, which may import its neighbours."""
    path = TOOLS / f'{name}.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(path.parent))
        spec.loader.exec_module(module)
    return module


def run_script(
    script: str | Path, *arguments: object, cwd: str | Path = ROOT
) -> subprocess.CompletedProcess:
    """Runs a script of the repository as a program, in a process that has imported
    torch and mmpose: that takes 10 s.

    Args:
        script: Its path from the root.
        arguments: Of its command line.
        cwd: Where it runs.

    Returns:
        Its exit code and output.
    """
    from .training import in_child

    path = ROOT / script
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder) / name for name in ('stdout', 'stderr')]

        def run() -> None:
            for number, output in enumerate(outputs, 1):
                os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), number)
            os.chdir(cwd)
            sys.argv = [str(path), *map(str, arguments)]
            sys.path.insert(0, str(path.parent))
            runpy.run_path(str(path), run_name='__main__')

        code = in_child(run)
        return subprocess.CompletedProcess(
            [path, *arguments], code, *(output.read_text() for output in outputs)
        )
