#!/usr/bin/env python3
"""Draws the rooms of rtmw_ext and their imports as an SVG:

tools/docs/draw_architecture.py docs/images/architecture.svg

An arrow means "imports"; one that follows from others is left out. A dashed arrow
is an import inside functions only. A room stands above all that it imports when
its modules are loaded. Orange: most of its modules import torch or OpenMMLab.
"""

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = 'rtmw_ext'
TORCH = {'torch', 'mmengine', 'mmcv', 'mmdet', 'mmpose', 'mmdeploy'}
WIDTH, HEIGHT, GAP, ROW = 104, 38, 22, 92
#: Room -> the rooms that it imports, and whether it does so when it is loaded.
Rooms = dict[str, dict[str, bool]]
COLOURS = {True: ('#fde8d0', '#c26a12'), False: ('#dcebfa', '#2b6cb0')}


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


def levels(rooms: Rooms) -> dict[str, int]:
    """``{room: rows above the lowest}``, by the longest path of imports on load."""
    result = {}

    def level(room: str, path: tuple[str, ...] = ()) -> int:
        if room in path:
            raise ValueError(f'circle of imports: {" -> ".join((*path, room))}')
        if room not in result:
            result[room] = max(
                (
                    level(target, (*path, room)) + 1
                    for target, on_load in rooms[room].items()
                    if on_load
                ),
                default=0,
            )
        return result[room]

    for room in rooms:
        level(room)
    return result


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
    """The SVG's text."""
    rows = levels(rooms)
    arrows = reduced(rooms)
    height = max(rows.values())
    lines = [
        sorted(room for room in rooms if rows[room] == level)
        for level in range(height + 1)
    ]
    longest = max(map(len, lines))
    full = longest * (WIDTH + GAP) + GAP

    def positions(line: list[str]) -> dict[str, float]:
        step = full / len(line)
        return {room: (number + 0.5) * step for number, room in enumerate(line)}

    centres = {}
    for line in lines:
        centres.update(positions(line))
    # Each row in the order of the means of its neighbours, to cross few arrows.
    for _ in range(20):
        for line in lines:
            line.sort(
                key=lambda room: (
                    sum(
                        values := [
                            centres[target if source == room else source]
                            for source, target, _ in arrows
                            if room in (source, target)
                        ]
                    )
                    / max(len(values), 1)
                )
            )
            centres.update(positions(line))

    def top(room: str) -> int:
        return 20 + (height - rows[room]) * ROW

    parts = []
    for room, target, on_load in arrows:
        x, y = centres[room], top(room) + HEIGHT
        to_x, to_y = centres[target], top(target) - 4
        if rows[room] <= rows[target]:  # inside functions, to a room beside or above
            y, to_y = top(room), top(target) + HEIGHT + 4
        bend = (to_y - y) / 2
        dash = '' if on_load else ' stroke-dasharray="4 3"'
        parts.append(
            f'<path d="M{x:.0f} {y} C{x:.0f} {y + bend:.0f} {to_x:.0f} '
            f'{to_y - bend:.0f} {to_x:.0f} {to_y}"{dash}/>'
        )
    boxes = []
    for room in rooms:
        fill, edge = COLOURS[room in heavy]
        x, y = centres[room], top(room)
        boxes.append(
            f'<rect x="{x - WIDTH / 2:.0f}" y="{y}" width="{WIDTH}" '
            f'height="{HEIGHT}" rx="6" fill="{fill}" stroke="{edge}"/>\n'
            f'<text x="{x:.0f}" y="{y + HEIGHT / 2 + 5:.0f}">{room}</text>'
        )
    bottom = 20 + height * ROW + HEIGHT + 20
    return '\n'.join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {bottom}" '
            f'width="{full}" height="{bottom}">',
            '<title>Rooms of rtmw_ext and their imports</title>',
            '<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" '
            'markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0 L8 4 L0 8 z" fill="#777"/></marker></defs>',
            f'<rect width="{full}" height="{bottom}" fill="white"/>',
            '<g fill="none" stroke="#777" marker-end="url(#head)">',
            *parts,
            '</g>',
            '<g font-family="sans-serif" font-size="15" text-anchor="middle">',
            *boxes,
            '</g>',
            '</svg>\n',
        ]
    )


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('svg', type=Path, help='file to write')
    flags.parse_args().svg.write_text(draw(*read_rooms()))


if __name__ == '__main__':
    main()
