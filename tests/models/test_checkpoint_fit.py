"""Checkpoints that do not fit, or hold code: refused by name."""

import pickle

import pytest
import torch

from rtmw_ext.compat import patches as compat
from rtmw_ext.models.loading import CheckpointError, check_fit, load_model
from support.paths import RTMW_T


def test_checkpoint_of_another_model(rtmw_t):
    model, _ = rtmw_t
    weights = model.state_dict()
    check_fit(model, weights, 'good.pth')
    weights['head.cls_x.weight'] = torch.zeros(576, 256)
    with pytest.raises(CheckpointError, match='bad.pth.*576'):
        check_fit(model, weights, 'bad.pth')


class Bomb:
    def __reduce__(self):
        return print, ('code of the checkpoint ran',)


def test_checkpoint_with_code_is_refused(tmp_path, capsys, monkeypatch):
    from mmengine.runner.checkpoint import _load_checkpoint

    path = tmp_path / 'bomb.pth'
    torch.save(dict(state_dict={}, extra=Bomb()), path)
    with pytest.raises(pickle.UnpicklingError, match='bomb.pth'):
        _load_checkpoint(str(path), map_location='cpu')
    assert 'code of the checkpoint ran' not in capsys.readouterr().out
    monkeypatch.setenv(compat.TRUST, '1')
    assert 'state_dict' in _load_checkpoint(str(path), map_location='cpu')


@pytest.mark.parametrize('content', ['text', 'cut off', 'code'])
def test_a_broken_checkpoint_is_named(content, rtmw_t, tmp_path):
    path = tmp_path / 'broken.pth'
    if content == 'text':
        path.write_text('no weights')
    else:
        torch.save(dict(state_dict={}, extra=Bomb() if content == 'code' else 1), path)
    if content == 'cut off':
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match='broken.pth cannot be loaded'):
        load_model(RTMW_T, str(path))
