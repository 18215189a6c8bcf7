"""tools/dataset, the catalogue, and the eighteenth dataset of the docs."""

import re
import shutil
import sys
from unittest import mock

import cv2
import h5py
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS

from rtmw_ext.datasets import catalog
from rtmw_ext.datasets.converters import DOWNLOADS
from rtmw_ext.datasets.mapping import definition
from support import tiny_datasets
from support.paths import CONFIGS, ROOT
from support.tools import load_tool, run_script

DOCS = ROOT / 'docs' / 'datasets.md'
IDS = definition('coco_wholebody')['keypoint_name2id']


def main(name, *arguments, monkeypatch):
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    load_tool(f'dataset/{name}').main()


def test_eighteenth_dataset(tmp_path, monkeypatch):
    """The code of the docs, as it stands there."""
    (code,) = re.findall(r'```python\n(.*?)```', DOCS.read_text(), re.DOTALL)
    assert len(code.splitlines()) < 30
    values = tiny_datasets.points(5)
    tiny_datasets.image(tmp_path / 'data/climbing/images/1.jpg')
    tiny_datasets.coco(
        tmp_path / 'data/climbing/annotations/train.json',
        ['1.jpg'],
        [dict(keypoints=tiny_datasets.flat(values), bbox=tiny_datasets.box(values))],
    )
    # Beside the project's files, as the docs say.
    for name in ('_base_', 'rtmw'):
        shutil.copytree(CONFIGS / name, tmp_path / 'configs' / name)
    (tmp_path / 'configs/mine').mkdir()
    (tmp_path / 'configs/mine/climbing.py').write_text(code)
    monkeypatch.chdir(tmp_path)
    config = Config.fromfile('configs/mine/climbing.py')
    sets = config.train_dataloader.dataset.datasets
    assert list(sets) == [*catalog.cocktail('cocktail14'), 'climbing']
    alone = dict(climbing=dict(sets.climbing, share=2.0))
    mix = DATASETS.build(dict(config.train_dataloader.dataset, datasets=alone))
    sample = mix.datasets[0][0]
    expected = dict(
        nose=0, left_hand_root=1, right_hand_root=2, left_big_toe=3, right_big_toe=4
    )
    for name, index in expected.items():
        assert np.allclose(sample['keypoints'][0, IDS[name]], values[index], atol=1e-3)
    assert (sample['keypoints_visible'] > 0).sum() == 5
    assert sample['keypoints_visible'][0, IDS['left_hand_root']] == 0.5
    packed = mix[1]
    labels = packed['data_samples'].gt_instance_labels
    assert labels.keypoint_x_labels.shape == (1, 133, 576)


def test_docs_have_the_coverage_of_the_configs():
    stats = load_tool('dataset/stats')
    assert stats.markdown(catalog.coverage()) in DOCS.read_text()


def test_coverage_picture(tmp_path, monkeypatch, capsys):
    main('stats', 'coverage', '--picture', tmp_path / 'c.png', monkeypatch=monkeypatch)
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 2 + 133 + 1
    assert '| 11 | left_hip | x | x | x | half |' in out[13]
    image = cv2.imread(str(tmp_path / 'c.png'))
    assert image.shape[1] == 120 + 133 * 10


def test_label_counts(tmp_path, monkeypatch, capsys):
    tiny_datasets.halpe(tmp_path)
    main(
        'stats',
        'labels',
        catalog.config_file('halpe'),
        '--data-root',
        tmp_path / 'halpe',
        '--csv',
        tmp_path / 'c.csv',
        monkeypatch=monkeypatch,
    )
    assert '| halpe | 1 | 1 | 17 | 6 | 68 | 21 | 21 |' in (capsys.readouterr().out)
    rows = (tmp_path / 'c.csv').read_text().splitlines()
    assert rows[0] == 'point,halpe,epoch' and rows[1] == 'nose,1,1'
    assert len(rows) == 134


def test_prepare_converts_and_counts(tmp_path, monkeypatch, capsys):
    tiny_datasets.aic(tmp_path)
    main('prepare', 'aic', '--data', tmp_path, monkeypatch=monkeypatch)
    out = capsys.readouterr().out
    assert 'aic_train.json: 1 people' in out
    assert 'aic: 1 people to train with, 13 labelled points' in out


