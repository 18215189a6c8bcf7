#!/usr/bin/env python3
"""Draws samples of datasets: after the mapping to 133 points, and after the
whole training pipeline.

    tools/dataset/browse.py aic halpe --out sheet.png
    tools/dataset/browse.py mine.py --set data_root=data/mine/ --out x.html

Left points are orange, right ones blue, the middle is green; hollow points
have half weight. The first row of a dataset is the mapping, the second the
pipeline.
"""

import argparse
import base64
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, TRANSFORMS

from rtmw_ext.core.images import read_image
from rtmw_ext.core.paths import root
from rtmw_ext.core.skeleton import LINKS
from rtmw_ext.datasets import catalog
from rtmw_ext.datasets.mapping import TARGET, definition

LEFT, RIGHT, MIDDLE = (0, 140, 255), (255, 120, 0), (60, 200, 60)
# The skeleton of the definition has no links in the face.
TILE = 420


def links() -> list[tuple[int, int]]:
    return [*definition(TARGET)['skeleton_links'], *LINKS['face']]


def color(index: int) -> tuple[int, int, int]:
    mirrored = definition(TARGET)['flip_indices'][index]
    if mirrored == index:
        return MIDDLE
    name = definition(TARGET)['keypoint_id2name'][index]
    if name.startswith('face-'):
        # The 68 points start at the person's right.
        half = {
            *range(23, 31),
            *range(40, 45),
            54,
            55,
            *range(59, 65),
            71,
            72,
            73,
            81,
            82,
            83,
            84,
            90,
        }
        return RIGHT if index in half else LEFT
    return LEFT if name.startswith('left') else RIGHT


def draw(
    image: np.ndarray, keypoints: np.ndarray, weights: np.ndarray, radius: int = 2
) -> np.ndarray:
    """The image with points (K, 2) in its pixels and their weights (K,)."""
    image = image.copy()
    fixed = np.round(keypoints * 16).astype(int)
    for a, b in links():
        if weights[a] > 0 and weights[b] > 0:
            cv2.line(
                image,
                fixed[a].tolist(),
                fixed[b].tolist(),
                color(a) if color(a) == color(b) else MIDDLE,
                1,
                cv2.LINE_AA,
                4,
            )
    for index in np.flatnonzero(weights > 0):
        cv2.circle(
            image,
            fixed[index].tolist(),
            radius * 16,
            color(index),
            1 if weights[index] < 1 else -1,
            cv2.LINE_AA,
            4,
        )
    return image


def mapped_tile(sample: dict) -> np.ndarray:
    """(TILE, TILE, 3): the box of a sample and its points, enlarged."""
    image = sample['img'] if 'img' in sample else read_image(sample['img_path'])
    keypoints = sample['keypoints'][0]
    weights = sample['keypoints_visible'][0]
    seen = keypoints[weights > 0]
    box = sample['bbox'][0]
    low = np.minimum(box[:2], seen.min(0) if len(seen) else box[:2])
    high = np.maximum(box[2:], seen.max(0) if len(seen) else box[2:])
    scale = TILE / (1.15 * (high - low).max())
    matrix = np.array([[scale, 0, TILE / 2], [0, scale, TILE / 2]])
    matrix[:, 2] -= scale * (low + high) / 2
    tile = cv2.warpAffine(
        image,
        matrix,
        (TILE, TILE),
        flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC,
    )
    return draw(tile, keypoints * scale + matrix[:, 2], weights)


def crop_tile(sample: dict) -> np.ndarray:
    """(TILE, TILE, 3): a crop of the pipeline, enlarged."""
    crop = sample['img']
    scale = TILE / max(crop.shape[:2])
    tile = np.zeros((TILE, TILE, 3), np.uint8)
    resized = cv2.resize(crop, None, fx=scale, fy=scale)
    resized = draw(
        resized,
        sample['transformed_keypoints'][0] * scale,
        sample['keypoints_visible'][0],
    )
    tile[: resized.shape[0], : resized.shape[1]] = resized[:TILE, :TILE]
    return tile


