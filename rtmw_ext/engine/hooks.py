"""Runner hooks, registered in MMEngine's ``HOOKS`` on import."""

import math
import time
from pathlib import Path

import torch
from mmdet.engine.hooks import PipelineSwitchHook
from mmengine.dist import get_rank, is_main_process
from mmengine.hooks import CheckpointHook, EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, EpochBasedTrainLoop
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.registry import HOOKS
from mmpose.structures import merge_data_samples

from ..core.images import read_image
from ..core.skeleton import PARTS
from ..datasets.samplers import place_seed, seed_all
from ..models.grid import round_off
from ..models.loading import fit_input_size
from ..models.rtmw_head import batch_factor
from .checkpoints import AtomicBackend, check_fit, check_space


def plain_model(runner):
    """The model of a runner without the wrapper of a distributed run."""
    model = runner.model
    return model.module if is_model_wrapper(model) else model


def is_new_training(runner):
    """Whether a run begins to train, neither resuming nor testing."""
    return isinstance(runner._train_loop, BaseLoop) and not runner._resume


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Stops before testing with, or resuming from, another model's weights.

    Fine-tuning from a checkpoint that fits in part (``load_from`` while
    training) stays possible.

    Raises:
        CheckpointError: The checkpoint does not fit.
    """

    def after_load_checkpoint(self, runner, checkpoint):
        if is_new_training(runner):
            return
        check_fit(
            plain_model(runner),
            checkpoint.get('state_dict', checkpoint),
            runner._load_from or 'to resume from',
        )


@HOOKS.register_module()
class InputSizeHook(Hook):
    """Training that begins from weights of another input size (``load_from``)
    begins with all of them, see
    :func:`rtmw_ext.models.loading.fit_input_size`."""

    # Before the moving average takes its copy of the weights.
    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner, checkpoint):
        if not is_new_training(runner):
            return
        model = plain_model(runner)
        old = fit_input_size(model, checkpoint.get('state_dict', checkpoint))
        if old:
            runner.logger.info(
                f'{runner._load_from} was trained at {old[1]}x{old[0]}: its '
                'head is stretched to '
                f'{"x".join(map(str, model.head.input_size[1::-1]))}'
            )


@HOOKS.register_module()
class ResumeHook(Hook):
    """With it (and :mod:`rtmw_ext.datasets.samplers`) a run that was killed at any
    step and resumed ends with the same weights, bit by bit, as one that was
    not: what a step draws depends on its number, an epoch that was begun goes
    on in its middle, and checkpoints hold what MMEngine leaves out: gradients
    that are being accumulated, and layers that only training has (those that
    align a student with its teacher)."""

    def before_train_epoch(self, runner):
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):
            done = runner.iter - runner.epoch * len(loop.dataloader)
            if done:
                loop.dataloader.sampler.skip(done * loop.dataloader.batch_size)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        seed_all(place_seed(runner.seed, get_rank(), runner.iter))

    def before_save_checkpoint(self, runner, checkpoint):
        model = plain_model(runner)
        state = checkpoint['training_state'] = {}
        if not runner.optim_wrapper.should_update():
            state['gradients'] = {
                name: parameter.grad.cpu()
                for name, parameter in model.named_parameters()
                if parameter.grad is not None
            }
        if hasattr(model, 'training_state'):
            state['model'] = {
                name: tensor.detach().cpu()
                for name, tensor in model.training_state().items()
            }

    def after_load_checkpoint(self, runner, checkpoint):
        state = checkpoint.get('training_state', {})
        if not runner._resume:
            return
        model = plain_model(runner)
        gradients = state.get('gradients', {})
        for name, parameter in model.named_parameters():
            if name in gradients:
                parameter.grad = gradients[name].to(parameter)
        if 'model' in state:
            model.load_training_state(state['model'])


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """MMEngine's, with local checkpoints written whole or not at all, and an
    old one removed only when the new one is there; ``last_checkpoint`` always
    names a whole one.

    Arguments are those of MMEngine's hook.

    Raises:
        CheckpointWriteError: The folder is unwritable or has no room, when
            training begins or later.
    """

    def __init__(self, *args, **kwargs):
        if '://' not in str(kwargs.get('out_dir')):
            kwargs.setdefault('backend_args', dict(backend='atomic'))
        super().__init__(*args, **kwargs)

    def before_train(self, runner):
        super().before_train(runner)
        if is_main_process() and '://' not in self.out_dir:
            check_space(self.out_dir, self.size_on_disk(runner))

    def size_on_disk(self, runner):
        """int: Bytes of all checkpoints that the run keeps at a time."""
        weights = sum(
            tensor.nbytes for tensor in plain_model(runner).state_dict().values()
        )
        if any(isinstance(hook, EMAHook) for hook in runner.hooks):
            weights *= 2
        # Adam's two moments of each weight that is trained.
        moments = self.save_optimizer * sum(
            2 * weight.nbytes
            for weight in runner.model.parameters()
            if weight.requires_grad
        )
        # The new one is written before the old one goes.
        kept = max(self.max_keep_ckpts, 0) + 1
        return kept * (weights + moments) + bool(self.save_best) * weights

    def _save_checkpoint_with_step(self, runner, step, meta):
        name = self.filename_tmpl.format
        out = self.file_backend.join_path
        self.last_ckpt = out(self.out_dir, name(step))
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        dropped = None
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                dropped = self.keep_ckpt_ids.popleft()
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        runner.save_checkpoint(
            self.out_dir,
            name(step),
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            AtomicBackend().put_text(
                self.last_ckpt, Path(runner.work_dir) / 'last_checkpoint'
            )
            if dropped is not None:
                old = out(self.out_dir, name(dropped))
                if self.file_backend.isfile(old):
                    self.file_backend.remove(old)


@HOOKS.register_module()
class StepEMAHook(EMAHook):
    """MMEngine's moving average, taken when the optimizer has stepped and not
    when a step has only accumulated gradients: the average does not depend on
    how a batch is split. Arguments are those of MMEngine's hook."""

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.optim_wrapper.should_update():
            super().after_train_iter(runner, *args, **kwargs)


