"""A recorded training step, without a GPU: what is recorded is computed anew
each time, in the very same buffers."""
import contextlib
import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmpose.registry import MODELS

from rtmw_ext import zoo
from rtmw_ext.cuda_graph import RecordedStep, tensors_of

CONFIG = 'configs/synthetic/rtmw3d-t_synthetic-128x96.py'
K = 133


@pytest.fixture(scope='module')
def config():
    config = Config.fromfile(zoo.root() / CONFIG)
    config.optim_wrapper.precision = 'float32'
    # AdamW makes steps of rounding errors where a gradient is 0.
    config.optim_wrapper.optimizer = dict(
        type='SGD', lr=1e-5, weight_decay=0.)
    return config


def batch(seed, persons=4):
    draw = torch.Generator().manual_seed(seed)
    points = 20 + 120 * torch.rand(persons, K, 2, generator=draw)
    return dict(
        crops=torch.randint(0, 256, (persons, 160, 160, 3), generator=draw,
                            dtype=torch.uint8),
        bboxes=torch.tensor([[20., 20, 140, 140]]).repeat(persons, 1),
        keypoints=points,
        keypoints_visible=torch.ones(persons, K),
        keypoints_3d=torch.randn(persons, K, 3, generator=draw) / 4,
        keypoints_3d_visible=torch.ones(persons, K))


class PlayBack:
    """Records nothing: computes again, in the same buffers."""

    stream = staticmethod(contextlib.nullcontext)

    @staticmethod
    def record(function):
        function()
        return function

    @staticmethod
    def read(values):
        kept = values.clone()
        return lambda: kept


def train(config, steps, recorded):
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(config.model)).train()
    wrapper = build_optim_wrapper(model, copy.deepcopy(config.optim_wrapper))
    step = RecordedStep(model, 1, PlayBack) if recorded else model.train_step
    values = []
    for number in range(steps):
        torch.manual_seed(number)
        values.append(step(batch(number), wrapper))
    return model, values


def test_recorded_steps_train_as_others_do(config):
    # Clipping rounds in another order, and such a new model is a chaos.
    config = copy.deepcopy(config)
    config.optim_wrapper.clip_grad = None
    plain, expected = train(config, 4, False)
    recorded, values = train(config, 4, True)
    for name, weight in plain.named_parameters():
        assert torch.equal(recorded.get_parameter(name), weight)
    # The values come a step later; the first of them twice.
    for mine, theirs in ((values[0], expected[0]), (values[1], expected[1]),
                         (values[2], expected[1]), (values[3], expected[2])):
        for name, value in theirs.items():
            torch.testing.assert_close(
                torch.as_tensor(mine[name]).float(), value.float(),
                rtol=1e-4, atol=1e-5)


def test_recorded_steps_clip_and_tell_the_norm(config):
    config = copy.deepcopy(config)
    config.optim_wrapper.clip_grad = dict(max_norm=1e-3, norm_type=2)
    model, values = train(config, 3, True)
    norm = torch.stack([weight.grad.norm() for weight in
                        model.parameters()]).norm()
    assert values[2]['grad_norm'] > 1e-3
    torch.testing.assert_close(norm, torch.tensor(1e-3), rtol=1e-2, atol=0)


def test_recorded_step_refuses_another_shape(config):
    model = MODELS.build(copy.deepcopy(config.model)).train()
    wrapper = build_optim_wrapper(model, copy.deepcopy(config.optim_wrapper))
    step = RecordedStep(model, 0, PlayBack)
    step(batch(0), wrapper)
    with pytest.raises(ValueError, match='batches of one size'):
        step(batch(1, persons=3), wrapper)


def test_labels_are_all_copied(config):
    model = MODELS.build(copy.deepcopy(config.model))
    data = model.data_preprocessor(batch(0), True)
    assert len(tensors_of(data)) == 6
