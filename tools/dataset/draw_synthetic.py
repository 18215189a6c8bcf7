#!/usr/bin/env python3
"""Draws the pictures of docs/synthetic.md: random people with their 133
points (green seen, red hidden), and close-ups of faces and hands.

For example: tools/dataset/draw_synthetic.py --out docs/images
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from rtmw_ext.core.skeleton import BONES, FIELDS
from rtmw_ext.synthetic.scene import Person, Sample, SceneMaker, rng_of

SEEN, HIDDEN, LINK = (60, 220, 60), (40, 40, 255), (255, 200, 60)


def draw(sample: Sample) -> np.ndarray:
    """The picture of a sample with the points of its person."""
    image = sample.image.copy()
    points = sample.keypoints[0].round().astype(int).tolist()
    visible = sample.visible[0]
    for a, b in BONES:
        if visible[a] and visible[b]:
            cv2.line(image, points[a], points[b], LINK, 1, cv2.LINE_AA)
    for point, seen in zip(points, visible):
        if seen:
            cv2.circle(image, point, 1, SEEN if seen == 2 else HIDDEN, -1, cv2.LINE_AA)
    return image


def close_up(
    maker: SceneMaker, rng: np.random.Generator, part: slice, size: int
) -> Sample:
    """A sample with some points of a person filling the picture."""
    vertices, points, look, family = maker.person(rng, rng.uniform(-35, 35))
    center = points[part].mean(0)
    reach = np.linalg.norm(points[part] - center, axis=1).max()
    axes, at = maker._camera_turn(rng), np.array([0, 0, 8 * reach])
    person = Person(
        ((vertices - center) @ axes.T + at).astype(np.float32),
        (points - center) @ axes.T + at,
        look,
        family,
    )
    focal, middle = size * 8 / 2.9, (size - 1) / 2
    camera = np.array([[focal, 0, middle], [0, focal, middle], [0, 0, 1]])
    return maker.render(
        rng, [person], 1, camera, (size, size), (0, 0, size - 1, size - 1)
    )


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('--out', default='docs/images')
    flags.add_argument('--seed', type=int, default=2024)
    flags.add_argument('--size', type=int, default=256)
    flags = flags.parse_args()
    out = Path(flags.out)
    out.mkdir(parents=True, exist_ok=True)
    maker, size = SceneMaker(), flags.size
    side = (size, size)
    people = [maker.crop(rng_of(flags.seed, i), side) for i in range(16)]
    faces = [
        close_up(maker, rng_of(flags.seed + 1, i), FIELDS['face_kpts'], size)
        for i in range(8)
    ]
    hands = [
        close_up(
            maker,
            rng_of(flags.seed + 2, i),
            FIELDS[('lefthand_kpts', 'righthand_kpts')[i % 2]],
            size,
        )
        for i in range(8)
    ]
    photos = [
        maker.photo(rng_of(flags.seed + 3, i), (2 * size, 3 * size // 2))
        for i in range(4)
    ]
    for name, samples, columns in (
        ('people', people, 4),
        ('faces', faces, 4),
        ('hands', hands, 4),
    ):
        tiles = [draw(sample) for sample in samples]
        if name != 'people':  # without and with the points
            tiles = [
                tile
                for i in range(0, len(tiles), columns)
                for tile in (
                    *(s.image for s in samples[i : i + columns]),
                    *tiles[i : i + columns],
                )
            ]
        _save(out / f'synthetic-{name}.jpg', tiles, columns)
    for sample in photos:
        for box in sample.boxes.round().astype(int).tolist():
            cv2.rectangle(sample.image, box[:2], box[2:], LINK, 1)
    _save(out / 'synthetic-photos.jpg', [s.image for s in photos], 2)


def _save(path: Path, tiles: list[np.ndarray], columns: int) -> None:
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    cv2.imwrite(str(path), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 82])
    print(path)


if __name__ == '__main__':
    main()