@HOOKS.register_module()
class SpeedHook(Hook):
    """Lays out and compiles the network for speed; the weights stay those of
    the same names.

    Args:
        channels_last (bool): Memory format of the weights and, by them, of
            the feature maps: what the convolutions of GPUs, and of CPUs in
            bfloat16, are fastest in.
        compile (bool | dict): ``torch.compile`` of the modules but the
            keypoint loss, with these arguments. The first step takes minutes,
            so that it pays in long trainings.
    """

    def __init__(self, channels_last=True, compile=False):
        self.channels_last = channels_last
        self.compile = compile

    def before_run(self, runner):
        # Before the weights are drawn, whose order in memory it changes. Of a
        # distributed model it is too late: see ChannelsLastDDP.
        if self.channels_last and not is_model_wrapper(runner.model):
            runner.model.to(memory_format=torch.channels_last)

    def before_train(self, runner):
        model = plain_model(runner)
        if self.compile:
            options = {} if self.compile is True else self.compile
            for module in (
                model.backbone,
                getattr(model, 'neck', None),
                *model.head.children(),
            ):
                # PartLossHook's taps do not run in a loss that is compiled.
                if module not in (None, model.head.loss_module):
                    module.compile(**options)


@HOOKS.register_module()
class PartLossHook(Hook):
    """Logs the keypoint loss by axis (``kl_x``, ``kl_y``, ``kl_z``) and by
    part (``kl_body``, ``kl_feet``, ``kl_face``, ``kl_hands``): which of them
    rule the training (paper, section 3.1.1). The axes add up to ``loss_kpt``,
    and so do the parts.

    Needs a loss as mmpose's ``KLDiscretLoss``. Costs nothing in the
    iterations that are not logged.

    Args:
        interval (int): In iterations, as that of ``LoggerHook``; 0 for a
            model without this loss.
    """

    PARTS = {
        'body': [*PARTS['body']],
        'feet': [*PARTS['feet']],
        'face': [*PARTS['face']],
        'hands': [*PARTS['left_hand'], *PARTS['right_hand']],
    }

    def __init__(self, interval=50):
        self.interval = interval

    def before_train(self, runner):
        if not self.interval:
            return
        loss = plain_model(runner).head.loss_module
        if not hasattr(loss, 'kl_loss'):
            raise ValueError(
                f'PartLossHook cannot look into a {type(loss).__name__}: set '
                'default_hooks.part_loss.interval=0'
            )

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.taps = []
        if self.every_n_train_iters(runner, self.interval):
            loss = plain_model(runner).head.loss_module
            self.points = []
            self.taps = [
                # (B * K, W) of each axis in turn, or of known points alone
                # (losses.of_known); then weights of each point.
                loss.kl_loss.register_forward_hook(
                    lambda _, inputs, values: self.points.append(
                        values.detach().float().mean(dim=1)
                    )
                ),
                loss.register_forward_hook(self._keep_weights),
            ]

    def _keep_weights(self, _, inputs, output):
        self.weights = inputs[2]

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if not self.taps:
            return
        for tap in self.taps:
            tap.remove()
        model = plain_model(runner)
        loss = model.head.loss_module
        weights = self.weights
        if torch.is_tensor(weights):
            weights = [weights] * len(self.points)
        factors = getattr(loss, 'axis_weights', (1.0,) * len(weights))
        points = torch.stack(
            [
                of_all(axis, weight) * weight * factor
                for axis, weight, factor in zip(self.points, weights, factors)
            ]
        ).sum(dim=1)
        if loss.mask is not None:
            points[:, loss.mask] *= loss.mask_weight
        points *= batch_factor(model.train_cfg, len(weights[0])) / points.shape[1]
        values = dict(zip(('x', 'y', 'z'), points.sum(dim=1)))
        values.update(
            {name: points[:, part].sum() for name, part in self.PARTS.items()}
        )
        for name, value in values.items():
            runner.message_hub.update_scalar(f'train/kl_{name}', value.item())


