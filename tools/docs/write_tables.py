#!/usr/bin/env python3
"""Writes tables into the pages that have their marks: the accuracy of released
models from the metafiles, and the limits of rtmw serve from its code.

tools/docs/write_tables.py docs/models.md docs/serve.md
"""

import argparse
import re
from dataclasses import fields
from pathlib import Path

import yaml

from rtmw_ext.serve.limits import Limits, flag_of

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PARTS = ('Whole', 'Body', 'Foot', 'Face', 'Hand')
PLACE = re.compile(r'(<!-- (\w+): .*? -->\n).*?(<!-- end of \2 -->)', re.DOTALL)


def accuracy() -> str:
    """Markdown table: AP / AR in percent, MPJPE in millimetres."""
    lines = [
        f'| name | input | {" | ".join(map(str.lower, PARTS))} | MPJPE |',
        '|---' * (len(PARTS) + 3) + '|',
    ]
    for metafile in ('rtmw', 'rtmw3d'):
        content = yaml.safe_load((CONFIGS / metafile / 'metafile.yml').read_text())
        for model in content['Models']:
            metrics: dict[str, float] = {}
            for result in model['Results']:
                metrics |= result['Metrics']
            cells = [
                f'{100 * metrics[f"{part} AP"]:.1f} / {100 * metrics[f"{part} AR"]:.1f}'
                for part in PARTS
            ]
            lines.append(
                f'| `{model["Alias"][0]}` | {model["Name"].rsplit("-", 1)[1]} | '
                f'{" | ".join(cells)} | {metrics.get("MPJPE", "")} |'
            )
    return '\n'.join(lines)


def limits() -> str:
    """Markdown table: flag, default, what it limits."""
    lines = ['| option | default | what |', '|---' * 3 + '|']
    for row in fields(Limits):
        text = row.metadata['help']
        lines.append(f'| `{flag_of(row.name)}` | {row.default:,.10g} | {text} |')
    return '\n'.join(lines)


TABLES = dict(accuracy=accuracy, limits=limits)


def write(text: str) -> str:
    """The text of a page with the tables in their places."""
    return PLACE.sub(
        lambda place: (
            f'{place[1]}\n{TABLES[place[2]]()}\n\n{place[3]}'
            if place[2] in TABLES
            else place[0]
        ),
        text,
    )


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('pages', nargs='+', type=Path, help='with the marks of tables')
    for page in flags.parse_args().pages:
        page.write_text(write(page.read_text()))


if __name__ == '__main__':
    main()
