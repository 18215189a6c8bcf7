"""COCO-WholeBody AP and AR, for the whole and for each part."""

import contextlib
import io

import numpy as np
from mmpose.evaluation.metrics import CocoWholeBodyMetric
from mmpose.registry import METRICS
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

    def _do_python_keypoint_eval(self, outfile_prefix):
        found = part_stats(
            self.coco,
            self.coco.loadRes(f'{outfile_prefix}.keypoints.json'),
            self.dataset_meta['sigmas'],
            self.use_area,
        )
        named = list(found.pop('whole').items())
        for part, stats in found.items():
            named += [(f'{part}/{name}', stats[name]) for name in ('AP', 'AR')]
        return named


def part_stats(truth, found, sigmas, use_area=True):
    """COCO's figures for the whole body and for each part.

    Args:
        truth (COCO): Annotations.
        found (COCO): Results, of ``truth.loadRes``.
        sigmas (ndarray): (133, ).
        use_area (bool): Whether annotations have the area of the person.

    Returns:
        dict: ``whole``, ``body``, ``foot``, ``face`` and ``hand`` (the mean
        of the two hands), each {name of ``STATS``: value in [0, 1], -1 where
        there is no person to score}.
    """

    def evaluate(part, sigmas):
        evaluation = COCOeval(
            truth, found, f'keypoints_{part}', sigmas, use_area=use_area
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
