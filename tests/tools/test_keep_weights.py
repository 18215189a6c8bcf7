"""A checkpoint's averaged weights, alone."""

import sys

import pytest
import torch

from support.tools import load_tool

load_file = pytest.importorskip('safetensors.torch').load_file


def test_weights_alone(tmp_path, monkeypatch):
    state = {
        'conv.weight': torch.randn(3, 2, 1, 1).to(memory_format=torch.channels_last),
        'bn.running_var': torch.tensor([1e9, 2.0]),
        'bn.num_batches_tracked': torch.tensor(7),
    }
    torch.save(
        dict(state_dict=state, ema_state_dict={}, optimizer={'big': torch.zeros(999)}),
        tmp_path / 'iter_7.pth',
    )
    outs = [tmp_path / 'out/a.pth', tmp_path / 'out/a.safetensors']
    monkeypatch.setattr(
        sys, 'argv', ['keep_weights.py', *map(str, [tmp_path / 'iter_7.pth', *outs])]
    )
    load_tool('keep_weights').main()
    full = torch.load(outs[0], weights_only=True)
    assert full.keys() == {'state_dict'}
    for name, value in state.items():
        assert torch.equal(full['state_dict'][name], value)
    half = load_file(outs[1])
    assert half.keys() == state.keys()
    assert half['conv.weight'].dtype == torch.float16
    assert torch.allclose(half['conv.weight'].float(), state['conv.weight'], atol=1e-3)
    # Beyond float16.
    assert torch.equal(half['bn.running_var'], state['bn.running_var'])
