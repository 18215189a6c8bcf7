#!/usr/bin/env python3
"""Draws random people of the val photos, good and bad, as points without photos:

tools/docs/draw_val_people.py docs/images/val-people.jpg --shared ../shared

Of each person, the labelled points are on the left, those of the shipped network
with its second look, in the labelled box, on the right.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from rtmw_ext.core.images import read_image
from rtmw_ext.evaluation.photos import read_photo_set
from rtmw_ext.output.draw2d import draw_people
from rtmw_ext.runtime import People, PoseModel
from rtmw_ext.zoo import SECOND_LOOK, resolve_network

SETS = ('lspet', 'ccp', 'fedb')
#: Side of a person's picture in pixels, its room in longer sides of the box, and the
#: people of a row.
SIDE, ROOM, COLUMNS = 180, 1.2, 4
GREY = 60


def draw_person(
    points: np.ndarray, scores: np.ndarray, box: np.ndarray, threshold: float
) -> np.ndarray:
    """(SIDE, SIDE, 3) of points (133, 2) and scores (133, ) of a person in a box (4, )
    x1, y1, x2, y2."""
    scale = SIDE / (ROOM * (box[2:] - box[:2]).max())
    corner = (box[:2] + box[2:]) / 2 - SIDE / scale / 2
    people = People(
        np.float32((points - corner) * scale)[None],
        np.float32(scores)[None],
        np.float32((box.reshape(2, 2) - corner) * scale).reshape(1, 4),
        np.ones(1, np.float32),
    )
    return draw_people(np.full((SIDE, SIDE, 3), GREY, np.uint8), people, threshold)


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('out', type=Path)
    flags.add_argument('--shared', type=Path, default=Path('../shared'))
    flags.add_argument('--people', type=int, default=24)
    flags.add_argument('--seed', type=int, default=0)
    flags = flags.parse_args()
    parts = PoseModel(resolve_network(SECOND_LOOK))
    pose = PoseModel(resolve_network('rtmw-t'), second_look=parts)
    rng = np.random.default_rng(flags.seed)
    pairs = []
    for number, name in enumerate(SETS):
        folder = flags.shared / 'real' / name
        truth = read_photo_set(folder / 'val.json', folder / 'images')
        count = flags.people * (number + 1) // len(SETS) - len(pairs)
        for row in rng.choice(len(truth), count, replace=False):
            box = truth.boxes[row]
            found = pose(read_image(truth.paths[row]), box[None])
            labels = truth.known[row].astype(np.float32)
            pairs.append(
                np.hstack(
                    [
                        draw_person(truth.points[row], labels, box, 0.5),
                        draw_person(found.keypoints[0], found.scores[0], box, 0.3),
                    ]
                )
            )
    columns = min(COLUMNS, len(pairs))
    pairs += [np.full_like(pairs[0], GREY)] * (-len(pairs) % columns)
    rows = [
        np.hstack(pairs[start : start + columns])
        for start in range(0, len(pairs), columns)
    ]
    cv2.imwrite(str(flags.out), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 75])


if __name__ == '__main__':
    main()