def of_all(values, weights):
    """Values (B * K, ), or those of points with a weight alone, -> (B, K)."""
    if len(values) == weights.numel():
        return values.view(weights.shape)
    return values.new_zeros(weights.shape).masked_scatter(weights != 0, values)


@HOOKS.register_module()
class ValidationPictureHook(PoseVisualizationHook):
    """Draws the first person of the first batches of a validation, the same
    ones each time, into the visualizer's backends (the work folder, and
    TensorBoard if that is on).

    Args:
        pictures (int): Number of them; 0 draws none.
        every (int): Only each so-many-th validation.
        kwargs: Of mmpose's hook, which draws when testing.
    """

    def __init__(self, pictures=0, every=1, **kwargs):
        super().__init__(**kwargs)
        self.pictures = pictures
        self.every = every
        self.validations = 0

    def before_val_epoch(self, runner):
        self.validations += 1

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
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
                f'{warmup} <= flat={flat} < 1'
            )
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
        self.spent = runner.message_hub.runtime_info.get('seconds_trained', 0.0)
        self.steps = 0
        self.start = time.monotonic() - self.spent
        self.base = [
            group.get('initial_lr', group['lr'])
            for group in runner.optim_wrapper.param_groups
        ]
        for group, base in zip(runner.optim_wrapper.param_groups, self.base):
            group['initial_lr'] = base

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        spent = time.monotonic() - self.start
        factor = self.factor(spent / self.seconds)
        for group, base in zip(runner.optim_wrapper.param_groups, self.base):
            group['lr'] = base * factor

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        spent = time.monotonic() - self.start
        runner.message_hub.update_info('seconds_trained', spent)
        self.steps += 1
        left = (self.seconds - spent) * self.steps / (spent - self.spent)
        # The loop's end, and for the log its likely end.
        runner.train_loop._max_iters = runner.iter + 1 + max(0, math.ceil(left))


@HOOKS.register_module()
class WeightGridHook(Hook):
    """Learns matrices and kernels that will be rounded to a coarse grid
    (:func:`rtmw_ext.models.grid.round_off`): gradients are those of rounded
    weights, what they change are exact ones (a straight-through estimator).

    Source: Courbariaux et al., BinaryConnect (arXiv 1511.00363).

    Args:
        steps (float, optional): Of the grid; None leaves weights as they are.
    """

    # Before averages and checkpoints see the weights.
    priority = 'VERY_HIGH'

    def __init__(self, steps=None):
        self.steps = steps

    def before_train(self, runner):
        self.weights = [
            weight
            for weight in plain_model(runner).parameters()
            if weight.ndim > 1 and self.steps is not None
        ]
        self.exact = None
        runner.optim_wrapper.optimizer.register_step_pre_hook(lambda *_: self.restore())

    @torch.no_grad()
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.exact = [weight.clone() for weight in self.weights]
        for weight in self.weights:
            weight.copy_(round_off(weight, self.steps))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        # A step of several batches has not come yet.
        self.restore()

    @torch.no_grad()
    def restore(self):
        """The exact weights again, if they are not there."""
        for weight, exact in zip(self.weights, self.exact or []):
            weight.copy_(exact)
        self.exact = None
