"""tools/train_synthetic.py: what it renders and trains, how it goes on."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import DictAction

from rtmw_ext.engine.configs import load_config
from rtmw_ext.zoo import resolve_checkpoint
from support.tools import load_tool


@pytest.fixture
def calls(monkeypatch):
    """The commands; each training leaves a checkpoint."""
    found = []

    def start(command):
        found.append(command)
        return SimpleNamespace(wait=lambda: 0, terminate=lambda: None)

    def finish(command, check):
        found.append(command)
        folder = Path(command[command.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'iter_9.pth').write_bytes(b'')
        (folder / 'last_checkpoint').write_text(str(folder / 'iter_9.pth'))

    monkeypatch.setattr(subprocess, 'Popen', start)
    monkeypatch.setattr(subprocess, 'run', finish)
    return found


@pytest.fixture(scope='module')
def main():
    return load_tool('train_synthetic').main


def trained(command):
    """(config with the options of a command, its arguments before them)."""
    split = command.index('--cfg-options')
    options = {
        key: DictAction._parse_int_float_bool(value)
        for key, value in (option.split('=') for option in command[split + 1 :])
    }
    config = load_config(command[2], options)
    return config, command[3:split]


def test_stages_one_after_the_other(main, calls, tmp_path, capsys):
    arguments = [
        '--minutes',
        '10',
        '--out',
        str(tmp_path),
        '--stages',
        'cells',
        'maps',
        '128x96',
        '256x192',
        '--num',
        '64',
        '--batch',
        '8',
    ]
    main(arguments)
    render, *trainings = calls
    assert 'crops' in render and str(tmp_path / 'crops') in render
    before = None
    for command, head, map_loss, side, minutes in zip(
        trainings,
        ('KeypointCellHead', *3 * ('RTMW3DHead',)),
        (False, True, False, False),
        (128, 128, 128, 256),
        (2, 0.6, 2.4, 5),
    ):
        config, flags = trained(command)
        assert '--resume' not in flags
        hook = config.default_hooks.time_budget
        assert hook.type == 'mmpose.TimeBudgetHook'
        assert hook.minutes == pytest.approx(minutes)
        assert config.model.head.type == head
        assert ('map_loss' in config.model.head) == map_loss
        assert config.codec.input_size[1] == side
        loader = config.train_dataloader
        assert (loader.batch_size, loader.dataset.total) == (8, 64)
        assert loader.dataset.data_root == str(tmp_path / 'crops')
        assert config.load_from == before
        before = str(Path(flags[flags.index('--work-dir') + 1]) / 'last.pth')
    last = tmp_path / '256x192' / 'last.pth'
    assert last.resolve().name == 'iter_9.pth'
    assert capsys.readouterr().out.splitlines()[0] == str(last)
    # Killed in the last training, it resumes that one.
    last.unlink()
    calls.clear()
    main(arguments)
    assert len(calls) == 2
    config, flags = trained(calls[1])
    assert '--resume' in flags and config.load_from is None
    assert '256x192' in calls[1][2]


def test_begins_with_given_weights(main, calls, tmp_path):
    weights = tmp_path / 'mine.pth'
    arguments = ['--minutes', '10', '--out', str(tmp_path), '--from', str(weights)]
    with pytest.raises(SystemExit, match=f'{weights} is no file'):
        main(arguments)
    assert not calls
    weights.write_bytes(b'')
    main(arguments)
    config = trained(calls[1])[0]
    assert config.load_from == str(weights)
    assert config.model.head.type == 'RTMW3DHead'
    assert 'map_loss' not in config.model.head
    # What is shipped, by name.
    calls.clear()
    main([*arguments[:-1], 'rtmw3d-t', '--out', str(tmp_path / 'shipped')])
    assert trained(calls[1])[0].load_from == resolve_checkpoint('rtmw3d-t')
    # Weights of cells, which the stages say.
    calls.clear()
    main([*arguments, '--stages', 'maps', '--out', str(tmp_path / 'maps')])
    assert trained(calls[1])[0].load_from == str(weights)
    assert 'maps-t' in calls[1][2]
