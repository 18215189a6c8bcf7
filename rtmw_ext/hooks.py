"""Runner hooks, registered in MMEngine's ``HOOKS`` on import."""
import math
import time

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


@HOOKS.register_module()
class TimeBudgetHook(Hook):
    """Sizes a schedule to the machine by one number: minutes of training.

    The learning rate warms up, stays, then falls by a cosine, all by the
    share of the budget that is used; when it is used up, training ends as if
    that had been the last iteration. A resumed run goes on with what was left
    at its checkpoint. Use it with an iteration-based loop and without a
    ``param_scheduler``.

    Args:
        minutes (float): Of training, > 0; start-up does not count.
        warmup (float): Share of the budget, in (0, 1).
        flat (float): Share at which the learning rate begins to fall.
        final (float): Last learning rate in parts of the first.

    Raises:
        ValueError: The shares are not 0 < warmup <= flat < 1.
    """

    # Before CheckpointHook, which has to see the last iteration.
    priority = 'NORMAL'

    def __init__(self, minutes, warmup=0.02, flat=0.3, final=0.02):
        if not 0 < warmup <= flat < 1 or minutes <= 0:
            raise ValueError(
                f'TimeBudgetHook needs minutes={minutes} > 0 and 0 < warmup='
                f'{warmup} <= flat={flat} < 1')
        self.seconds = minutes * 60
        self.warmup = warmup
        self.flat = flat
        self.final = final

    def factor(self, used):
        """Learning rate in parts of the configured one, for the share of the
        budget that is used."""
        if used < self.warmup:
            return max(used / self.warmup, 1e-3)
        fallen = min(max(used - self.flat, 0) / (1 - self.flat), 1)
        cosine = (1 + math.cos(math.pi * fallen)) / 2
        return self.final + (1 - self.final) * cosine

    def before_train(self, runner):
        spent = runner.message_hub.runtime_info.get('seconds_trained', 0.)
        self.start = time.monotonic() - spent
        self.base = [group.get('initial_lr', group['lr'])
                     for group in runner.optim_wrapper.param_groups]
        for group, base in zip(runner.optim_wrapper.param_groups, self.base):
            group['initial_lr'] = base

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        spent = time.monotonic() - self.start
        factor = self.factor(spent / self.seconds)
        for group, base in zip(runner.optim_wrapper.param_groups, self.base):
            group['lr'] = base * factor

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        spent = time.monotonic() - self.start
        runner.message_hub.update_info('seconds_trained', spent)
        if spent >= self.seconds:
            runner.train_loop._max_iters = runner.iter + 1
