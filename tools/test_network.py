#!/usr/bin/env python3
"""AP by part of pose networks in the annotated boxes, computed by the runtime:

tools/test_network.py ANNOTATIONS IMAGE_FOLDER NETWORK [NETWORK ...]

A network is an .onnx or .xml file, a name (rtmw models), or CONFIG=CHECKPOINT.
The table shows what int8 or bf16 costs. --out draws the people that each
network predicts, side by side. --sheet draws the annotated and the predicted
points without the photos, for photos that cannot be published. With few people,
the position of a box changes the AP more than a format does: --boxes takes the
mean over several boxes of each person.
"""

import argparse
import contextlib
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from xtcocotools.coco import COCO

from rtmw_ext.core.images import read_image
from rtmw_ext.core.skeleton import FIELDS, NUM_KEYPOINTS
from rtmw_ext.datasets import WholeBodyDataset
from rtmw_ext.evaluation.wholebody_metric import part_stats
from rtmw_ext.export.quantize import jitter_boxes
from rtmw_ext.output.draw2d import draw_people
from rtmw_ext.output.formats.coco_json import coco_rows
from rtmw_ext.runtime import People, PoseModel
from rtmw_ext.zoo import SECOND_LOOK, resolve_network

METAINFO = 'configs/_base_/datasets/coco_wholebody.py'
#: Grey on which --sheet draws, and least score of its annotated points, which
#: score 0 or 1.
GREY, LABELLED = 60, 0.5


def load_annotations(path: str | Path) -> COCO:
    """The people of a COCO-WholeBody file, read without print-outs.

    Raises:
        AnnotationError: A row cannot be used, or there is nobody.
    """
    dataset = WholeBodyDataset(str(path), test_mode=True)
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(dataset.truth_file)


