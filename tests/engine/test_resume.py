"""Runs that are killed and resumed, and full disks.

Trainings run in forked processes, which are really killed, without seconds of
imports for each.
"""

import os
import random
import resource
import signal

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from rtmw_ext.datasets.samplers import (
    SeededIndex,
    SeededInfiniteSampler,
    SeededSampler,
    position_seed,
    seeded,
)
from rtmw_ext.engine.checkpoints import AtomicBackend, CheckpointWriteError, check_space
from rtmw_ext.engine.hooks import AtomicCheckpointHook
from support.models import tiny
from support.training import in_child, last_checkpoint, training


class KillHook(Hook):
    """The process dies by SIGKILL in a step."""

    priority = 'LOWEST'

    def __init__(self, step, moment):
        self.step = step
        self.moment = moment

    def before_train_iter(self, runner, **_):
        self.die('before', runner)

    def after_train_iter(self, runner, **_):
        self.die('after', runner)

    def die(self, moment, runner):
        if (runner.iter, moment) == (self.step, self.moment):
            os.kill(os.getpid(), signal.SIGKILL)


def train(config, resume=False, kill=None):
    config = Config(config.to_dict())
    config.resume = resume

    def run():
        runner = Runner.from_cfg(config)
        if kill is not None:
            runner.register_hook(KillHook(*kill))
        runner.train()

    code = in_child(run)
    assert code == (0 if kill is None else -signal.SIGKILL)


def assert_same(one, other):
    for part in ('state_dict', 'ema_state_dict'):
        assert set(one.get(part, {})) == set(other.get(part, {}))
        for key, value in one.get(part, {}).items():
            assert torch.equal(value, other[part][key]), (part, key)
    mine, theirs = (state['optimizer']['state'] for state in (one, other))
    assert set(mine) == set(theirs)
    for number in mine:
        for name, value in mine[number].items():
            assert torch.equal(value, theirs[number][name]), (number, name)
    assert one['meta']['iter'] == other['meta']['iter']


def kill_and_compare(make, folder, steps, kills):
    """The same training without and with kills, each resumed."""
    train(make(folder / 'whole'))
    whole = last_checkpoint(folder / 'whole')
    assert whole['meta']['iter'] == steps
    work_dir = folder / 'killed'
    config = make(work_dir)
    rng = random.Random()
    seed = rng.randrange(10**6)
    print('kills drawn with seed', seed)
    rng.seed(seed)
    points = sorted(rng.sample(range(1, steps), kills))
    for point in points:
        resume = (work_dir / 'last_checkpoint').exists()
        train(config, resume, kill=(point, rng.choice(['before', 'after'])))
    train(config, resume=True)
    assert_same(whole, last_checkpoint(work_dir))
    return whole


@pytest.mark.slow
def test_killed_epochs(drawn_root, tmp_path):
    """By epochs, with checkpoints in their middle and accumulated gradients:
    the second stage's pipeline begins where it should."""

    def make(work_dir):
        return training(
            drawn_root,
            work_dir,
            **{
                'default_hooks.checkpoint.by_epoch': False,
                'default_hooks.checkpoint.interval': 3,
                'optim_wrapper.accumulative_counts': 2,
                'train_cfg.max_epochs': 3,
            },
        )

    steps = 3 * len(Runner.build_dataloader(make('unused').train_dataloader, seed=1))
    assert steps >= 12
    whole = kill_and_compare(make, tmp_path, steps, kills=3)
    assert set(whole['ema_state_dict']) > {'steps'}


@pytest.mark.slow
def test_killed_distillation(drawn_root, tmp_path):
    """By iterations, with the layers that only distillation has."""
    torch.save(
        dict(state_dict=_model(0.25).state_dict(), meta={}), tmp_path / 'teacher.pth'
    )

    def make(work_dir):
        config = training(
            drawn_root,
            work_dir,
            **{
                'train_dataloader.sampler.type': 'SeededInfiniteSampler',
                'default_hooks.checkpoint.by_epoch': False,
                'default_hooks.checkpoint.interval': 2,
                'log_processor.by_epoch': False,
            },
        )
        config.train_cfg = dict(type='IterBasedTrainLoop', max_iters=10)
        config.param_scheduler = config.param_scheduler[:1]
        del config.default_hooks['stage_pipeline_switch']
        config.model.update(
            type='DistilledEstimator',
            teacher=tiny(0.25),
            decay='iter',
            teacher_weights=str(tmp_path / 'teacher.pth'),
        )
        return config

    whole = kill_and_compare(make, tmp_path, 10, kills=2)
    assert {'0.weight', '1.bias'} <= set(whole['training_state']['model'])
    assert not any('align' in key for key in whole['state_dict'])


