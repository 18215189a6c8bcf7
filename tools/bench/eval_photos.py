#!/usr/bin/env python3
"""Our networks on photos, beside MediaPipe Holistic:

make eval-photos
tools/bench/eval_photos.py --pose POSE.onnx --parts PARTS.onnx \
    --detector DETECTOR.onnx --mediapipe mp/bin/python

A network is an .onnx or .xml file, a name, or, of poses, CONFIG=CHECKPOINT.
Boxes are the annotated ones, there is no flip test. Distances: body and feet in
longer sides of the box, faces in distances of the outer eye corners, hands in
longer sides of the hand's points. What has no data here is skipped with the
reason.
"""

import argparse
import contextlib
import io
import json
import runpy
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmw_ext.core import geometry
from rtmw_ext.core.images import list_images, read_image
from rtmw_ext.core.skeleton import FIELDS, HIPS, PARTS
from rtmw_ext.evaluation import photos as measure
from rtmw_ext.runtime import Detector, PoseModel
from rtmw_ext.zoo import resolve_network

ROOT = Path(__file__).resolve().parents[2]

#: {row of a table: its value}
Figures = dict[str, float]
#: Takes the photo (N) and the box (N, 4) of each person; gives points
#: (N, 133, 2) in pixels and scores (N, 133) in [0, 1].
Predictor = Callable[[Sequence[Path], np.ndarray], tuple[np.ndarray, np.ndarray]]
#: {part: (scores, whether they were right) of each set}
Outcomes = dict[str, list[tuple[np.ndarray, np.ndarray]]]


def load_tool(name: str) -> dict[str, Any]:
    """What ``tools/NAME.py`` defines. By its path: tests have modules of its
    name."""
    return runpy.run_path(str(ROOT / 'tools' / f'{name}.py'))


evaluate_detector = load_tool('test_detector')['evaluate']

SETS = ('lspet', 'ccp', 'fedb', 'lfw', 'asl')
#: Human3.6M's points -> ours; the 12 joints of both.
H36M = {
    1: 12,
    2: 14,
    3: 16,
    4: 11,
    5: 13,
    6: 15,
    11: 5,
    12: 7,
    13: 9,
    14: 6,
    15: 8,
    16: 10,
}
#: WFLW's points of the face's 68, in their order.
WFLW = [
    theirs
    for theirs, ours in runpy.run_path(
        str(ROOT / 'configs/_base_/datasets/wflw_133.py')
    )['wflw_train']['pipeline'][0]['pairs']
]
MEDIAPIPE = Path(__file__).with_name('mediapipe_holistic.py')

#: What weights that work on photos must reach: number, column, row, limit; at
#: most the limit where it is negative.
TARGETS = (
    (1, 'one look', 'lspet body < 0.1', 0.70),
    (2, 'one look', 'ccp body < 0.1', 0.98),
    (2, 'one look', 'fedb body < 0.1', 0.93),
    (2, 'one look', 'ccp heels, big toes < 0.1', 0.95),
    (2, 'one look', 'fedb heels, big toes < 0.1', 0.90),
    (3, 'second look', 'ccp face error', -0.08),
    (3, 'second look', 'fedb face error', -0.08),
    (3, 'second look', 'lfw face error', -0.08),
    (4, 'second look', 'ccp hand error', -0.25),
    (4, 'second look', 'fedb hand error', -0.25),
    (4, 'second look', 'ccp hand < 0.1', 0.45),
    (4, 'second look', 'fedb hand < 0.1', 0.45),
    (4, 'second look', 'asl hand error', -0.12),
    (5, 'second look', 'COCO sample, AP whole', 28),
    (5, 'second look', 'COCO sample, AP body', 40),
    (5, 'second look', 'COCO sample, AP foot', 25),
    (5, 'second look', 'COCO sample, AP face', 50),
    (5, 'second look', 'COCO sample, AP hand', 5),
    (6, 'detector', 'four photos: people of 14', 12),
    (6, 'detector', 'four photos: AP50', 0.85),
    (6, 'detector', 'lspet recall', 0.97),
    (6, 'detector', 'false boxes a photo', -0.05),
    (7, '3D', 'rendered, AP whole', 55),
    (7, '3D', 'rendered, MPJPE in mm', -150),
    (7, '3D', 'rendered, MPJPE/hands-wrist in mm', -62),
    (7, '3D', 'Human3.6M, MPJPE in mm', -150),
    (7, '3D', 'Human3.6M, P-MPJPE in mm', -95),
    (8, 'one look', 'calibration error of body', -0.05),
    (8, 'second look', 'calibration error of face', -0.05),
    (8, 'second look', 'calibration error of hand', -0.05),
)