def iterate_images(
    truth: COCO, folder: Path
) -> Iterator[tuple[int, Path, list[dict], np.ndarray]]:
    """(id, path, annotations, boxes (N, 4) x1, y1, x2, y2) of each image."""
    for image in truth.loadImgs(truth.getImgIds()):
        rows = truth.loadAnns(truth.getAnnIds(imgIds=image['id']))
        boxes = np.array([row['bbox'] for row in rows], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        yield image['id'], folder / image['file_name'], rows, boxes


def evaluate(
    pose: Callable[..., People],
    annotations: str | Path,
    folder: Path,
    rng: np.random.Generator | None = None,
) -> tuple[dict[str, float], dict[Path, People]]:
    """AP of the whole body and its parts.

    Args:
        pose: A PoseModel of the 133 points.
        annotations: COCO-WholeBody's file.
        folder: Of its images.
        rng: Jitters the boxes; None leaves them.

    Returns:
        {part: AP in [0, 1]}, whole first, and {path of an image: its People}.
    """
    sigmas = np.array(parse_pose_metainfo(dict(from_file=METAINFO))['sigmas'])
    truth = load_annotations(annotations)
    people, results = {}, []
    for image_id, path, _, boxes in iterate_images(truth, folder):
        if rng is not None:
            boxes = jitter_boxes(boxes, rng)
        people[path] = found = pose(path, boxes)
        # Scores end at 1, or have curves; raw ones rank all people as AP of
        # released weights does.
        results += coco_rows(replace(found, scores=found.raw_scores), image_id)
    with contextlib.redirect_stdout(io.StringIO()):
        stats = part_stats(truth, truth.loadRes(results), sigmas)
    return {part: float(values['AP']) for part, values in stats.items()}, people


def mean_ap(
    pose: Callable[..., People], annotations: str | Path, folder: Path, boxes: int
) -> tuple[dict[str, float], dict[Path, People]]:
    """As :func:`evaluate`, with the mean AP over ``boxes`` boxes of a person:
    its own, then jittered ones."""
    ap, people = evaluate(pose, annotations, folder)
    others = [
        evaluate(pose, annotations, folder, np.random.default_rng(seed))[0]
        for seed in range(1, boxes)
    ]
    return {
        part: float(np.mean([value, *(other[part] for other in others)]))
        for part, value in ap.items()
    }, people


def load(text: str, scratch: str | Path, **options: Any) -> PoseModel:
    """The network that the command line names.

    Args:
        text: A file, a name, or CONFIG=CHECKPOINT.
        scratch: Folder for the export of a checkpoint.
        **options: Of PoseModel.
    """
    config, _, checkpoint = text.partition('=')
    if not checkpoint:
        return PoseModel(resolve_network(text), **options)
    from rtmw_ext.export import to_onnx
    from rtmw_ext.export.model import Exportable, ExportSource, describe
    from rtmw_ext.models.loading import load_model

    model, content, weights = load_model(config, checkpoint)
    path = Path(scratch) / f'{Path(config).stem}.onnx'
    metadata = describe(model, content, config, weights)
    to_onnx.write(ExportSource(Exportable(model), metadata), path)
    return PoseModel(path, **options)


def annotated_people(annotations: str | Path, folder: Path) -> dict[Path, People]:
    """{path of an image: its annotated people}, with a score of 1 where a point
    is labelled, else 0."""
    people = {}
    for _, path, rows, boxes in iterate_images(load_annotations(annotations), folder):
        points = np.array(
            [np.concatenate([row[field] for field in FIELDS]) for row in rows],
            np.float32,
        ).reshape(-1, NUM_KEYPOINTS, 3)
        people[path] = People(
            points[..., :2],
            (points[..., 2] > 0).astype(np.float32),
            boxes,
            np.ones(len(rows), np.float32),
        )
    return people


def tile(rows: list[list[np.ndarray]], width: int = 480) -> np.ndarray:
    """One picture of rows of pictures.

    Args:
        rows: Pictures (H, W, 3); those of a row are of one size.
        width: Of each picture in the result, in pixels.

    Returns:
        (H', W', 3).
    """
    lines = []
    for row in rows:
        height = round(width * row[0].shape[0] / row[0].shape[1])
        lines.append(
            np.hstack(
                [
                    cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
                    for picture in row
                ]
            )
        )
    return np.vstack(lines)


def parse_flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('annotations')
    parser.add_argument('images', type=Path)
    parser.add_argument('networks', nargs='+')
    parser.add_argument('--backend')
    parser.add_argument('--precision', default='fp32')
    parser.add_argument(
        '--second-look',
        nargs='?',
        metavar='NETWORK',
        const=SECOND_LOOK,
        help='at faces and hands, as of rtmw infer',
    )
    parser.add_argument(
        '--boxes',
        type=int,
        default=1,
        help='boxes of a person: its own, then jittered ones (default: 1)',
    )
    parser.add_argument('--out', type=Path, help='folder for pictures')
    parser.add_argument('--sheet', type=Path, help='picture of all points')
    parser.add_argument(
        '--threshold',
        type=float,
        default=0.3,
        help='least score of a point that is drawn, 0 to 1 (default: 0.3)',
    )
    return parser.parse_args()


def main() -> None:
    flags = parse_flags()
    # {path of an image: (people, least score of a point that is drawn) of the
    # annotations or of a network}
    annotated: dict[Path, list[tuple[People, float]]] = {
        path: [(people, LABELLED)]
        for path, people in annotated_people(flags.annotations, flags.images).items()
    }
    predicted: dict[Path, list[tuple[People, float]]] = {path: [] for path in annotated}
    options = dict(backend=flags.backend, precision=flags.precision)
    for number, text in enumerate(flags.networks):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                parts = flags.second_look and load(
                    flags.second_look, scratch, **options
                )
                pose = load(text, scratch, second_look=parts, **options)
            except ValueError as error:
                raise SystemExit(f'error: {error}') from None
            ap, people = mean_ap(pose, flags.annotations, flags.images, flags.boxes)
        if number == 0:
            print(f'| AP | {" | ".join(ap)} |')
            print('|---' * (len(ap) + 1) + '|')
        cells = ' | '.join(f'{100 * value:.2f}' for value in ap.values())
        print(f'| {text} | {cells} |', flush=True)
        for path in people:
            predicted[path].append((people[path], flags.threshold))
    if flags.sheet:
        flags.sheet.parent.mkdir(parents=True, exist_ok=True)
        rows = []
        for path in annotated:
            grey = np.full_like(read_image(path), GREY)
            rows.append(
                [
                    draw_people(grey, people, threshold)
                    for people, threshold in annotated[path] + predicted[path]
                ]
            )
        cv2.imwrite(str(flags.sheet), tile(rows))
    if flags.out:
        flags.out.mkdir(parents=True, exist_ok=True)
        for path in predicted:
            image = read_image(path)
            pictures = [
                draw_people(image, people, threshold)
                for people, threshold in predicted[path]
            ]
            cv2.imwrite(str(flags.out / f'{path.stem}.jpg'), np.hstack(pictures))


if __name__ == '__main__':
    main()
