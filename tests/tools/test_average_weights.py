"""Averages of weights."""

import pytest
import torch

from support.tools import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('average_weights')


def test_a_share_of_the_second(tool):
    first = dict(weight=torch.tensor([1.0, 2]), steps=torch.tensor(3))
    second = dict(weight=torch.tensor([3.0, 0]).half(), steps=torch.tensor(5))
    mean = tool.average(first, second, 0.75)
    assert torch.allclose(mean['weight'], torch.tensor([2.5, 0.5]))
    assert mean['weight'].dtype == torch.float32 and mean['steps'] == 5
    assert torch.equal(tool.average(first, second, 0)['weight'], first['weight'])


@pytest.mark.parametrize(
    'other', [dict(weight=torch.zeros(3)), dict(bias=torch.zeros(2))]
)
def test_weights_of_another_model(tool, other):
    with pytest.raises(tool.WeightsDiffer, match=next(iter(other))):
        tool.average(dict(weight=torch.zeros(2)), other, 0.5)
