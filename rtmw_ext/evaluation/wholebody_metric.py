"""COCO-WholeBody AP and AR, for the whole and for each part."""

import contextlib
import io
from typing import Any

import numpy as np
from mmengine.logging import MessageHub
from mmpose.evaluation.metrics import CocoWholeBodyMetric
from mmpose.registry import METRICS
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from ..core.skeleton import COCO_PARTS, FIELDS, NUM_KEYPOINTS
from ..datasets.mapping import TARGET, definition
from ..datasets.truth import FILE, WHOLE_BODY_FILE
from ..datasets.wholebody import WholeBodyDataset
from .coco_metric import EvaluationError

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

    The people are those that the dataset has read (``datasets/truth.py``): one of
    the 133 points, or one whose pipeline maps its points to them.

    Source: https://github.com/jin-s13/COCO-WholeBody, "Evaluation".

    Args:
        ann_file: Another file to compare with, read with the same checks.
        **kwargs: Of ``CocoWholeBodyMetric``.

    Raises:
        EvaluationError: The points of the dataset are not the 133, or nobody is
            labelled.
    """

    def __init__(self, ann_file: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ann_file = ann_file

    @property
    def dataset_meta(self) -> dict | None:
        """What is known of the dataset's points."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict) -> None:
        if self.ann_file:
            # It tells the message hub of its people.
            WholeBodyDataset(self.ann_file, test_mode=True)
        hub, name = MessageHub.get_current_instance(), meta['dataset_name']
        if self.ann_file:
            name = definition(TARGET)['dataset_name']
        path = hub.get_info(f'{name}{WHOLE_BODY_FILE}', None)
        if path is None and meta['num_keypoints'] == NUM_KEYPOINTS:
            path = hub.get_info(f'{name}{FILE}', None)
        elif path is None:
            raise EvaluationError(
                f'{name} has {meta["num_keypoints"]} points, not the '
                f'{NUM_KEYPOINTS}: add WholeBodyKeypointMapping to the pipeline of '
                'the dataset, or use CocoMetric'
            )
        self._dataset_meta = dict(
            meta,
            **{key: definition(TARGET)[key] for key in ('sigmas', 'num_keypoints')},
        )
        if path is None:
            return
        with contextlib.redirect_stdout(io.StringIO()):
            self.coco = COCO(path)
        if not self.format_only and not any(map(is_scored, self.coco.anns.values())):
            raise EvaluationError(
                f'{self.ann_file or name} has nobody with labelled points to compare '
                'with: give another file, or format_only=True'
            )

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


def is_scored(row: dict) -> bool:
    """Whether an annotation of the K points is one of a person to find."""
    return not row['iscrowd'] and any(any(row[field][2::3]) for field in FIELDS)


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
