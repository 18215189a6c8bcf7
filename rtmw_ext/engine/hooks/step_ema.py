"""The moving average of weights when gradients are accumulated."""

from mmengine.hooks import EMAHook
from mmengine.runner import Runner
from mmpose.registry import HOOKS


@HOOKS.register_module()
class StepEMAHook(EMAHook):
    """MMEngine's moving average, taken when the optimizer has stepped.

    A step that only accumulates gradients leaves it as it is, so that the
    average does not depend on how a batch is split. Arguments are those of
    MMEngine's hook.
    """

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        if runner.optim_wrapper.should_update():
            super().after_train_iter(runner, *args, **kwargs)
