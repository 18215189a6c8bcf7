"""MPJPE of 3D whole-body poses, as the H3WB benchmark measures it.

Shapes: N persons (1 a sample), K = 133 keypoints.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpose.evaluation.functional.mesh_eval import compute_similarity_transform
from mmpose.registry import METRICS

from ..core.errors import RTMWError
from ..core.skeleton import HIPS, NOSE, PARTS, WRISTS

BODY = (*PARTS['body'], *PARTS['feet'])
HANDS = (*PARTS['left_hand'], *PARTS['right_hand'])


class MetricError(RTMWError, ValueError):
    """Samples cannot be scored; the text says why."""


@METRICS.register_module()
class WholeBodyMPJPE(BaseMetric):
    """Mean distance of predicted and true points in millimetres.

    Results, over the points whose 3D is known:

    - ``MPJPE`` and ``MPJPE/body`` (with the feet), ``/face``, ``/hands``:
      with the pelvis, the mean of the hips, of both at the origin;
    - ``MPJPE/face-nose``: the face with the nose of both at the origin;
    - ``MPJPE/hands-wrist``: each hand with its wrist at the origin;
    - ``P-MPJPE``: all points after the best rotation, translation and scale.

    A sample whose pelvis (both hips), nose or wrist is unknown does not count
    where it is needed; a part that counts nowhere has no result.

    Source: H3WB (arXiv 2211.15692), section 4, "Evaluation".

    Raises:
        MetricError: A sample has no true 3D, a prediction is not finite, or there
            is no sample to score.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """
        Args:
            data_batch: Not used.
            data_samples: Each with ``keypoints_3d`` (1, K, 3) in metres and
                optionally ``keypoints_3d_visible`` (1, K) in its meta information,
                and ``pred_instances.keypoints_3d`` (1, K, 3) in metres.
        """
        for sample in data_samples:
            name = sample.get('img_path', sample.get('id'))
            if sample.get('keypoints_3d') is None:
                raise MetricError(
                    f'sample {name} has no keypoints_3d to compare with: '
                    'evaluate a 3D dataset, or use WholeBodyMetric for 2D'
                )
            true = np.asarray(sample['keypoints_3d'], np.float64)[0]
            predicted = sample['pred_instances']['keypoints_3d']
            predicted = np.asarray(predicted, np.float64)[0]
            if not np.isfinite(predicted).all():
                raise MetricError(
                    f'the prediction for sample {name} holds NaN or infinity'
                )
            known = sample.get('keypoints_3d_visible')
            known = (
                np.ones(len(true), bool)
                if known is None
                else (np.asarray(known)[0] >= 0.5)
            )
            known = known & np.isfinite(true).all(1)
            self.results.append(person_errors(predicted, true, known))

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """
        Args:
            results: Of ``person_errors``.

        Returns:
            {name: millimetres}.
        """
        metrics = {}
        for name in results[0] if results else ():
            errors = np.concatenate([result[name] for result in results])
            if errors.size:
                metrics[name] = float(errors.mean() * 1000)
        if not metrics:
            raise MetricError('no sample has a point that can be scored')
        return metrics


def person_errors(
    predicted: np.ndarray, true: np.ndarray, known: np.ndarray
) -> dict[str, np.ndarray]:
    """Distances of the known points, for each result.

    Args:
        predicted: (K, 3) in metres.
        true: (K, 3) in metres.
        known: (K, ) bool.

    Returns:
        {name: (number of points that count, ) in metres}.
    """

    def errors(points: Iterable[int], anchor: Iterable[int]) -> np.ndarray:
        points, anchor = list(points), list(anchor)
        if not known[anchor].all():
            return np.zeros(0)
        centered = predicted - predicted[anchor].mean(0)
        moved = centered - (true - true[anchor].mean(0))
        return np.linalg.norm(moved[points], axis=1)[known[points]]

    hands = [errors(PARTS[hand], [wrist]) for hand, wrist in WRISTS.items()]
    return {
        'MPJPE': errors(range(len(known)), HIPS),
        'MPJPE/body': errors(BODY, HIPS),
        'MPJPE/face': errors(PARTS['face'], HIPS),
        'MPJPE/hands': errors(HANDS, HIPS),
        'MPJPE/face-nose': errors(PARTS['face'], [NOSE]),
        'MPJPE/hands-wrist': np.concatenate(hands),
        'P-MPJPE': procrustes_errors(predicted[known], true[known]),
    }


def procrustes_errors(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(K, 3), (K, 3) -> (K, ) after alignment; (0, ) for under 3 points,
    which fit anything."""
    if len(true) < 3:
        return np.zeros(0)
    if not np.ptp(predicted, axis=0).any():
        # All in one point: no rotation or scale is better than another.
        aligned = np.broadcast_to(true.mean(0), true.shape)
    else:
        aligned = compute_similarity_transform(predicted, true)
    return np.linalg.norm(aligned - true, axis=1)
