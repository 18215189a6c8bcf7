"""The second stage's pipeline."""

from mmdet.engine.hooks import PipelineSwitchHook
from mmengine.runner import Runner
from mmpose.registry import HOOKS


@HOOKS.register_module()
class StagePipelineSwitchHook(PipelineSwitchHook):
    """Trains the last epochs with another pipeline (the released recipe's
    second stage), wherever ``--cfg-options`` puts the end of the training.

    Args:
        last_epochs: Length of the second stage in epochs.
        pipeline: Name of the config variable that holds its pipeline.
    """

    def __init__(self, last_epochs: int, pipeline: str) -> None:
        super().__init__(None, None)
        self.last_epochs = last_epochs
        self.pipeline = pipeline

    def before_train(self, runner: Runner) -> None:
        self.switch_epoch = runner.max_epochs - self.last_epochs
        self.switch_pipeline = runner.cfg[self.pipeline]
