"""Configs whose values at the top can be changed by name."""

import ast
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config


def load_config(path: str | Path, options: dict[str, Any] | None = None) -> Config:
    """A config with ``--cfg-options``.

    MMEngine merges options after it has read a config: ``max_epochs=20`` then
    leaves the schedule that was made from ``max_epochs`` as it was. Here an
    option changes a plain value (no dict) at the top of the config, or of a
    config that it builds on, before anything is made from it.

    Args:
        path: Of the config.
        options: {key: value}; other keys are merged as MMEngine does.
    """
    options = options or {}
    path = Path(os.path.abspath(path))
    values = {name: value for name, value in options.items() if '.' not in name}
    if values:
        with tempfile.TemporaryDirectory() as folder:
            copy = _copy_with_values(path, values, Path(folder))
            config = Config(
                Config.fromfile(copy)._cfg_dict,
                cfg_text=path.read_text(),
                filename=str(path),
            )
    else:
        config = Config.fromfile(path)
    config.merge_from_dict(options)
    return config


def _copy_with_values(path: Path, values: dict[str, Any], folder: Path) -> Path:
    """Copies a config and those that it builds on below a folder, with other
    values at their top; returns the path of the copy."""
    source = path.read_text()
    lines = source.splitlines()
    for name, node in reversed(list(_assignments(source))):
        if name == '_base_':
            bases = ast.literal_eval(node.value)
            for base in [bases] if isinstance(bases, str) else bases:
                # Others, such as 'mmpose::...', are left where they are.
                if base.startswith('.'):
                    base_path = Path(os.path.normpath(path.parent / base))
                    _copy_with_values(base_path, values, folder)
        elif name in values and not isinstance(node.value, (ast.Call, ast.Dict)):
            lines[node.lineno - 1 : node.end_lineno] = [f'{name} = {values[name]!r}']
    copy = folder / path.relative_to(path.anchor)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text('\n'.join(lines))
    return copy


def _assignments(source: str) -> Iterator[tuple[str, ast.Assign]]:
    """``name = value`` at the top of a config, in order."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            if isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id, node
