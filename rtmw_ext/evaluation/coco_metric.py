"""COCO's AP on the points of the dataset."""

from mmengine.logging import MessageHub
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import METRICS

from ..core.errors import RTMWError
from ..core.skeleton import NUM_KEYPOINTS
from ..datasets.truth import WHOLE_BODY_FILE


class EvaluationError(RTMWError, ValueError):
    """A dataset cannot be evaluated on; the text says why."""


@METRICS.register_module('CocoMetric', force=True)
class KeypointMetric(CocoMetric):
    """mmpose's metric, which first asks whether predictions will have the points
    of the dataset.

    Raises:
        EvaluationError: The dataset's pipeline maps its points to the 133, and no
            ``pred_converter`` maps predictions back.
    """

    @property
    def dataset_meta(self) -> dict | None:
        """What is known of the dataset's points."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict) -> None:
        name, count = meta['dataset_name'], meta['num_keypoints']
        mapped = MessageHub.get_current_instance().get_info(
            f'{name}{WHOLE_BODY_FILE}', None
        )
        if mapped and count != NUM_KEYPOINTS and self.pred_converter is None:
            raise EvaluationError(
                f'{name} has {count} points, and its pipeline maps them to the '
                f'{NUM_KEYPOINTS}: use WholeBodyMetric, or give CocoMetric a '
                'pred_converter'
            )
        CocoMetric.dataset_meta.fset(self, meta)
