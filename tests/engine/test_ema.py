"""The moving average of all weights at once."""

import copy

import pytest
import torch
from mmpose.engine.hooks.ema_hook import ExpMomentumEMA
from torch import nn

from rtmw_ext.engine.ema import ForeachEMA


def model():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def step(net, number):
    torch.manual_seed(number)
    net(torch.randn(2, 3, 8, 8))
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(torch.randn_like(weight))


@pytest.mark.parametrize('update_buffers', [True, False])
@pytest.mark.parametrize('interval', [1, 3])
def test_average_is_mmposes(update_buffers, interval):
    net = model()
    averages = [
        kind(
            net,
            momentum=0.01,
            gamma=5,
            interval=interval,
            update_buffers=update_buffers,
        )
        for kind in (ExpMomentumEMA, ForeachEMA)
    ]
    for number in range(8):
        step(net, number)
        for average in averages:
            average.update_parameters(net)
    states = [average.state_dict() for average in averages]
    assert list(states[0]) == list(states[1])
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-6, atol=1e-6)


def test_average_goes_on_where_a_checkpoint_was():
    net = model()
    whole = ForeachEMA(net, momentum=0.01, gamma=5, update_buffers=True)
    for number in range(3):
        step(net, number)
        whole.update_parameters(net)
    resumed = ForeachEMA(net, momentum=0.01, gamma=5, update_buffers=True)
    resumed.load_state_dict(copy.deepcopy(whole.state_dict()))
    step(net, 3)
    for average in (whole, resumed):
        average.update_parameters(net)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
