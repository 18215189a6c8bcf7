#!/usr/bin/env python3
"""Writes into network files what their scores are worth:

tools/calibrate.py POSE [--parts PARTS] --sets SET [SET ...] [--diagram PNG]

A network is a name (rtmw models), an .onnx, or CONFIG=FILE.safetensors. Its curves
(rtmw_ext/core/calibration.py) are written into the file of its weights and into each
graph beside it that reads them: PyTorch and the runtime then give the same scores,
in 2D and in 3D. Curves of the pose network are of one look; those of the second look
go into the files of faces and hands.

A set is a folder with images/ and val.json, or images/val/ and annotations/val.json,
of people that neither network was trained on. Printed, and drawn in the reliability
diagram, is the expected calibration error of points that the curve was not fitted
to: those of each half of a set, by the curve of the other halves.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench.eval_photos import load_pose
from tqdm import tqdm

from rtmw_ext.core.calibration import Curve, apply_curve
from rtmw_ext.core.errors import RTMWError, UsageError
from rtmw_ext.core.images import read_image
from rtmw_ext.evaluation import photos as measure
from rtmw_ext.export.external_data import set_calibration
from rtmw_ext.runtime import PoseModel
from rtmw_ext.zoo import resolve_network

#: Points of a part in a half at least.
LEAST = 30


@dataclass
class Outcomes:
    """Points of a part.

    Attributes:
        scores: (M, ) raw.
        correct: (M, ) bool, whether they were right.
        half: (M, ) 0 or 1, the half of its set that a point's person is in.
    """

    scores: np.ndarray
    correct: np.ndarray
    half: np.ndarray

    def fit(self, use: np.ndarray) -> Curve:
        """The curve of the points where ``use`` (M, ) is true."""
        return measure.fit_curve(self.scores[use], self.correct[use])

    def held_out_scores(self) -> np.ndarray:
        """(M, ) in [0, 1], by the curve of the other halves."""
        calibrated = np.zeros(len(self.scores))
        for half in (0, 1):
            test = self.half == half
            calibrated[test] = apply_curve(self.scores[test], self.fit(~test))
        return calibrated


def read_set(folder: Path) -> measure.PhotoSet:
    """The people of a folder of photos, or of rendered pictures."""
    if (folder / 'val.json').is_file():
        return measure.read_photo_set(folder / 'val.json', folder / 'images')
    return measure.read_photo_set(
        folder / 'annotations' / 'val.json', folder / 'images' / 'val'
    )


def collect_outcomes(
    pose: PoseModel, sets: list[measure.PhotoSet]
) -> dict[str, Outcomes]:
    """{part: what became of its labelled points} of all people."""
    found: dict[str, list] = {part: [] for part in measure.CORRECT_WITHIN}
    for truth in sets:
        for number, (path, box) in enumerate(zip(tqdm(truth.paths), truth.boxes)):
            people = pose(read_image(path), box[None])
            # Neighbours in a file may show the same person: a half is in one piece.
            half = 2 * number // len(truth)
            for part, rows in found.items():
                scores, correct = measure.score_outcomes(
                    truth[number : number + 1],
                    people.keypoints.astype(float),
                    people.raw_scores,
                    part,
                )
                rows.append((scores, correct, np.full(len(scores), half)))
    return {
        part: Outcomes(*map(np.concatenate, zip(*rows))) for part, rows in found.items()
    }


def fit_parts(
    outcomes: dict[str, Outcomes], parts: list[str], title: str
) -> tuple[dict[str, Curve], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Fits curves and prints their errors.

    Args:
        outcomes: Of :func:`collect_outcomes`.
        parts: That get a curve.
        title: Of the lines.

    Returns:
        {part: curve}, and {part: held-out scores and whether they were right}.
    """
    curves, held_out = {}, {}
    for part in parts:
        points = outcomes[part]
        if np.bincount(points.half, minlength=2).min() < LEAST:
            print(f'{title}, {part}: {len(points.half)} points are too few, left out')
            continue
        held_out[part] = points.held_out_scores(), points.correct
        error, _ = measure.reliability(*held_out[part])
        print(
            f'{title}, {part}: expected calibration error {error:.3f}, '
            f'{len(points.half)} points'
        )
        curves[part] = points.fit(np.ones(len(points.half), bool))
    return curves, held_out


def draw_diagram(
    looks: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]], path: Path
) -> None:
    """Draws the reliability diagram of each part.

    Args:
        looks: {title: {part: held-out scores and whether they were right}}.
        path: PNG to write, the same for the same points.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), dpi=80, layout='constrained')
    axes = figure.subplots(1, len(measure.CORRECT_WITHIN), sharey=True)
    for part, axis in zip(measure.CORRECT_WITHIN, axes):
        axis.plot([0, 1], [0, 1], color='0.7', linewidth=1)
        for title, parts in looks.items():
            if part not in parts:
                continue
            error, rows = measure.reliability(*parts[part])
            scores, shares, counts = rows[rows[:, 2] > 0].T
            axis.plot(scores, shares, linewidth=1, label=f'{title}, ECE {error:.3f}')
            # The area of a dot is the share of points in its bin.
            axis.scatter(scores, shares, 300 * counts / counts.sum())
        within = measure.CORRECT_WITHIN[part]
        axis.set(
            title=f'{part}: right within {within} of the '
            f'{"box" if part == "body" else part}',
            xlabel='score',
            xlim=(0, 1),
            ylim=(0, 1),
            aspect='equal',
        )
        axis.title.set_fontsize(9)
        if axis.get_legend_handles_labels()[1]:
            axis.legend(fontsize=8, frameon=False, loc='upper left')
    axes[0].set_ylabel('share of points that are right')
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_png(path, metadata={'Software': None})


def network_file(text: str) -> Path:
    """The file of a network that gets curves.

    Raises:
        UsageError: It cannot hold any.
        UnknownModelError: Nothing has this name.
    """
    _, equals, checkpoint = text.partition('=')
    path = Path(checkpoint) if equals else resolve_network(text)
    if path.suffix not in ('.onnx', '.safetensors') or not path.is_file():
        raise UsageError(
            f'{text} cannot be given curves: give a name, an .onnx, or '
            'CONFIG=FILE.safetensors (tools/ship_weights.py --out)'
        )
    return path


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('pose', help='network of one look')
    flags.add_argument('--parts', help='network of the second look')
    flags.add_argument('--sets', type=Path, nargs='+', required=True)
    flags.add_argument('--diagram', type=Path, metavar='PNG')
    flags = flags.parse_args()
    try:
        run(flags)
    except RTMWError as error:
        raise SystemExit(f'error: {error}') from None


def run(flags: argparse.Namespace) -> None:
    """Does what the command line says."""
    path = network_file(flags.pose)
    parts_path = flags.parts and network_file(flags.parts)
    sets = list(map(read_set, flags.sets))
    looks, curves = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        pose = load_pose(flags.pose, scratch)
        curves[path], looks['one look'] = fit_parts(
            collect_outcomes(pose, sets), ['body', 'face', 'hand'], 'one look'
        )
        if flags.parts:
            again = load_pose(flags.parts, scratch)
            both = PoseModel(pose.network.path, second_look=again)
            curves[parts_path], looks['second look'] = fit_parts(
                collect_outcomes(both, sets), ['face', 'hand'], 'second look'
            )
    for network, fitted in curves.items():
        for written in set_calibration(network, fitted):
            print(f'wrote {", ".join(fitted) or "no curves"}: {written}')
    if flags.diagram:
        draw_diagram(looks, flags.diagram)
        print(f'wrote {flags.diagram}')


if __name__ == '__main__':
    main()
