#!/usr/bin/env python3
"""Writes into network files what their scores are worth:

tools/calibrate.py POSE.onnx --parts PARTS.onnx --sets SET [SET ...]

A set is a folder with images/ and val.json, of people that neither network was
trained on. The curves (rtmw_ext/core/calibration.py) of the pose network are of
one look; those of the second look go into the file of faces and hands. Printed
is the expected calibration error of each part, of points that the curve was not
fitted to: of each half of the people by the other half.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from tqdm import tqdm

from rtmw_ext.core.calibration import Curve, fit_curve
from rtmw_ext.core.images import read_image
from rtmw_ext.core.metadata import METADATA_KEY, NetworkMetadata
from rtmw_ext.evaluation import photos as measure
from rtmw_ext.runtime import PoseModel

#: {part: scores (M, ), whether they were right (M, ), number of the person (M, )}
Outcomes = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


def set_calibration(path: Path, curves: dict | None, out: Path) -> None:
    """Copies an ONNX file with other curves in its metadata.

    Args:
        path: Of the file.
        curves: {part: curve}; None for none.
        out: Of the copy. Weights outside the file stay where they are, so it is
            beside them.
    """
    model = onnx.load(str(path), load_external_data=False)
    texts = {entry.key: entry.value for entry in model.metadata_props}
    metadata = NetworkMetadata.from_json(texts.get(METADATA_KEY))
    texts[METADATA_KEY] = replace(metadata, calibration=curves).to_json()
    onnx.helper.set_model_props(model, texts)
    part = out.with_name(f'.{os.getpid()}-{out.name}')
    onnx.save(model, str(part))
    os.replace(part, out)


def collect_outcomes(pose: PoseModel, sets: list[measure.PhotoSet]) -> Outcomes:
    """Raw scores of the labelled points of all people, and whether these were
    right."""
    outcomes: dict[str, list] = {part: [] for part in measure.CORRECT_WITHIN}
    people = 0
    for truth in sets:
        results = [
            pose(read_image(path), box[None])
            for path, box in zip(tqdm(truth.paths), truth.boxes)
        ]
        points = np.concatenate([found.keypoints for found in results]).astype(float)
        scores = np.concatenate([found.raw_scores for found in results])
        for number in range(len(truth)):
            row = slice(number, number + 1)
            for part, lists in outcomes.items():
                part_scores, correct = measure.score_outcomes(
                    truth[row], points[row], scores[row], part
                )
                person = np.full(len(part_scores), people + number)
                lists.append((part_scores, correct, person))
        people += len(truth)
    return {
        part: tuple(map(np.concatenate, zip(*lists)))  # type: ignore
        for part, lists in outcomes.items()
    }


def fit_parts(outcomes: Outcomes, parts: list[str]) -> dict[str, Curve]:
    """{part: curve}; prints the calibration error of each half of the people by the
    other half's curve."""
    curves = {}
    for part in parts:
        scores, correct, person = outcomes[part]
        if len(scores) < 100:
            print(f'{part}: {len(scores)} labelled points are too few, left out')
            continue
        errors = []
        for half in (0, 1):
            test = person % 2 == half
            raw, shares = fit_curve(scores[~test], correct[~test])
            calibrated = np.interp(scores[test], (0.0, *raw), (0.0, *shares))
            errors.append(measure.reliability(calibrated, correct[test])[0])
        print(f'{part}: expected calibration error {np.mean(errors):.3f}')
        curves[part] = fit_curve(scores, correct)
    return curves


def main() -> None:
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument('pose', type=Path)
    flags.add_argument('--parts', type=Path)
    flags.add_argument('--sets', type=Path, nargs='+', required=True)
    flags = flags.parse_args()
    sets = [
        measure.read_photo_set(path / 'val.json', path / 'images')
        for path in flags.sets
    ]
    files = [path for path in (flags.pose, flags.parts) if path]
    # Beside the files, where the weights outside of them are.
    raw = {path: path.with_name(f'.raw-{os.getpid()}-{path.name}') for path in files}
    try:
        for path in files:
            set_calibration(path, None, raw[path])
        print('one look')
        outcomes = collect_outcomes(PoseModel(raw[flags.pose]), sets)
        curves = {flags.pose: fit_parts(outcomes, ['body', 'face', 'hand'])}
        if flags.parts:
            print('second look')
            pose = PoseModel(raw[flags.pose], second_look=raw[flags.parts])
            outcomes = collect_outcomes(pose, sets)
            curves[flags.parts] = fit_parts(outcomes, ['face', 'hand'])
    finally:
        for path in raw.values():
            path.unlink(missing_ok=True)
    for path in files:
        set_calibration(path, curves[path], path)


if __name__ == '__main__':
    main()
