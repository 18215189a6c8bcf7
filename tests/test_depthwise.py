"""The depthwise kernels in Triton's interpreter, which needs no GPU."""
import os
import subprocess
import sys

import pytest
import torch
from mmpose.registry import MODELS

from rtmw_ext.models.depthwise import fits, use_triton_depthwise

pytest.importorskip('triton', reason='Triton comes with torch on Linux')

CHECK = '''
import torch
from rtmw_ext.models.depthwise import reference
torch.manual_seed(0)
for shape, side in (((2, 24, 9, 7), 5), ((3, 48, 4, 6), 3), ((1, 96, 8, 6), 5)):
    source = torch.randn(shape).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(shape[1], 1, side, side)
    pair = source.requires_grad_(), weight.requires_grad_()
    found = torch.ops.rtmw.depthwise(*pair)
    true = reference(*pair)
    torch.testing.assert_close(found, true, rtol=1e-4, atol=1e-4)
    slope = torch.randn_like(true)
    for mine, theirs in zip(torch.autograd.grad(found, pair, slope),
                            torch.autograd.grad(true, pair, slope)):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)
print('equal')
'''


def test_kernels_compute_the_convolution_and_its_gradients():
    run = subprocess.run(
        [sys.executable, '-c', CHECK], capture_output=True, text=True,
        env=dict(os.environ, TRITON_INTERPRET='1'))
    assert run.stdout.strip().endswith('equal'), run.stderr


def test_only_what_the_kernels_can_do():
    conv = torch.nn.Conv2d
    assert fits(conv(8, 8, 5, padding=2, groups=8, bias=False))
    assert not fits(conv(8, 8, 5, padding=2, groups=8))
    assert not fits(conv(8, 8, 5, padding=2, groups=4, bias=False))
    assert not fits(conv(8, 8, 5, stride=2, padding=2, groups=8, bias=False))
    assert not fits(conv(8, 8, 5, padding=1, groups=8, bias=False))


def test_on_a_cpu_the_model_stays_what_it_was():
    model = MODELS.build(dict(
        type='CSPNeXt', deepen_factor=0.167, widen_factor=0.375))
    model.eval()
    image = torch.rand(1, 3, 64, 64)
    names, before = list(model.state_dict()), model(image)
    assert use_triton_depthwise(model) == 4
    assert list(model.state_dict()) == names
    for mine, theirs in zip(model(image), before):
        assert torch.equal(mine, theirs)
