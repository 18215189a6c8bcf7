#!/usr/bin/env python3
"""Draws what ``rtmw infer`` draws, on one sheet:

tools/docs/draw_sheet.py docs/images/drawings.jpg

Drawn people, whose points are known, and the rendered people of the demo. Beside
them, as far as these packages are installed, supervision's and rtmlib's drawing.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from rtmw_ext.core.images import read_image
from rtmw_ext.core.people import People
from rtmw_ext.core.skeleton import BONES
from rtmw_ext.output.draw2d import draw_people
from rtmw_ext.output.draw3d import draw_scene
from rtmw_ext.output.pose_map import draw_pose_map
from rtmw_ext.output.text import draw_text
from rtmw_ext.runtime import WholeBody
from rtmw_ext.synthetic.drawn import draw_person, sample_person
from rtmw_ext.zoo import resolve_networks

PHOTO = Path(__file__).resolve().parents[2] / 'projects/rtmw/people.jpg'
#: Of a picture on the sheet, in pixels.
WIDTH, HEIGHT = 480, 360
DARK, LIGHT = 24, 232
NAMES = ('Zoë', 'Łukasz', 'Ελένη', 'Мария')


def drawn_people(
    rng: np.random.Generator, places: list[tuple[float, float, float]], grey: int
) -> tuple[np.ndarray, People]:
    """People with random scores on a plain background.

    Args:
        rng: Of poses, clothes and scores.
        places: x, y, height of each in pixels.
        grey: Of the background.
    """
    image = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
    points = np.stack([sample_person(rng, (x, y), tall) for x, y, tall in places])
    for person in points:
        draw_person(image, person, rng)
    scores = rng.uniform(0.3, 1.2, points.shape[:2]).clip(0, 1)
    boxes = np.concatenate([points.min(1), points.max(1)], 1)
    people = People(
        points.astype(np.float32),
        scores.astype(np.float32),
        boxes.astype(np.float32),
        np.ones(len(points), np.float32),
        ids=np.arange(1, len(points) + 1),
    )
    return image, people


def fit(picture: np.ndarray, title: str, width: int = WIDTH) -> np.ndarray:
    """A picture in the middle of its place, with a title."""
    scale = min(width / picture.shape[1], HEIGHT / picture.shape[0])
    picture = cv2.resize(
        picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )
    place = np.zeros((HEIGHT, width, 3), np.uint8)
    y, x = (HEIGHT - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    place[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    draw_text(place, title, (0, HEIGHT), (255, 255, 255), 13, (40, 40, 40))
    return place


def drawn_by_others(image: np.ndarray, people: People) -> list[np.ndarray]:
    """Of the packages that are installed."""
    pictures = []
    try:
        import supervision
    except ImportError:
        print('supervision is not installed: its drawing is left out')
    else:
        points = people.to_supervision()
        edges = [(start + 1, stop + 1) for start, stop in BONES]
        scene = supervision.EdgeAnnotator(edges=edges).annotate(image.copy(), points)
        scene = supervision.VertexAnnotator(radius=3).annotate(scene, points)
        pictures.append(fit(scene, 'supervision'))
    try:
        from rtmlib import draw_skeleton
    except ImportError:
        print('rtmlib is not installed: its drawing is left out')
    else:
        scene = draw_skeleton(
            image.copy(), people.keypoints, people.scores, kpt_thr=0.3
        )
        pictures.append(fit(scene, 'rtmlib'))
    return pictures


def main() -> None:
    """Draws and writes the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path)
    parser.add_argument('--pose', default='rtmw3d-t', help='a 3D network')
    parser.add_argument('--det', default='rtmdet-nano')
    flags = parser.parse_args()
    rng = np.random.default_rng(7)
    rows = []
    for grey, name in ((DARK, 'dark'), (LIGHT, 'light')):
        close, person = drawn_people(rng, [(240, 178, 330)], grey)
        far = [
            (
                48 + 96 * column + rng.uniform(-20, 20),
                48 + 86 * row,
                rng.uniform(45, 75),
            )
            for row in range(4)
            for column in range(5)
        ]
        crowd_image, crowd = drawn_people(rng, far, grey)
        rows.append(
            [
                fit(draw_people(close, person), f'one person close, {name}'),
                fit(
                    draw_people(crowd_image, crowd, ids=True),
                    f'{len(crowd)} people far, {name}, --ids',
                ),
                fit(
                    draw_pose_map(person, (WIDTH, HEIGHT))
                    if grey == DARK
                    else draw_people(close, person, parts=['face', 'hands']),
                    '--pose-map' if grey == DARK else '--parts face hands',
                ),
            ]
        )
    image = read_image(PHOTO)
    networks = resolve_networks({'pose': flags.pose, 'detector': flags.det})
    estimate = WholeBody(networks['pose'], networks['detector'])
    people = estimate(image)
    ours = draw_people(
        image,
        people,
        boxes=True,
        labels=[*NAMES, *map(str, people.boxes)][: len(people)],
    )
    scene = draw_scene(
        people.keypoints_3d_cam, people.scores >= 0.3, (2 * WIDTH, HEIGHT)
    )
    rows.append(
        [
            fit(ours, '--draw-boxes, labels of any script'),
            fit(scene[..., ::-1], '--scene', 2 * WIDTH),
        ]
    )
    others = drawn_by_others(image, people)
    if len(others) == 2:
        rows.append([fit(draw_people(image, people), 'rtmw'), *others])
    sheet = np.vstack([np.hstack(row) for row in rows])
    cv2.imwrite(str(flags.out), sheet, [cv2.IMWRITE_JPEG_QUALITY, 72])


if __name__ == '__main__':
    main()
