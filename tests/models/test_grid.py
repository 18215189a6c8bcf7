"""Weights on a coarse grid, and a training for it."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rtmw_ext.engine.hooks import WeightGridHook
from rtmw_ext.models.grid import round_off
from support.training import FakeRunner


@given(st.integers(0, 2**32 - 1), st.floats(1, 20), st.floats(-6, 6))
def test_round_off(seed, steps, exponent):
    rows = (
        torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(seed))
        * 10**exponent
    )
    rows[0] = 0
    found = round_off(rows, steps)
    assert found.shape == rows.shape and not found[0].any()
    for row, place in zip(rows[1:], found[1:]):
        size = row.square().mean().sqrt()
        (step,) = (
            2.0**k for k in range(-40, 40) if size / steps / 2 < 2.0**k <= size / steps
        )
        step = max(step, 2.0**-24)  # float16's finest
        assert (row - place).abs().max() <= step / 2
        assert torch.equal(place / step, (place / step).round())
    # What lies on the grid stays there.
    step = 2.0 ** round(exponent)
    whole = torch.tensor([[1.0, -2, 3, 0, 5, 2]]) * step
    assert torch.equal(round_off(whole, 4.0), whole)


def test_no_grid():
    with pytest.raises(ValueError, match='steps=0 is none'):
        round_off(torch.ones(1, 2), 0)


class Trainer(FakeRunner):
    """Steps of SGD in MMEngine's order, and what the model was in each."""

    def __init__(self, model, hook, accumulated=1):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        self.optim_wrapper = self
        super().__init__(model, optimizer=optimizer, seen=[])
        hook.before_train(self)
        self.hook, self.accumulated = hook, accumulated

    def step(self, inputs):
        self.hook.before_train_iter(self, self.iter)
        self.seen.append(copy.deepcopy(self.model.state_dict()))
        self.model(inputs).square().sum().backward()
        self.iter += 1
        if self.iter % self.accumulated == 0:
            self.optimizer.step()
            self.optimizer.zero_grad()
        self.hook.after_train_iter(self, self.iter)


@pytest.mark.parametrize('accumulated', [1, 2])
def test_gradients_are_those_of_rounded_weights(accumulated):
    inputs = torch.randn(8, 4)
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    before = copy.deepcopy(model)
    trainer = Trainer(model, WeightGridHook(steps=1.5), accumulated)
    for _ in range(accumulated):
        trainer.step(inputs)
    rounded = copy.deepcopy(before)
    for weight in (rounded[0].weight, rounded[1].weight):
        weight.data = round_off(weight.data, 1.5)
    for seen in trainer.seen:
        for name, weight in rounded.state_dict().items():
            assert torch.equal(seen[name], weight)
    rounded(inputs).square().sum().backward()
    for old, at, new in zip(*(one.parameters() for one in (before, rounded, model))):
        assert torch.allclose(new, old - 0.5 * accumulated * at.grad, atol=1e-5)


def test_between_two_steps_weights_are_exact():
    model = nn.Linear(4, 3)
    exact = model.weight.clone()
    trainer = Trainer(model, WeightGridHook(steps=2), accumulated=2)
    trainer.step(torch.randn(2, 4))
    assert torch.equal(model.weight, exact)


def test_without_a_grid_nothing_changes():
    model = nn.Linear(4, 3)
    before = model.weight.clone()
    trainer = Trainer(model, WeightGridHook())
    trainer.step(torch.randn(2, 4))
    assert torch.equal(trainer.seen[0]['weight'], before)
