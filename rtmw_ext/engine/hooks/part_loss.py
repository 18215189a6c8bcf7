"""The keypoint loss by axis and by part.

Shapes: B persons, K keypoints, W bins of an axis, A axes.
"""

from collections.abc import Sequence

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor, nn

from ...core.errors import ConfigError
from ...core.skeleton import PARTS
from ...models.rtmw_head import batch_factor
from .runner_state import plain_model


@HOOKS.register_module()
class PartLossHook(Hook):
    """Logs the keypoint loss by axis (``kl_x``, ``kl_y``, ``kl_z``) and by
    part (``kl_body``, ``kl_feet``, ``kl_face``, ``kl_hands``): which of them
    rule the training (paper, section 3.1.1). The axes add up to ``loss_kpt``,
    and so do the parts.

    Needs a loss as mmpose's ``KLDiscretLoss``. Costs nothing in the
    iterations that are not logged.

    Args:
        interval: In iterations, as that of ``LoggerHook``; 0 for a model
            without this loss.
    """

    PARTS = {
        'body': [*PARTS['body']],
        'feet': [*PARTS['feet']],
        'face': [*PARTS['face']],
        'hands': [*PARTS['left_hand'], *PARTS['right_hand']],
    }

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval

    def before_train(self, runner: Runner) -> None:
        if not self.interval:
            return
        loss = plain_model(runner).head.loss_module
        if not hasattr(loss, 'kl_loss'):
            raise ConfigError(
                f'PartLossHook cannot read the terms of a {type(loss).__name__}: '
                'set default_hooks.part_loss.interval=0'
            )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | Sequence | None = None
    ) -> None:
        self.handles = []
        if self.every_n_train_iters(runner, self.interval):
            loss = plain_model(runner).head.loss_module
            self.axis_values = []
            self.handles = [
                # (B * K, W) of each axis in turn, or of known points alone
                # (losses.of_known); then weights of each point.
                loss.kl_loss.register_forward_hook(
                    lambda _, inputs, values: self.axis_values.append(
                        values.detach().float().mean(dim=1)
                    )
                ),
                loss.register_forward_hook(self._keep_weights),
            ]

    def _keep_weights(self, _: nn.Module, inputs: tuple, output: Tensor) -> None:
        self.weights = inputs[2]

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | Sequence | None = None,
        outputs: dict | None = None,
    ) -> None:
        if not self.handles:
            return
        for handle in self.handles:
            handle.remove()
        model = plain_model(runner)
        loss = model.head.loss_module
        weights = self.weights
        if torch.is_tensor(weights):
            weights = [weights] * len(self.axis_values)
        factors = getattr(loss, 'axis_weights', (1.0,) * len(weights))
        # (A, K), sums over persons.
        points = torch.stack(
            [
                all_points(values, weight) * weight * factor
                for values, weight, factor in zip(self.axis_values, weights, factors)
            ]
        ).sum(dim=1)
        if loss.mask is not None:
            points[:, loss.mask] *= loss.mask_weight
        points *= batch_factor(model.train_cfg, len(weights[0])) / points.shape[1]
        scalars = dict(zip(('x', 'y', 'z'), points.sum(dim=1)))
        scalars.update(
            {name: points[:, part].sum() for name, part in self.PARTS.items()}
        )
        for name, value in scalars.items():
            runner.message_hub.update_scalar(f'train/kl_{name}', value.item())


def all_points(values: Tensor, weights: Tensor) -> Tensor:
    """Values of all points, (B, K).

    Args:
        values: (B * K, ), or those of points with a weight alone.
        weights: (B, K); values of points with weight 0 become 0.
    """
    if len(values) == weights.numel():
        return values.view(weights.shape)
    return values.new_zeros(weights.shape).masked_scatter(weights != 0, values)