def test_a_dataset_joins_by_its_file(tmp_path, monkeypatch, capsys):
    """Nothing else says where it comes from."""
    folder = tmp_path / catalog.FOLDER
    folder.mkdir(parents=True)
    known = catalog.config_file('halpe').read_text()
    (folder / 'mine_133.py').write_text(known)
    monkeypatch.setattr(catalog, 'root', lambda: tmp_path)
    tiny_datasets.halpe(tmp_path / 'data')
    main('prepare', 'mine', '--data', tmp_path / 'data', monkeypatch=monkeypatch)
    assert 'mine: 1 people to train with' in capsys.readouterr().out
    main('prepare', '--list', monkeypatch=monkeypatch)
    assert capsys.readouterr().out == f'mine: see {folder}/mine_133.py\n'
    with pytest.raises(SystemExit, match='halpe_train_v1.json does not exist'):
        main('prepare', 'mine', '--data', tmp_path / 'none', monkeypatch=monkeypatch)


def test_prepare_names_what_is_missing(tmp_path, monkeypatch, capsys):
    tiny_datasets.lapa(tmp_path)
    (tmp_path / 'LaPa/val/landmarks/1.txt').unlink()
    with pytest.raises(SystemExit):
        main('prepare', 'lapa', '--data', tmp_path, monkeypatch=monkeypatch)
    out = capsys.readouterr().out
    assert 'val/landmarks/*.txt' in out and 'lapa-dataset' in out
    assert 'train/landmarks' not in out
    main('prepare', '--list', monkeypatch=monkeypatch)
    out = capsys.readouterr().out
    for name, download in DOWNLOADS.items():
        assert f'{name}: {download.home}' in out
    assert list(DOWNLOADS) == list(catalog.cocktail())


def test_converters_skip_broken_images_with_one_warning(tmp_path):
    tiny_datasets.lapa(tmp_path)
    for split in ('train', 'val'):
        (tmp_path / 'LaPa' / split / 'images/1.jpg').write_text('no image')
    tiny_datasets.image(tmp_path / 'LaPa/train/images/2.jpg')
    (tmp_path / 'LaPa/train/landmarks/2.txt').write_text(
        (tmp_path / 'LaPa/train/landmarks/1.txt').read_text()
    )
    with mock.patch('rtmw_ext.datasets.checks.print_log') as log:
        counts = DOWNLOADS['lapa'].convert(tmp_path / 'LaPa')
    assert list(counts.values()) == [1] and log.call_count == 1
    assert 'train/images/1.jpg' in log.call_args[0][0]


def test_dna_rendering_refuses_points_that_do_not_project(tmp_path):
    tiny_datasets.dna_rendering(tmp_path)
    root = tmp_path / 'dna_rendering'
    with h5py.File(next(root.glob('*/*_annots.smc')), 'r+') as file:
        file['Camera_Parameter/03/RT'][0, 3] += 5
    with mock.patch('rtmw_ext.datasets.checks.print_log') as log:
        counts = DOWNLOADS['dna_rendering'].convert(root, every=1)
    assert list(counts.values()) == [0]
    assert '3D points do not fall on the 2D points' in log.call_args[0][0]


@pytest.mark.parametrize('suffix', ['png', 'html'])
def test_browse(tmp_path, monkeypatch, capsys, suffix):
    tiny_datasets.halpe(tmp_path)
    out = tmp_path / f'sheet.{suffix}'
    main(
        'browse',
        'halpe',
        '--set',
        f'data_root={tmp_path}/halpe/',
        '--out',
        out,
        monkeypatch=monkeypatch,
    )
    assert '2 pictures' in capsys.readouterr().out
    if suffix == 'html':
        assert out.read_text().count('<img') == 2
        return
    sheet = cv2.imread(str(out))
    assert sheet.shape == (840, 420, 3)
    # The left wrist is drawn where it lies, in the left's colour.
    browse = load_tool('dataset/browse')
    sample = dict(
        img=np.zeros((120, 160, 3), np.uint8),
        bbox=np.array([[0.0, 0, 100, 100]]),
        keypoints=np.zeros((1, 133, 2)),
        keypoints_visible=np.zeros((1, 133)),
    )
    sample['keypoints'][0, 9] = 25, 75
    sample['keypoints_visible'][0, 9] = 1
    tile = browse.mapped_tile(sample)
    scale = 420 / 115
    x, y = 210 + scale * -25, 210 + scale * 25
    assert tile[int(y), int(x)].tolist() == list(browse.LEFT)
    assert (tile.any(2)).sum() < 60


@pytest.mark.slow
def test_benchmark_runs(tmp_path):
    flags = ['--turns', 1, '--number', 4, '--json', tmp_path / 'b.json']
    out = run_script('tools/bench/pipeline.py', *flags)
    assert out.returncode == 0, out.stderr[-2000:]
    for name in ('RandomTopdownCrop', 'PhotometricDistortion', 'label encoding'):
        assert name in out.stdout
    figures = Config.fromfile(tmp_path / 'b.json')
    assert figures['ours'].ratio > 0 and figures.encode.ratio > 0
