#!/usr/bin/env python3
"""What datasets label, and how often.

    tools/dataset/stats.py coverage --docs docs/datasets.md --picture out.png
    tools/dataset/stats.py labels CONFIG --csv counts.csv

"coverage" needs no data: the 133 points x 17 datasets table of the mappings.
"labels" counts the labelled points of a mix as an epoch sees them (shares
included); CONFIG is a training config, a mix or a dataset file.
"""

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from rtmw_ext.core import skeleton
from rtmw_ext.datasets import catalog

PARTS = {
    name.replace('_', ' '): slice(part.start, part.stop)
    for name, part in skeleton.PARTS.items()
}
BEGIN, END = (
    '<!-- coverage: made by tools/dataset/stats.py -->',
    '<!-- end of coverage -->',
)
MARKS = {0.0: '', 0.5: 'half', 1.0: 'x'}
CELL, HEAD, SIDE = 10, 120, 60


def markdown(table: np.ndarray) -> str:
    """The coverage (133, D) as a Markdown table."""
    lines = [
        '| | point | ' + ' | '.join(catalog.cocktail()) + ' |',
        '|---' * (table.shape[1] + 2) + '|',
    ]
    lines += [
        f'| {index} | {name} | '
        + ' | '.join(MARKS[float(value)] for value in row)
        + ' |'
        for index, (name, row) in enumerate(zip(skeleton.KEYPOINT_NAMES, table))
    ]
    lines.append(
        '| | **points** | '
        + ' | '.join(str(count) for count in (table > 0).sum(0))
        + ' |'
    )
    return '\n'.join(lines)


def picture(table: np.ndarray) -> np.ndarray:
    """The coverage (133, D) as (H, W, 3): datasets down, points across."""
    table = table.T
    rows, columns = table.shape
    image = np.full((SIDE + rows * 2 * CELL, HEAD + columns * CELL, 3), 255, np.uint8)
    colors = {0.0: (235, 235, 235), 0.5: (120, 190, 250), 1.0: (170, 110, 30)}
    font = cv2.FONT_HERSHEY_SIMPLEX
    for row, name in enumerate(catalog.cocktail()):
        y = SIDE + row * 2 * CELL
        cv2.putText(image, name, (4, y + 14), font, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
        for column, value in enumerate(table[row]):
            x = HEAD + column * CELL
            cv2.rectangle(
                image,
                (x + 1, y + 1),
                (x + CELL - 2, y + 2 * CELL - 2),
                colors[float(value)],
                -1,
            )
    for part, span in PARTS.items():
        x = HEAD + span.start * CELL
        cv2.line(image, (x, 30), (x, image.shape[0]), (60, 60, 60), 1)
        cv2.putText(
            image,
            f'{part} {span.start}-{span.stop - 1}',
            (x + 3, 52 if part != 'feet' else 36),
            font,
            0.4,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
    for number, (text, value) in enumerate(
        (
            ('labelled', 1.0),
            ('near-equivalent, half weight', 0.5),
            ('not labelled', 0.0),
        )
    ):
        x = HEAD + number * 260
        cv2.rectangle(image, (x, 6), (x + 14, 20), colors[value], -1)
        cv2.putText(image, text, (x + 20, 18), font, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return image


def coverage(flags: argparse.Namespace) -> None:
    table = catalog.coverage()
    text = markdown(table)
    if flags.docs:
        page = flags.docs.read_text(encoding='utf-8')
        head, rest = page.split(BEGIN)
        tail = rest.split(END)[1]
        flags.docs.write_text(
            f'{head}{BEGIN}\n\n{text}\n\n{END}{tail}', encoding='utf-8'
        )
    else:
        print(text)
    if flags.picture:
        flags.picture.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(flags.picture), picture(table))


def labels(flags: argparse.Namespace) -> None:
    init_default_scope('mmpose')
    rows, total = [], np.zeros(skeleton.NUM_KEYPOINTS)
    for config in catalog.training_sets(flags.config):
        config = Config(config)
        config.merge_from_dict(
            {key: value for key, value in (('data_root', flags.data_root),) if value}
        )
        share = config.pop('share', 1.0)
        dataset = DATASETS.build(config.to_dict())
        counts = np.zeros(skeleton.NUM_KEYPOINTS)
        for index in range(len(dataset)):
            counts += dataset[index]['keypoints_visible'][0] > 0
        rows.append((dataset.metainfo['dataset_name'], len(dataset), share, counts))
        total += share * counts
    print(
        '| dataset | people | share | '
        + ' | '.join(PARTS)
        + ' |\n'
        + '|---' * (3 + len(PARTS))
        + '|'
    )
    for name, people, share, counts in rows:
        print(
            f'| {name} | {people} | {share:g} | '
            + ' | '.join(f'{counts[span].sum():.0f}' for span in PARTS.values())
            + ' |'
        )
    print(
        f'| an epoch | {sum(p * s for _, p, s, _ in rows):.0f} | | '
        + ' | '.join(f'{total[span].sum():.0f}' for span in PARTS.values())
        + ' |'
    )
    rare = np.argsort(total)[:5]
    print(
        'least labelled: '
        + ', '.join(
            f'{skeleton.KEYPOINT_NAMES[index]} ({total[index]:.0f})' for index in rare
        )
    )
    if flags.csv:
        with flags.csv.open('w', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(['point', *(row[0] for row in rows), 'epoch'])
            for index, name in enumerate(skeleton.KEYPOINT_NAMES):
                writer.writerow(
                    [name, *(int(row[3][index]) for row in rows), f'{total[index]:g}']
                )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser('coverage')
    command.add_argument(
        '--docs', type=Path, help='page whose coverage table is replaced'
    )
    command.add_argument('--picture', type=Path)
    command.set_defaults(run=coverage)
    command = commands.add_parser('labels')
    command.add_argument('config')
    command.add_argument('--data-root', help="of a single dataset's file")
    command.add_argument('--csv', type=Path, help='a row a point')
    command.set_defaults(run=labels)
    flags = parser.parse_args()
    flags.run(flags)


if __name__ == '__main__':
    main()