class PosePredictor:
    """A pose network, with or without a second look, as a ``Predictor``.

    Args:
        pose: The network.
        raw: Give raw scores, by which AP ranks people.

    Attributes:
        seconds (list[float]): Of the call for each person.
    """

    def __init__(self, pose: PoseModel, raw: bool = False) -> None:
        self.pose, self.raw = pose, raw
        self.seconds: list[float] = []

    def __call__(
        self, paths: Sequence[Path], boxes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As of ``Predictor``."""
        points, scores = [], []
        for path, box in zip(paths, boxes):
            image = read_image(path)
            start = time.perf_counter()
            people = self.pose(image, box[None])
            self.seconds.append(time.perf_counter() - start)
            points.append(people.keypoints[0])
            scores.append((people.raw_scores if self.raw else people.scores)[0])
        return np.stack(points).astype(float), np.stack(scores)


class MediaPipePredictor:
    """MediaPipe Holistic as a ``Predictor``, by a Python that has it.

    Args:
        python: Path of that Python.

    Attributes:
        seconds (list[float]): Of the call for each person.
    """

    def __init__(self, python: str) -> None:
        self.python = python
        self.seconds: list[float] = []

    def __call__(
        self, paths: Sequence[Path], boxes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As of ``Predictor``."""
        with tempfile.TemporaryDirectory() as folder:
            cases, out = (Path(folder) / name for name in ('c.json', 'o.npz'))
            cases.write_text(
                json.dumps(
                    [[str(path), *map(float, box)] for path, box in zip(paths, boxes)]
                )
            )
            subprocess.run(
                [self.python, str(MEDIAPIPE), str(cases), str(out)],
                check=True,
                capture_output=True,
            )
            with np.load(out) as found:
                self.seconds += found['seconds'].tolist()
                return found['points'], found['scores']


def load_pose(text: str, scratch: str | Path) -> PoseModel:
    """The PoseModel of a file, a name, or CONFIG=CHECKPOINT, which is exported
    into a folder of its own in ``scratch``."""
    if '=' not in text:
        return PoseModel(resolve_network(text))
    return load_tool('test_network')['load'](text, tempfile.mkdtemp(dir=scratch))


def photo_figures(truth: measure.PhotoSet, points: np.ndarray, name: str) -> Figures:
    """Distances of points (N, 133, 2) on the set ``name``, of what is labelled in
    it."""
    figures: Figures = {}
    feet = truth.known[:, list(measure.FEET)]
    if name in ('lspet', 'ccp', 'fedb'):
        figures[f'{name} body < 0.1'] = measure.pck(truth, points, PARTS['body'], 0.1)
    if feet.any():
        figures[f'{name} heels, big toes < 0.1'] = measure.pck(
            truth, points, measure.FEET, 0.1
        )
    value, count = measure.face_error(truth, points)
    if count:
        figures[f'{name} face error'] = value
    hands = measure.hand_errors(truth, points)
    if len(hands):
        figures[f'{name} hand error'] = float(np.nanmean(hands))
        known = hands[np.isfinite(hands)]
        figures[f'{name} hand < 0.1'] = float((known <= 0.1).mean())
    return figures


def is_detected(scores: np.ndarray, part: str) -> np.ndarray:
    """(N, ) bool, whether any of a part's points has a score (N, 133) > 0."""
    return (scores[:, list(PARTS[part])] > 0).any(1)


def read_wflw(folder: Path) -> measure.PhotoSet:
    """The faces of the WFLW sample as a :class:`PhotoSet`."""
    content = json.loads((folder / 'test_wflw.json').read_text())
    names = {image['id']: image['file_name'] for image in content['images']}
    paths, boxes, all_points = [], [], []
    for row in content['annotations']:
        points = np.reshape(row['keypoints'], (-1, 3))[WFLW, :2]
        paths.append(folder / names[row['image_id']])
        boxes.append(np.concatenate([points.min(0), points.max(0)]))
        whole = np.zeros((133, 2))
        whole[list(PARTS['face'])] = points
        all_points.append(whole)
    known = np.zeros((len(paths), 133), bool)
    known[:, list(PARTS['face'])] = True
    return measure.PhotoSet(paths, np.array(boxes), np.array(all_points), known)


def h36m_errors(pose: PoseModel, folder: Path) -> np.ndarray:
    """MPJPE and P-MPJPE in mm of the Human3.6M frames, 12 joints from the
    mean of the hips, no camera given: (F, 2). Boxes are the annotated
    points' with a tenth more a side."""
    from rtmw_ext.evaluation.mpjpe_metric import procrustes_errors

    data = np.load(folder / 'test_h36m_body3d.npz', allow_pickle=True)
    theirs, ours = np.transpose(list(H36M.items()))
    rows = []
    for name, places, points in zip(data['imgname'], data['part'], data['S']):
        low, high = places[:, :2].min(0), places[:, :2].max(0)
        box = np.concatenate([low - 0.1 * (high - low), high + 0.1 * (high - low)])
        people = pose(folder / str(name), box[None])
        found = people.keypoints_3d[0].astype(float)
        found = (found - found[list(HIPS)].mean(0))[ours]
        true = points[theirs, :3].astype(float)
        true -= points[[1, 4], :3].mean(0)
        apart = np.linalg.norm(found - true, axis=1).mean()
        rows.append([1000 * apart, 1000 * procrustes_errors(found, true).mean()])
    return np.array(rows)


def rendered_figures(
    pose: PoseModel, folder: Path, limit: int | None = None
) -> Figures:
    """AP and errors in mm of rendered people in their boxes, whose camera and depth
    of the hips are given; with ``limit``, of the first ones, without AP."""
    from rtmw_ext.evaluation.mpjpe_metric import person_errors

    annotations = folder / 'annotations/val.json'
    images = folder / 'images/val'
    content = json.loads(annotations.read_text())
    cameras = {
        image['id']: np.array(image['camera'], float) for image in content['images']
    }
    boxes = measure.read_photo_set(annotations, images)
    errors, points, scores = [], [], []
    for number, row in enumerate(content['annotations'][:limit]):
        people = pose(boxes.paths[number], boxes.boxes[number : number + 1])
        points.append(people.keypoints[0])
        scores.append(people.raw_scores[0])
        true = np.reshape(row['keypoints_3d'], (-1, 3))
        _, found = geometry.to_camera_space(
            people.keypoints,
            people.keypoints_3d[..., 2],
            true[list(HIPS), 2].mean()[None],
            dict(K=cameras[row['image_id']]),
        )
        errors.append(
            person_errors(found[0], true, np.array(row['keypoints_3d_valid'], bool))
        )
    found = {
        f'rendered, {name} in mm': 1000
        * float(np.concatenate([one[name] for one in errors]).mean())
        for name in ('MPJPE', 'MPJPE/hands-wrist')
    }
    if limit is None:
        ap = average_precision(annotations, points, scores)
        found.update({f'rendered, AP {part}': 100 * ap[part] for part in ap})
    return found


def average_precision(
    annotations: Path, points: Sequence[np.ndarray], scores: Sequence[np.ndarray]
) -> dict[str, float]:
    """{part: AP in [0, 1]} of points (N, 133, 2) and scores (N, 133) of the
    people of a COCO-WholeBody file, in their order."""
    from xtcocotools.coco import COCO

    from rtmw_ext.datasets.mapping import TARGET, definition
    from rtmw_ext.evaluation.wholebody_metric import part_stats

    sigmas = definition(TARGET)['sigmas']
    rows = json.loads(Path(annotations).read_text())['annotations']
    results = []
    for row, person, person_scores in zip(rows, points, scores):
        values = np.concatenate([person, person_scores[:, None]], 1)
        results.append(
            dict(
                image_id=row['image_id'],
                category_id=1,
                score=float(person_scores.mean()),
                **{
                    field: values[part].reshape(-1).tolist()
                    for field, part in FIELDS.items()
                },
            )
        )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(annotations))
        stats = part_stats(coco, coco.loadRes(results), np.array(sigmas))
    return {part: float(values['AP']) for part, values in stats.items()}


