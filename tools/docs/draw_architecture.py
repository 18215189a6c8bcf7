#!/usr/bin/env python3
"""Draws the rooms of rtmw_ext and their imports, as a Mermaid flowchart in a page:

tools/docs/draw_architecture.py docs/architecture.md

An arrow means "imports"; one that follows from others is left out. A dashed arrow
is an import inside functions only. Orange: most modules of the room import torch or
OpenMMLab.
"""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = 'rtmw_ext'
TORCH = {'torch', 'mmengine', 'mmcv', 'mmdet', 'mmpose', 'mmdeploy'}
PLACE = re.compile(r'(<!-- rooms: .*? -->\n).*?(<!-- end of rooms -->)', re.DOTALL)
#: Room -> the rooms that it imports, and whether it does so when it is loaded.
Rooms = dict[str, dict[str, bool]]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Modules that a file of the package imports.

    Args:
        path: Of a ``.py`` file under ``ROOT``.

    Yields:
        Dotted name, and whether loading the file imports it (otherwise a function
        does).
    """
    tree = ast.parse(path.read_text())
    lazy = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) + 1 - node.level] if node.level else ()
            module = '.'.join((*parents, *filter(None, [node.module])))
            names = [f'{module}.{alias.name}' for alias in node.names]
        for name in names:
            yield name, id(node) not in lazy


def read_rooms() -> tuple[Rooms, set[str]]:
    """The rooms and what they import.

    Returns:
        The rooms, and those of which most modules import torch or an OpenMMLab
        package when they are loaded.
    """
    rooms: Rooms = {}
    heavy: set[str] = set()
    for folder in sorted((ROOT / PACKAGE).iterdir()):
        if not (folder / '__init__.py').exists():
            continue
        targets = rooms[folder.name] = {}
        with_torch = []
        for path in folder.rglob('*.py'):
            found = [(name.split('.'), on_load) for name, on_load in imports(path)]
            with_torch.append(
                any(parts[0] in TORCH for parts, on_load in found if on_load)
            )
            for parts, on_load in found:
                if parts[0] == PACKAGE and parts[1] != folder.name:
                    targets[parts[1]] = targets.get(parts[1], False) or on_load
        if sum(with_torch) > len(with_torch) / 2:
            heavy.add(folder.name)
    for targets in rooms.values():
        for name in set(targets) - set(rooms):  # loose modules
            del targets[name]
    return rooms, heavy


def reachable(rooms: Rooms, room: str) -> set[str]:
    """The rooms that a room imports on load, directly or through others."""
    found, waiting = set(), [room]
    while waiting:
        for target, on_load in rooms[waiting.pop()].items():
            if on_load and target not in found:
                found.add(target)
                waiting.append(target)
    return found


def reduced(rooms: Rooms) -> list[tuple[str, str, bool]]:
    """Imports that do not follow from others: ``[(room, target, on load)]``."""
    behind = {room: reachable(rooms, room) for room in rooms}
    return [
        (room, target, on_load)
        for room, targets in rooms.items()
        for target, on_load in targets.items()
        if not any(
            target in behind[other]
            for other, loaded in targets.items()
            if loaded and other != target
        )
    ]


def draw(rooms: Rooms, heavy: set[str]) -> str:
    """A Mermaid flowchart."""
    lines = ['flowchart TD']
    for room, target, on_load in reduced(rooms):
        lines.append(f'    {room} {"-->" if on_load else "-.->"} {target}')
    lines += [
        '    classDef default fill:#dcebfa,stroke:#2b6cb0,color:#000',
        '    classDef torch fill:#fde8d0,stroke:#c26a12,color:#000',
        f'    class {",".join(sorted(heavy))} torch',
    ]
    return '\n'.join(lines)


def write(text: str) -> str:
    """The text of a page with the flowchart in its place."""
    chart = f'```mermaid\n{draw(*read_rooms())}\n```'
    return PLACE.sub(lambda place: f'{place[1]}\n{chart}\n\n{place[2]}', text)


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('page', type=Path, help='with the two marks of the flowchart')
    page = flags.parse_args().page
    page.write_text(write(page.read_text()))


if __name__ == '__main__':
    main()
