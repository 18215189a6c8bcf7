"""Checkpoints that are whole or not there."""

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, EMAHook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ..checkpoints import AtomicBackend, check_space
from .runner_state import plain_model


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """MMEngine's hook, with local checkpoints written whole or not at all.

    An old checkpoint is removed only when the new one is there;
    ``last_checkpoint`` always names a whole one.

    Arguments are those of MMEngine's hook.

    Raises:
        CheckpointWriteError: The folder is unwritable or has no room, when
            training begins or later.
    """

    def __init__(self, *args, **kwargs) -> None:
        if '://' not in str(kwargs.get('out_dir')):
            kwargs.setdefault('backend_args', dict(backend='atomic'))
        super().__init__(*args, **kwargs)

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        if is_main_process() and '://' not in self.out_dir:
            check_space(self.out_dir, self.size_on_disk(runner))

    def size_on_disk(self, runner: Runner) -> int:
        """Bytes of all checkpoints that the run keeps at a time."""
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

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
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
