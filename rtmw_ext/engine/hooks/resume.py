"""Runs that can be killed at any step and resumed."""

from collections.abc import Sequence

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.registry import HOOKS

from ...datasets.samplers import position_seed, seed_all
from .runner_state import plain_model


@HOOKS.register_module()
class ResumeHook(Hook):
    """Makes a run that was killed at any step and resumed end with the same
    weights, bit by bit, as one that was not.

    It needs the samplers of :mod:`rtmw_ext.datasets.samplers`. What a step
    draws depends on its number. An epoch that was begun goes on in its middle.
    Checkpoints hold what MMEngine leaves out: gradients that are being
    accumulated, and layers that only training has (those that align a student
    with its teacher).
    """

    def before_train_epoch(self, runner: Runner) -> None:
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):
            done = runner.iter - runner.epoch * len(loop.dataloader)
            if done:
                loop.dataloader.sampler.skip(done * loop.dataloader.batch_size)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | Sequence | None = None
    ) -> None:
        seed_all(position_seed(runner.seed, get_rank(), runner.iter))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
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

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
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
