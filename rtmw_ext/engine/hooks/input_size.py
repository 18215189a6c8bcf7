"""Training from weights of another input size."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...models.loading import fit_input_size
from .runner_state import is_new_training, plain_model


@HOOKS.register_module()
class InputSizeHook(Hook):
    """Training that begins from weights of another input size (``load_from``)
    begins with all of them, see
    :func:`rtmw_ext.models.loading.fit_input_size`."""

    # Before the moving average takes its copy of the weights.
    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
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