def coco_ap(predict: Predictor, folder: Path, boxes: int = 1) -> dict[str, float]:
    """{part: AP in [0, 1]} of the COCO sample, the mean over ``boxes`` boxes
    of each person: its own, then moved ones."""
    from rtmw_ext.export.quantize import jitter_boxes

    annotations = folder / 'test_coco_wholebody.json'
    truth = measure.read_photo_set(annotations, folder)
    total: dict[str, float] = {}
    for seed in range(boxes):
        regions = truth.boxes.astype(np.float32)
        if seed:
            regions = jitter_boxes(regions, np.random.default_rng(seed))
        for part, value in average_precision(
            annotations, *predict(truth.paths, regions)
        ).items():
            total[part] = total.get(part, 0) + value / boxes
    return total


def detection_figures(
    detector: Detector, shared: Path, empty: str | None
) -> tuple[Figures, list[str]]:
    """Figures of a detector, and why some are missing; ``empty`` is a folder of
    photos without people."""
    found, missing = {}, []
    coco = shared / 'samples/coco'
    if coco.is_dir():
        values = evaluate_detector(detector, coco / 'test_coco_wholebody.json', coco)
        found['four photos: people of 14'] = values['detected']
        found['four photos: AP50'] = values['AP50']
        found['four photos: boxes'] = values['boxes']
    lspet = shared / 'real/lspet'
    if lspet.is_dir():
        values = evaluate_detector(detector, lspet / 'val.json', lspet / 'images')
        found['lspet recall'] = values['detected'] / values['people']
    if empty:
        counts = [(detector(path)[1] >= 0.3).sum() for path in list_images(empty)]
        found['false boxes a photo'] = float(np.mean(counts))
        found['photos without people'] = len(counts)
    else:
        missing.append('false boxes: give --empty, a folder of photos without people')
    return found, missing


