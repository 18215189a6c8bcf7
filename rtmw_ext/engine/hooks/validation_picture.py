"""Pictures of each validation."""

from collections.abc import Sequence
from typing import Any

from mmengine.runner import Runner
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample, merge_data_samples

from ...core.images import read_image


@HOOKS.register_module()
class ValidationPictureHook(PoseVisualizationHook):
    """Draws the first person of the first batches of a validation, the same
    ones each time, into the visualizer's backends (the work folder, and
    TensorBoard if that is on).

    Args:
        pictures: Number of them; 0 draws none.
        every: Only each so-many-th validation.
        **kwargs: Of mmpose's hook, which draws when testing.
    """

    def __init__(self, pictures: int = 0, every: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pictures = pictures
        self.every = every
        self.validations = 0

    def before_val_epoch(self, runner: Runner) -> None:
        self.validations += 1

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        if batch_idx >= self.pictures or (self.validations - 1) % self.every:
            return
        sample = outputs[0]
        image = read_image(sample.img_path)[..., ::-1]
        self._visualizer.set_dataset_meta(runner.val_evaluator.dataset_meta)
        self._visualizer.add_datasample(
            f'val_{batch_idx}',
            image,
            merge_data_samples([sample]),
            draw_gt=False,
            draw_bbox=True,
            kpt_thr=self.kpt_thr,
            step=runner.iter,
        )