def rows_of(
    config: dict, steps: Sequence[Callable], number: int, rng: np.random.Generator
) -> tuple[str, list[list[np.ndarray]]]:
    """A dataset's name and its tiles: [after mapping], [after pipeline]."""
    config.pop('share', None)
    dataset = DATASETS.build(config)
    chosen = rng.permutation(len(dataset))[:number]
    mapped, cropped = [], []
    for index in sorted(chosen):
        sample = dataset[int(index)]
        if not Path(sample['img_path']).is_file():
            raise SystemExit(
                f'image {sample["img_path"]} does not exist: check data_prefix'
            )
        mapped.append(mapped_tile(sample))
        for step in steps:
            sample = step(sample)
        cropped.append(crop_tile(sample))
    return dataset.metainfo['dataset_name'], [mapped, cropped]


def label(tile: np.ndarray, text: str) -> np.ndarray:
    tile = tile.copy()
    cv2.rectangle(tile, (0, 0), (9 * len(text) + 8, 24), (0, 0, 0), -1)
    cv2.putText(
        tile,
        text,
        (6, 17),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.5,
        (255, 255, 255),
        1,
        cv2.LINE_AA,
    )
    return tile


def write(out: Path, rows: list[tuple[str, list[np.ndarray]]]) -> None:
    """Writes (name, tiles) rows as one picture or as an HTML page."""
    if out.suffix != '.html':
        width = max(len(tiles) for _, tiles in rows)
        blank = np.zeros((TILE, TILE, 3), np.uint8)
        sheet = np.vstack(
            [
                np.hstack(
                    [label(tile, name) for tile in tiles]
                    + [blank] * (width - len(tiles))
                )
                for name, tiles in rows
            ]
        )
        if not cv2.imwrite(str(out), sheet):
            raise SystemExit(f'cannot write {out}: end it in .png, .jpg or .html')
        return
    parts = ['<!doctype html><meta charset="utf-8"><title>Samples</title>']
    for name, tiles in rows:
        parts.append(f'<h3>{name}</h3>')
        for tile in tiles:
            data = cv2.imencode('.jpg', tile)[1].tobytes()
            parts.append(
                f'<img src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
            )
    out.write_text('\n'.join(parts), encoding='utf-8')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        'datasets', nargs='+', help='names of datasets, or config files'
    )
    parser.add_argument(
        '--data',
        default='configs/_base_/data/rtmw_384x288.py',
        help='config whose train_pipeline is drawn',
    )
    parser.add_argument(
        '--set',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='override dataset settings',
    )
    parser.add_argument('--number', type=int, default=4, help='samples of a dataset')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, default=Path('samples.png'))
    flags = parser.parse_args()
    init_default_scope('mmpose')
    np.random.seed(flags.seed)
    rng = np.random.default_rng(flags.seed)
    path = Path(flags.data)
    data = Config.fromfile(path if path.is_file() else root() / path)
    steps = [
        TRANSFORMS.build(step)
        for step in data.train_dataloader.dataset.pipeline
        if step['type'] != 'GenerateTarget' and not step['type'].startswith('Pack')
    ]
    rows = []
    for name in flags.datasets:
        path = name if name.endswith('.py') else catalog.config_file(name)
        for config in catalog.training_sets(path):
            config = Config(config)
            config.merge_from_dict(flags.set)
            title, (mapped, cropped) = rows_of(
                config.to_dict(), steps, flags.number, rng
            )
            rows += [(f'{title}: mapped', mapped), (f'{title}: pipeline', cropped)]
    flags.out.parent.mkdir(parents=True, exist_ok=True)
    write(flags.out, rows)
    print(f'{flags.out}: {sum(len(tiles) for _, tiles in rows)} pictures')


if __name__ == '__main__':
    main()
