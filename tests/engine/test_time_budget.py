"""A schedule of so many minutes: its shape, its end, its resumption."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.dataset import InfiniteSampler
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from rtmw_ext.engine.hooks import TimeBudgetHook, time_budget

#: The hook's: a busy machine decides nothing here.
clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)


class Line(BaseModel):
    """The smallest model that trains."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.rates = []

    def forward(self, inputs, mode):
        clock.now += 0.01
        return dict(loss=(self.weight - inputs.mean()) ** 2)


def runner(folder, minutes, resume=False):
    rows = [torch.ones(1)] * 4
    return Runner(
        Line(),
        str(folder),
        train_dataloader=DataLoader(
            rows,
            batch_size=2,
            sampler=InfiniteSampler(rows),
            collate_fn=lambda batch: dict(inputs=torch.stack(batch)),
        ),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=10**6),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[dict(type='TimeBudgetHook', minutes=minutes)],
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=20)
        ),
        default_scope='mmpose',
        resume=resume,
        experiment_name=f'{folder.name}-{resume}-{minutes}',
    )


def test_it_ends_when_the_time_is_used_and_goes_on_from_there(tmp_path, monkeypatch):
    monkeypatch.setattr(time_budget, 'time', clock)
    first = runner(tmp_path, 0.02)
    first.train()
    last = tmp_path / f'iter_{first.iter}.pth'
    assert 119 <= first.iter <= 121 and last.exists()
    assert (tmp_path / 'last_checkpoint').read_text() == str(last)
    assert first.optim_wrapper.get_lr()['lr'][0] < 0.01
    again = runner(tmp_path, 0.03, resume=True)
    again.train()
    # A third of the budget was left.
    assert 59 <= again.iter - first.iter <= 61
    spent = again.message_hub.runtime_info['seconds_trained']
    assert spent == pytest.approx(1.8, abs=0.02)


@given(st.floats(0, 1.5), st.floats(0, 1.5))
def test_the_rate_rises_stays_and_falls(a, b):
    hook = TimeBudgetHook(1, warmup=0.1, flat=0.4, final=0.05)
    early, late = (hook.factor(used) for used in sorted((a, b)))
    assert 0 < early <= 1 and 0 < late <= 1
    if max(a, b) < 0.1:
        assert early <= late
    if min(a, b) >= 0.1:
        assert early >= late >= 0.05 - 1e-9
    if 0.1 <= a <= 0.4:
        assert hook.factor(a) == 1


@pytest.mark.parametrize(
    'arguments', [dict(minutes=0), dict(minutes=1, warmup=0.5, flat=0.2)]
)
def test_bad_budget(arguments):
    with pytest.raises(ValueError, match='minutes'):
        TimeBudgetHook(**arguments)
