"""COCO-WholeBody AP and AR, for the whole and for each part."""

import contextlib
import io

import numpy as np
from mmpose.evaluation.metrics import CocoWholeBodyMetric
from mmpose.registry import METRICS
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from ..core.skeleton import COCO_PARTS

STATS = (
    'AP',
    'AP .5',
    'AP .75',
    'AP (M)',
    'AP (L)',
    'AR',
    'AR .5',
    'AR .75',
    'AR (M)',
    'AR (L)',
)


@METRICS.register_module()
class WholeBodyMetric(CocoWholeBodyMetric):
    """mmpose's metric, which keeps the whole body's figures only, with AP and
    AR of body, foot, face and hand too, as papers print them.

    Results: ``coco-wholebody/AP`` ... as mmpose names them (in [0, 1]), and
    ``coco-wholebody/<part>/AP`` and ``/AR`` for each part; ``hand`` is the
    mean of the two hands.

    Source: https://github.com/jin-s13/COCO-WholeBody, "Evaluation".
    """

    def _do_python_keypoint_eval(self, outfile_prefix: str) -> list[tuple[str, float]]:
        stats = part_stats(
            self.coco,
            self.coco.loadRes(f'{outfile_prefix}.keypoints.json'),
            self.dataset_meta['sigmas'],
            self.use_area,
        )
        named = list(stats.pop('whole').items())
        for part, values in stats.items():
            named += [(f'{part}/{name}', values[name]) for name in ('AP', 'AR')]
        return named


def part_stats(
    truth: COCO, results: COCO, sigmas: np.ndarray, use_area: bool = True
) -> dict[str, dict[str, float]]:
    """COCO's figures for the whole body and for each part.

    Args:
        truth: Annotations.
        results: Of ``truth.loadRes``.
        sigmas: (133, ).
        use_area: Whether annotations have the area of the person.

    Returns:
        ``whole``, ``body``, ``foot``, ``face`` and ``hand`` (the mean of the two
        hands), each {name of ``STATS``: value in [0, 1], -1 where there is no
        person to score}.
    """

    def evaluate(part: str, sigmas: np.ndarray) -> np.ndarray:
        evaluation = COCOeval(
            truth, results, f'keypoints_{part}', sigmas, use_area=use_area
        )
        evaluation.params.useSegm = None
        # Its print-outs do not say which part they are of.
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        return evaluation.stats

    stats = dict(whole=evaluate('wholebody', sigmas))
    for part, points in COCO_PARTS.items():
        stats[part] = evaluate(part, sigmas[points.start : points.stop])
    hands = [stats.pop(f'{side}hand') for side in ('left', 'right')]
    stats['hand'] = np.mean(hands, axis=0)
    return {part: dict(zip(STATS, values)) for part, values in stats.items()}
