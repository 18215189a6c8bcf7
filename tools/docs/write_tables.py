#!/usr/bin/env python3
"""Writes the accuracy of released models, from the metafiles, into a page:

tools/docs/write_tables.py docs/models.md
"""

import argparse
import re
from pathlib import Path

import yaml

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PARTS = ('Whole', 'Body', 'Foot', 'Face', 'Hand')
PLACE = re.compile(
    r'(<!-- accuracy: .*? -->\n).*?(<!-- end of accuracy -->)', re.DOTALL
)


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


def write(text: str) -> str:
    """The text of a page with the table in its place."""
    return PLACE.sub(lambda place: f'{place[1]}\n{accuracy()}\n\n{place[2]}', text)


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('page', type=Path, help='with the two marks of the table')
    page = flags.parse_args().page
    page.write_text(write(page.read_text()))


if __name__ == '__main__':
    main()
