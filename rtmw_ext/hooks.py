"""Runner hooks, registered in MMEngine's ``HOOKS`` on import."""
from mmdet.engine.hooks import PipelineSwitchHook
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop
from mmpose.registry import HOOKS

from .checkpoints import check_fit


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Stops before testing with, or resuming from, another model's weights.

    Fine-tuning from a checkpoint that fits in part (``load_from`` while
    training) stays possible.

    Raises:
        CheckpointError: The checkpoint does not fit.
    """

    def after_load_checkpoint(self, runner, checkpoint):
        training = isinstance(runner._train_loop, BaseLoop)
        if training and not runner._resume:
            return
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        check_fit(model, checkpoint.get('state_dict', checkpoint),
                  runner._load_from or 'to resume from')


@HOOKS.register_module()
class StagePipelineSwitchHook(PipelineSwitchHook):
    """Trains the last epochs with another pipeline (the released recipe's
    second stage), wherever ``--cfg-options`` puts the end of the training.

    Args:
        last_epochs (int): Length of the second stage in epochs.
        pipeline (str): Name of the config variable that holds its pipeline.
    """

    def __init__(self, last_epochs, pipeline):
        super().__init__(None, None)
        self.last_epochs = last_epochs
        self.pipeline = pipeline

    def before_train(self, runner):
        self.switch_epoch = runner.max_epochs - self.last_epochs
        self.switch_pipeline = runner.cfg[self.pipeline]
