"""Refuses weights of another model."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...models.loading import check_fit
from .runner_state import is_new_training, plain_model


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Stops before testing with, or resuming from, another model's weights.

    Fine-tuning from a checkpoint that fits in part (``load_from`` while
    training) stays possible.

    Raises:
        CheckpointError: The checkpoint does not fit.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if is_new_training(runner):
            return
        check_fit(
            plain_model(runner),
            checkpoint.get('state_dict', checkpoint),
            runner._load_from or 'to resume from',
        )
