#!/usr/bin/env python3
"""AP by part of networks in the annotated boxes, by the runtime:

tools/test_network.py ANNOTATIONS IMAGE_FOLDER NETWORK [NETWORK ...]

A network is an .onnx or .xml file, a name (rtmw models), or
CONFIG=CHECKPOINT. It shows what int8 or bf16 costs, and, with --out, the
people that each network finds, side by side; --sheet draws the points without
the photos, which may not be ours to show, the annotated ones first. Of few
people, where a box lies changes the AP more than a format does: --boxes takes
the mean over many.
"""

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

import cv2
import numpy as np
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from xtcocotools.coco import COCO

from rtmw_ext.commands.infer import SECOND_LOOK
from rtmw_ext.core.images import read_image
from rtmw_ext.core.skeleton import FIELDS, NUM_KEYPOINTS
from rtmw_ext.evaluation.wholebody_metric import part_stats
from rtmw_ext.export.quantize import jitter_boxes
from rtmw_ext.output.draw2d import draw_people
from rtmw_ext.output.formats.coco_json import coco_rows
from rtmw_ext.runtime import People, PoseModel
from rtmw_ext.zoo import resolve_network

METAINFO = 'configs/_base_/datasets/coco_wholebody.py'


def images_of(truth, folder):
    """(entry, path, annotations, boxes (N, 4) x1, y1, x2, y2) of each image of
    a COCO file."""
    for image in truth.loadImgs(truth.getImgIds()):
        rows = truth.loadAnns(truth.getAnnIds(imgIds=image['id']))
        boxes = np.array([row['bbox'] for row in rows], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        yield image, folder / image['file_name'], rows, boxes


def evaluate(pose, annotations, folder, rng=None):
    """AP of the whole body and its parts.

    Args:
        pose (PoseModel): Of the 133 points.
        annotations (str): COCO-WholeBody's file.
        folder (Path): Of its images.
        rng (np.random.Generator, optional): Moves the boxes.

    Returns:
        tuple[dict, dict]: {part: AP in [0, 1]}, whole first, and {path of an
        image: its People}.
    """
    sigmas = np.array(parse_pose_metainfo(dict(from_file=METAINFO))['sigmas'])
    people = {}
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(annotations)
        results = []
        for image, path, _, boxes in images_of(truth, folder):
            if rng:
                boxes = jitter_boxes(boxes, rng)
            people[path] = pose(path, boxes)
            results += coco_rows(people[path], image['id'])
        stats = part_stats(truth, truth.loadRes(results), sigmas)
    return {part: float(values['AP']) for part, values in stats.items()}, people


def load(text, scratch, **network):
    """The PoseModel that the command line means; one from a checkpoint is
    exported into the folder ``scratch``."""
    config, _, checkpoint = text.partition('=')
    if not checkpoint:
        return PoseModel(resolve_network(text), **network)
    from rtmw_ext.export import to_onnx
    from rtmw_ext.export.model import Exportable, ExportSource, describe
    from rtmw_ext.models.loading import load_model

    model, content, weights = load_model(config, checkpoint)
    path = Path(scratch) / f'{Path(config).stem}.onnx'
    metadata = describe(model, content, config, weights)
    to_onnx.write(ExportSource(Exportable(model), metadata), path)
    return PoseModel(path, **network)


def annotated(annotations, folder):
    """{path of an image: its People, scores 1 where a point is labelled}."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(annotations)
    found = {}
    for _, path, rows, boxes in images_of(truth, folder):
        points = np.float32(
            [np.concatenate([row[field] for field in FIELDS]) for row in rows]
        ).reshape(-1, NUM_KEYPOINTS, 3)
        found[path] = People(
            points[..., :2],
            (points[..., 2] > 0).astype(np.float32),
            boxes,
            np.ones(len(rows), np.float32),
        )
    return found


def sheet(rows, width=480):
    """One picture of rows of pictures, each ``width`` pixels wide.

    Args:
        rows (list[list[ndarray]]): Pictures (H, W, 3); those of a row are of
            one size.

    Returns:
        ndarray: (H', W', 3).
    """
    return np.vstack(
        [
            np.hstack(
                [
                    cv2.resize(
                        picture,
                        (width, round(width * picture.shape[0] / picture.shape[1])),
                        interpolation=cv2.INTER_AREA,
                    )
                    for picture in row
                ]
            )
            for row in rows
        ]
    )


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('annotations')
    flags.add_argument('images', type=Path)
    flags.add_argument('networks', nargs='+')
    flags.add_argument('--backend')
    flags.add_argument('--precision', default='fp32')
    flags.add_argument(
        '--second-look',
        nargs='?',
        metavar='NETWORK',
        const=SECOND_LOOK,
        help='at faces and hands, as of rtmw infer',
    )
    flags.add_argument(
        '--boxes',
        type=int,
        default=1,
        help='boxes of a person: its own, then moved ones (default: 1)',
    )
    flags.add_argument('--out', type=Path, help='folder for pictures')
    flags.add_argument('--sheet', type=Path, help='picture of all points')
    flags.add_argument(
        '--threshold',
        type=float,
        default=0.3,
        help='least score of a point drawn (default: 0.3), in '
        "parts of a sure one's, if the file says what that is",
    )
    flags = flags.parse_args()
    pictures = {}
    points = (
        {
            path: [(people, 0.5)]
            for path, people in annotated(flags.annotations, flags.images).items()
        }
        if flags.sheet
        else {}
    )
    for number, text in enumerate(flags.networks):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                how = dict(backend=flags.backend, precision=flags.precision)
                pose = load(
                    text,
                    scratch,
                    **how,
                    second_look=(
                        flags.second_look and load(flags.second_look, scratch, **how)
                    ),
                )
            except ValueError as error:
                raise SystemExit(f'error: {error}') from None
            values, people = evaluate(pose, flags.annotations, flags.images)
            more = [
                evaluate(
                    pose, flags.annotations, flags.images, np.random.default_rng(seed)
                )[0]
                for seed in range(1, flags.boxes)
            ]
            values = {
                part: np.mean([value, *(one[part] for one in more)])
                for part, value in values.items()
            }
        if not number:
            print(f'| AP | {" | ".join(values)} |')
            print('|---' * (len(values) + 1) + '|')
        cells = ' | '.join(f'{100 * value:.2f}' for value in values.values())
        print(f'| {text} | {cells} |', flush=True)
        threshold = pose.score_threshold(flags.threshold)
        for path, found in people.items() if flags.out else ():
            pictures.setdefault(path, []).append(
                draw_people(read_image(path), found, threshold)
            )
        for path, found in people.items() if flags.sheet else ():
            points[path].append((found, threshold))
    if flags.sheet:
        flags.sheet.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(
            str(flags.sheet),
            sheet(
                [
                    [
                        draw_people(np.full_like(read_image(path), 60), *one)
                        for one in row
                    ]
                    for path, row in points.items()
                ]
            ),
        )
    for path, drawn in pictures.items():
        flags.out.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(flags.out / f'{path.stem}.jpg'), np.hstack(drawn))


if __name__ == '__main__':
    main()
