"""Training for a number of minutes."""

import math
import time
from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...core.errors import ConfigError


@HOOKS.register_module()
class TimeBudgetHook(Hook):
    """Sizes a schedule to the machine by one number: minutes of training.

    The learning rate warms up, stays, then falls by a cosine, all by the
    share of the budget that is used; when it is used up, training ends as if
    that had been the last iteration. A resumed run goes on with what was left
    at its checkpoint. Use it with an iteration-based loop and without a
    ``param_scheduler``.

    Args:
        minutes: Of training, > 0; start-up does not count.
        warmup: Share of the budget, in (0, 1).
        flat: Share at which the learning rate begins to fall.
        final: Last learning rate in parts of the first.

    Raises:
        ConfigError: The shares are not 0 < warmup <= flat < 1.
    """

    # Before CheckpointHook, which has to see the last iteration.
    priority = 'NORMAL'

    def __init__(
        self,
        minutes: float,
        warmup: float = 0.02,
        flat: float = 0.3,
        final: float = 0.02,
    ) -> None:
        if not 0 < warmup <= flat < 1 or minutes <= 0:
            raise ConfigError(
                f'TimeBudgetHook needs minutes={minutes} > 0 and 0 < warmup='
                f'{warmup} <= flat={flat} < 1'
            )
        self.seconds = minutes * 60
        self.warmup = warmup
        self.flat = flat
        self.final = final

    def factor(self, used: float) -> float:
        """Learning rate in parts of the configured one, for the share of the
        budget that is used."""
        if used < self.warmup:
            return max(used / self.warmup, 1e-3)
        fallen = min(max(used - self.flat, 0) / (1 - self.flat), 1)
        cosine = (1 + math.cos(math.pi * fallen)) / 2
        return self.final + (1 - self.final) * cosine

    def before_train(self, runner: Runner) -> None:
        self.spent = runner.message_hub.runtime_info.get('seconds_trained', 0.0)
        self.steps = 0
        self.start = time.monotonic() - self.spent
        self.base = [
            group.get('initial_lr', group['lr'])
            for group in runner.optim_wrapper.param_groups
        ]
        for group, base in zip(runner.optim_wrapper.param_groups, self.base):
            group['initial_lr'] = base

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | Sequence | None = None
    ) -> None:
        spent = time.monotonic() - self.start
        factor = self.factor(spent / self.seconds)
        for group, base in zip(runner.optim_wrapper.param_groups, self.base):
            group['lr'] = base * factor

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | Sequence | None = None,
        outputs: dict | None = None,
    ) -> None:
        spent = time.monotonic() - self.start
        runner.message_hub.update_info('seconds_trained', spent)
        self.steps += 1
        left = (self.seconds - spent) * self.steps / (spent - self.spent)
        # The loop's end, and for the log its likely end.
        runner.train_loop._max_iters = runner.iter + 1 + max(0, math.ceil(left))
