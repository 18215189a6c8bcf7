"""One global batch, split over processes or accumulated steps: the same
weights."""

import os
import socket

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from rtmw_ext.synthetic import drawn
from support.training import in_child, last_checkpoint, training

pytestmark = pytest.mark.slow


class FrozenNorm(Hook):
    """SyncBN needs GPUs; frozen statistics are the same however a batch is
    split."""

    def before_train_iter(self, runner, **_):
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()


@pytest.fixture(scope='module')
def people(tmp_path_factory):
    """8 persons, one a picture."""
    root = tmp_path_factory.mktemp('people')
    drawn.write_dataset(root, 8, seed=1, people=(1, 1), size=(96, 128))
    return root


def config(people, work_dir, batch, accumulate=1):
    changes = {
        'train_dataloader.batch_size': batch,
        'model.train_cfg': dict(reference_batch=4),
        'model.head.gau.dropout': 0.0,
        'train_cfg.max_epochs': 2,
        'optim_wrapper.accumulative_counts': accumulate,
        'optim_wrapper.clip_grad.max_norm': 0.5,
        'optim_wrapper.precision': 'float32',
    }
    result = training(people, work_dir, **changes)
    result.param_scheduler = None
    return result


def train(config):
    runner = Runner.from_cfg(config)
    runner.register_hook(FrozenNorm())
    runner.train()


@pytest.fixture(scope='module')
def alone(people, tmp_path_factory):
    """Checkpoint of one process with batches of 4."""
    folder = tmp_path_factory.mktemp('alone')
    assert in_child(lambda: train(config(people, folder, 4))) == 0
    return last_checkpoint(folder)


def assert_close(state, reference):
    for part in ('state_dict', 'ema_state_dict'):
        for key, value in reference[part].items():
            if key != 'steps' and value.is_floating_point():
                assert (state[part][key] - value).abs().max() <= 1e-5, key


def test_two_processes(people, alone, tmp_path):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]

    def rank(number):
        os.environ.update(
            RANK=str(number),
            LOCAL_RANK=str(number),
            WORLD_SIZE='2',
            MASTER_ADDR='127.0.0.1',
            MASTER_PORT=str(port),
        )
        one = config(people, tmp_path, 2)
        one.launcher = 'pytorch'
        train(one)
        assert torch.distributed.get_world_size() == 2
        torch.distributed.destroy_process_group()

    def both():
        # The second process is a child of the first.
        other = os.fork()
        if not other:
            torch.set_num_threads(1)
            try:
                rank(1)
            except BaseException:
                os._exit(1)
            os._exit(0)
        rank(0)
        assert os.waitpid(other, 0)[1] == 0

    assert in_child(both) == 0
    state = last_checkpoint(tmp_path)
    assert state['meta']['iter'] == alone['meta']['iter'] == 4
    assert_close(state, alone)


def test_accumulated_steps(people, alone, tmp_path):
    assert in_child(lambda: train(config(people, tmp_path, 2, 2))) == 0
    state = last_checkpoint(tmp_path)
    assert state['meta']['iter'] == 2 * alone['meta']['iter']
    assert_close(state, alone)


def test_training_moves_the_weights(alone):
    """What the others compare is not the start."""
    moved = [
        (alone['state_dict'][key] - value).abs().max().item()
        for key, value in fresh().items()
        if key.endswith('cls_x.weight')
    ]
    assert min(moved) > 1e-4


def fresh():
    from mmpose.registry import MODELS

    from support.models import tiny

    torch.manual_seed(21)
    model = MODELS.build(tiny())
    model.init_weights()
    return model.state_dict()
