"""COCO-WholeBody AP and AR, for the whole and for each part."""
import contextlib
import io

import numpy as np
from mmpose.evaluation.metrics import CocoWholeBodyMetric
from mmpose.registry import METRICS
from xtcocotools.cocoeval import COCOeval

STATS = ('AP', 'AP .5', 'AP .75', 'AP (M)', 'AP (L)', 'AR', 'AR .5', 'AR .75',
         'AR (M)', 'AR (L)')


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
        detections = self.coco.loadRes(f'{outfile_prefix}.keypoints.json')
        sigmas = self.dataset_meta['sigmas']
        counts = dict(
            body=self.body_num,
            foot=self.foot_num,
            face=self.face_num,
            lefthand=self.left_hand_num,
            righthand=self.right_hand_num)
        ends = np.cumsum(list(counts.values()))
        parts = {
            part: self._evaluate(detections, part, sigmas[end - count:end])
            for (part, count), end in zip(counts.items(), ends)
        }
        whole = self._evaluate(detections, 'wholebody', sigmas)
        named = list(zip(STATS, whole))
        hands = np.stack([parts.pop('lefthand'), parts.pop('righthand')])
        parts['hand'] = hands.mean(axis=0)
        for part, stats in parts.items():
            values = dict(zip(STATS, stats))
            named += [(f'{part}/{name}', values[name])
                      for name in ('AP', 'AR')]
        return named

    def _evaluate(self, detections, part, sigmas):
        evaluation = COCOeval(
            self.coco,
            detections,
            f'keypoints_{part}',
            sigmas,
            use_area=self.use_area)
        evaluation.params.useSegm = None
        # Its print-outs do not say which part they are of.
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        return evaluation.stats
