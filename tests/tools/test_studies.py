"""Studies: their rows, their table, and that they go on where they were."""

import json
import sys

import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from rtmw_ext.models import GAU
from support.tools import load_tool


@pytest.fixture(scope='module')
def tools():
    """{name of a tool: what it defines}."""
    return {
        name: vars(load_tool(f'studies/{name}'))
        for name in ('training_series', 'ablation', 'distill')
    }


def test_rows_are_those_of_the_paper(tools, tmp_path):
    ablation = tools['ablation']
    found = []
    init_default_scope('mmpose')
    for name in ablation['ROWS'].values():
        config = ablation['row'](name, tmp_path, 5)
        assert config.train_dataloader.dataset.total == 5
        drawn = ablation['row'](name, tmp_path).model
        assert (drawn.backbone, drawn.neck, drawn.head) == (
            config.model.backbone,
            config.model.neck,
            config.model.head,
        )
        model = MODELS.build(config.model)
        model.init_weights()
        logits = model.head(model.extract_feat(torch.zeros(1, 3, 128, 96)))
        assert [axis.shape for axis in logits] == [(1, 133, 192), (1, 133, 256)]
        found.append(
            (
                model.with_neck,
                model.head.hem is not None,
                isinstance(model.head.gau, GAU),
            )
        )
    assert found == [
        (False, False, True),
        (True, False, True),
        (False, True, True),
        (True, True, True),
        (True, True, False),
    ]


def test_table(tools):
    runs = [
        {
            f'coco-wholebody/{part}AP': value
            for part in ('', 'body/', 'foot/', 'face/', 'hand/')
        }
        for value in (0.1, 0.2, 0.6)
    ]
    lines = tools['training_series']['table'](
        dict(one=runs[:1], three=runs)
    ).splitlines()
    assert lines[0] == '| AP | whole | body | foot | face | hand |'
    assert lines[2] == '| one |' + ' 10.0 |' * 5
    assert lines[3] == '| three |' + ' 30.0 (10.0-60.0) |' * 5


def test_results_are_kept(tools, tmp_path):
    """A training that is done is not done again; other settings are
    refused."""
    study = tools['training_series']['TrainingSeries'](tmp_path, dict(steps=3))
    (tmp_path / 'one').mkdir()
    (tmp_path / 'one' / 'result.json').write_text(json.dumps({'AP': 0.5}))
    assert study.run('one', None, 3, 0) == {'AP': 0.5}
    tools['training_series']['TrainingSeries'](tmp_path, dict(steps=3))
    with pytest.raises(SystemExit, match='other settings, {"steps": 3}'):
        tools['training_series']['TrainingSeries'](tmp_path, dict(steps=4))


@pytest.mark.slow
def test_an_ablation_goes_on(tools, tmp_path, monkeypatch, capsys):
    """Draws, trains two rows of the table, evaluates; a second start only
    reads."""
    main = tools['ablation']['main']
    rows = tools['ablation']['ROWS']
    monkeypatch.setitem(
        main.__globals__,
        'ROWS',
        {name: rows[name] for name in ('baseline', '+ PAFPN + HEM')},
    )
    monkeypatch.setattr(
        sys,
        'argv',
        [
            'ablation.py',
            '--out',
            str(tmp_path),
            '--steps',
            '2',
            '--train',
            '40',
            '--val',
            '4',
            '--seeds',
            '1',
        ],
    )
    main()
    lines = capsys.readouterr().out.splitlines()[-4:]
    assert [line.split(' | ')[0] for line in lines] == [
        '| AP',
        '|---|---|---|---|---|---|',
        '| baseline',
        '| + PAFPN + HEM',
    ]
    assert (tmp_path / 'rtmpose-l_pafpn_hem-1' / 'result.json').is_file()
    run = tools['ablation']['TrainingSeries'].run
    monkeypatch.setitem(run.__globals__, 'Runner', None)
    main()
    assert capsys.readouterr().out.splitlines()[-4:] == lines