def print_table(
    columns: Mapping[str, Mapping[str, float]], rows: Sequence[str]
) -> None:
    """Prints a table; ``columns`` are {name: {row: value}}."""
    print(f'| | {" | ".join(columns)} |')
    print('|---' * (len(columns) + 1) + '|')
    for row in rows:
        cells = [values.get(row) for values in columns.values()]
        cells = [
            ''
            if value is None
            else f'{value:.3f}'
            if isinstance(value, float)
            else str(value)
            for value in cells
        ]
        print(f'| {row} | {" | ".join(cells)} |')
    print(flush=True)


def target_rows(columns: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Lines of a table of ``TARGETS``; one that was not measured says so."""
    for number, column, row, limit in TARGETS:
        value = columns.get(column, {}).get(row)
        wanted = f'>= {limit:g}' if limit > 0 else f'<= {-limit:g}'
        met = 'not measured'
        if value is not None:
            met = 'yes' if (value >= limit if limit > 0 else value <= -limit) else 'no'
        shown = '' if value is None else f'{value:.3f}'
        yield f'| {number} | {row}, {column} | {shown} | {wanted} | {met} |'
    ours = columns.get('one look', {}).get('ms a person')
    theirs = columns.get('MediaPipe Holistic', {}).get('ms a person')
    if ours and theirs:
        met = 'yes' if ours < theirs else 'no'
        yield f'| 10 | ms a person, one look | {ours:.1f} | < {theirs:.1f} | {met} |'


def print_diagram(rows: np.ndarray) -> None:
    """Prints the reliability diagram of ``measure.reliability``'s rows."""
    for score, right, count in rows:
        if count:
            print(
                f'    {score:.2f} said, {right:.2f} right '
                f'{"#" * round(40 * right):40s} {int(count)} points'
            )


def evaluate_sets(
    predict: Predictor,
    sets: Mapping[str, measure.PhotoSet],
    outcomes: Outcomes | None = None,
) -> Figures:
    """Distances of a predictor on photos.

    Args:
        predict: The predictor.
        sets: By name.
        outcomes: Gets the scores of each part, and whether they were right. None:
            the predictor may find nothing, which has no distance.
    """
    figures: Figures = {}
    for name, truth in sets.items():
        points, scores = predict(truth.paths, truth.boxes)
        figures.update(photo_figures(truth, points, name))
        if outcomes is not None:
            for part in measure.CORRECT_WITHIN:
                # Partly labelled sets have faces alone or bodies alone.
                outcomes.setdefault(part, []).append(
                    measure.score_outcomes(truth, points, scores, part)
                )
            continue
        total = measure.face_error(truth, points)[1]
        if total:
            figures[f'{name} face error'], count = measure.face_error(
                truth, points, is_detected(scores, 'face')
            )
            figures[f'{name} faces found'] = count / total
        total = len(measure.hand_errors(truth, points))
        if total:
            detected = {part: is_detected(scores, part) for part in measure.HANDS}
            hands = measure.hand_errors(truth, points, detected)
            figures[f'{name} hand error'] = (
                float(np.nanmean(hands)) if len(hands) else float('nan')
            )
            figures[f'{name} hands found'] = len(hands) / total
    return figures


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('--pose', default='rtmw-t')
    flags.add_argument('--pose3d', default='rtmw3d-t')
    flags.add_argument('--parts', default='rtmw-t-parts')
    flags.add_argument('--detector', default='rtmdet-nano')
    flags.add_argument('--shared', type=Path, default=ROOT.parent / 'shared')
    flags.add_argument('--sets', nargs='*', default=SETS, choices=SETS)
    flags.add_argument(
        '--boxes', type=int, default=10, help='boxes of a person of the COCO sample'
    )
    flags.add_argument('--limit', type=int, help='persons of a set at most')
    flags.add_argument(
        '--rendered', type=Path, default=ROOT / 'data/synthetic', help='people, val'
    )
    flags.add_argument('--empty', help='folder of photos without people')
    flags.add_argument(
        '--mediapipe',
        metavar='PYTHON',
        help='a Python with mediapipe, for a column of it',
    )
    flags.add_argument(
        '--one-look', action='store_true', help='leave the second look out'
    )
    flags = flags.parse_args()
    real, samples = flags.shared / 'real', flags.shared / 'samples'
    sets, missing = {}, []
    for name in flags.sets:
        path = real / name / 'val.json'
        if not path.is_file():
            missing.append(f'{name}: {path} is absent')
            continue
        truth = measure.read_photo_set(path, real / name / 'images')
        if flags.limit:
            truth = truth[: flags.limit]
        sets[name] = truth
    if (samples / 'wflw').is_dir():
        sets['wflw'] = read_wflw(samples / 'wflw')
    else:
        missing.append(f'wflw, coco, h36m: {samples} is absent')
    scratch = tempfile.TemporaryDirectory()
    pose, pose3d, parts = (
        load_pose(name, scratch.name)
        for name in (flags.pose, flags.pose3d, flags.parts)
    )
    again = PoseModel(pose.network.path, second_look=parts)
    predictors = {'one look': PosePredictor(pose)}
    if not flags.one_look:
        predictors['second look'] = PosePredictor(again)
    if flags.mediapipe:
        predictors['MediaPipe Holistic'] = MediaPipePredictor(flags.mediapipe)
    columns: dict[str, Figures] = {}
    all_outcomes: dict[str, Outcomes] = {}
    for name, predict in predictors.items():
        outcomes: Outcomes | None = (
            None if isinstance(predict, MediaPipePredictor) else {}
        )
        columns[name] = evaluate_sets(predict, sets, outcomes)
        columns[name]['ms a person'] = 1000 * float(np.median(predict.seconds))
        all_outcomes[name] = outcomes or {}
        if (samples / 'coco').is_dir():
            ranked = predict
            if isinstance(predict, PosePredictor):
                ranked = PosePredictor(predict.pose, raw=True)
            for part, value in coco_ap(ranked, samples / 'coco', flags.boxes).items():
                columns[name][f'COCO sample, AP {part}'] = 100 * value
    for name, outcomes in all_outcomes.items():
        for part, rows in outcomes.items():
            scores, correct = map(np.concatenate, zip(*rows))
            error, bins = measure.reliability(scores, correct)
            columns[name][f'calibration error of {part}'] = error
            print(f'{name}, scores of {part}: expected calibration error {error:.3f}')
            print_diagram(bins)
    print_table(
        columns,
        list(dict.fromkeys(row for values in columns.values() for row in values)),
    )
    columns['3D'] = {}
    if (samples / 'h36m').is_dir():
        errors = h36m_errors(pose3d, samples / 'h36m')
        print(
            'Human3.6M frames, MPJPE and P-MPJPE in mm of each: '
            + ', '.join(f'{a:.0f} {b:.0f}' for a, b in errors)
        )
        columns['3D']['Human3.6M, MPJPE in mm'] = float(errors[:, 0].mean())
        columns['3D']['Human3.6M, P-MPJPE in mm'] = float(errors[:, 1].mean())
    if (flags.rendered / 'annotations/val.json').is_file():
        deep = PoseModel(pose3d.network.path, second_look=parts)
        columns['3D'].update(rendered_figures(deep, flags.rendered, flags.limit))
    else:
        missing.append(f'rendered people: {flags.rendered}, `make synthetic-val`')
    found, more = detection_figures(
        Detector(resolve_network(flags.detector, 'detector'), score_thr=0.01),
        flags.shared,
        flags.empty,
    )
    columns['detector'] = found
    for name in ('3D', 'detector'):
        print_table({name: columns[name]}, list(columns[name]))
    print('| bar | figure | value | wanted | met |\n|---|---|---|---|---|')
    print(*target_rows(columns), sep='\n')
    for reason in missing + more:
        print(f'skipped {reason}')


if __name__ == '__main__':
    main()