def _model(width):
    from mmpose.registry import MODELS

    model = MODELS.build(tiny(width))
    model.init_weights()
    return model


def test_killed_while_writing(drawn_root, tmp_path):
    """The second checkpoint is cut off: the first one is still the last."""
    config = training(drawn_root, tmp_path)
    config.default_hooks.checkpoint.max_keep_ckpts = 1

    def run():
        def die(path, *_):
            with open(path, 'r+b') as file:
                file.truncate(100)
            os.kill(os.getpid(), signal.SIGKILL)

        runner = Runner.from_cfg(config)
        real = os.replace

        def replace(source, target):
            if 'epoch_2' in str(target):
                die(source)
            real(source, target)

        os.replace = replace
        runner.train()

    assert in_child(run) == -signal.SIGKILL
    assert last_checkpoint(tmp_path)['meta']['epoch'] == 1
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['epoch_1.pth']
    train(config, resume=True)
    assert last_checkpoint(tmp_path)['meta']['epoch'] == 4
    assert [path.name for path in tmp_path.glob('*.pth')] == ['epoch_4.pth']


def test_full_disk_while_writing(tmp_path):
    """A write that fails half-way leaves the old file and says what to do."""
    path = tmp_path / 'epoch_1.pth'
    AtomicBackend().put(b'old', path)

    def run():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(CheckpointWriteError, match='--resume'):
            AtomicBackend().put(bytes(5000), path)

    assert in_child(run) == 0
    assert path.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [path]


def test_bad_work_dirs_are_named_before_training(tmp_path):
    with pytest.raises(CheckpointWriteError, match='lower default_hooks'):
        check_space(tmp_path, 1e18)
    (tmp_path / 'file').write_text('')
    with pytest.raises(CheckpointWriteError, match='cannot be written'):
        check_space(tmp_path / 'file' / 'work', 1)
    check_space(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_size_on_disk_is_that_of_the_checkpoints(drawn_root, tmp_path):
    sizes = []
    config = training(drawn_root, tmp_path)

    def run():
        runner = Runner.from_cfg(config)
        runner.train()
        (hook,) = (
            hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook)
        )
        expected = hook.size_on_disk(runner) / (hook.max_keep_ckpts + 1)
        size = (tmp_path / 'epoch_4.pth').stat().st_size
        assert 0.9 * size < expected < 1.1 * size, (size, expected)

    assert in_child(run) == 0, sizes


def test_draws_depend_on_the_place_alone():
    """Samples and their seeds are the same however the batches are split."""
    whole = SeededSampler(range(10), seed=3)
    whole.set_epoch(2)
    draws = [(int(draw), draw.seed) for draw in whole]
    assert len({seed for _, seed in draws}) == 10
    parts = []
    for rank in range(2):
        part = SeededSampler(range(10), seed=3)
        part.rank, part.world_size = rank, 2
        part.num_samples = 5
        part.set_epoch(2)
        parts.append([(int(draw), draw.seed) for draw in part])
    assert [draw for pair in zip(*parts) for draw in pair] == draws
    whole.skip(4)
    assert [(int(draw), draw.seed) for draw in whole] == draws[4:]
    assert [(int(draw), draw.seed) for draw in whole] == draws
    whole.set_epoch(3)
    assert {draw.seed for draw in whole}.isdisjoint(seed for _, seed in draws)

    endless = iter(SeededInfiniteSampler(range(4), seed=3))
    draws = [next(endless) for _ in range(12)]
    assert len({draw.seed for draw in draws}) == 12
    resumed = SeededInfiniteSampler(range(4), seed=3)
    resumed.skip(7)
    again = next(iter(resumed))
    assert (again, again.seed) == (draws[7], draws[7].seed)


def test_draws_travel_to_workers():
    import pickle

    draw = pickle.loads(pickle.dumps(SeededIndex(5, position_seed(1, 2))))
    assert draw == 5 and draw.seed == position_seed(1, 2) != position_seed(2, 1)


def test_seeded_leaves_no_trace():
    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    states = (random.getstate(), np.random.get_state(), torch.get_rng_state())
    outside = draw()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    with seeded(4):
        inside = draw()
    assert draw() == outside != inside
    with seeded(4):
        assert draw() == inside
