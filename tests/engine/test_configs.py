"""Every config builds its model, and values at its top are changed by name."""

import pytest
import torch
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from rtmw_ext.datasets.mix import dataset_configs
from rtmw_ext.engine.configs import load_config
from support.paths import CONFIGS

ALL = sorted(
    path
    for path in CONFIGS.rglob('*.py')
    if not {'_base_', 'deploy'} & set(path.relative_to(CONFIGS).parts)
)
DETECTOR = CONFIGS / 'synthetic' / 'rtmdet-nano_synthetic-320.py'


@pytest.mark.parametrize('path', ALL, ids=lambda path: path.stem)
def test_every_config_builds_its_model(path):
    config = Config.fromfile(path)
    if config.default_scope == 'mmdet':
        register_all_modules(init_default_scope=False)
    init_default_scope(config.default_scope)
    # A teacher's weights are read for real; others need no memory here.
    device = 'cpu' if config.model.type.startswith('Distilled') else 'meta'
    with torch.device(device):
        model = MODELS.build(config.model)
    assert sum(parameter.numel() for parameter in model.parameters()) > 5e5


@pytest.mark.parametrize('path', ALL, ids=lambda path: path.stem)
def test_hooks_have_names(path):
    """So that --cfg-options reaches them without counting."""
    assert not Config.fromfile(path).get('custom_hooks')


def test_a_schedule_follows_its_length():
    path = CONFIGS / 'rtmw' / 'rtmw-t_coco-wholebody-256x192.py'
    config = load_config(path, {'max_epochs': 20, 'warmup_steps': 50, 'base_lr': 0.1})
    assert config.train_cfg.max_epochs == 20
    warmup, cosine = config.param_scheduler
    assert warmup.end == 50
    assert (cosine.begin, cosine.end, cosine.T_max) == (10, 20, 10)
    assert config.optim_wrapper.optimizer.lr == 0.1
    assert cosine.eta_min == pytest.approx(0.005)
    # Everything else is as it was.
    plain = Config.fromfile(path)
    assert config.model == plain.model and config.val_dataloader == plain.val_dataloader
    assert config.filename == str(path)


def test_a_part_of_a_config_is_not_its_copies():
    """As MMEngine has it: test_dataloader was made from val_dataloader."""
    path = CONFIGS / 'rtmw' / 'rtmw-t_coco-wholebody-256x192.py'
    config = load_config(path, {'val_dataloader': None, 'resume': True})
    assert config.val_dataloader is None and config.resume is True
    assert config.test_dataloader == Config.fromfile(path).test_dataloader


def test_people_of_another_folder():
    path = CONFIGS / 'demo' / 'rtmw-t_drawn-256x192.py'
    config = load_config(path, {'data_root': 'mine/', 'max_iters': 7})
    (train,) = dataset_configs(config.train_dataloader.dataset.datasets)
    for dataset in (
        train,
        config.val_dataloader.dataset,
        config.test_dataloader.dataset,
    ):
        assert dataset.data_root == 'mine/'
    assert config.train_cfg.max_iters == config.param_scheduler[1].end == 7


def test_crops_by_name():
    path = CONFIGS / 'synthetic' / 'rtmw3d-t-parts_synthetic-128x128.py'
    options = dict(minutes=9, data_root='mine/', num_crops=7, crops_device='cpu')
    loader = load_config(path, {**options, 'batch_size': 32}).train_dataloader
    dataset = loader.dataset
    assert (dataset.data_root, dataset.total, dataset.device) == ('mine/', 7, 'cpu')
    assert loader.batch_size == 32
    assert Config.fromfile(path).train_dataloader.batch_size == 64


def test_a_detector_by_name():
    options = {
        'minutes': 75,
        'mosaic_prob': 0.1,
        'single_ratio_range': (0.75, 1.25),
        'batch_side_range': (256, 320),
        'optim_wrapper.optimizer.lr': 1.5e-3,
    }
    config = load_config(DETECTOR, options)
    assert config.default_hooks.time_budget.minutes == 75
    choice = config.train_dataloader.dataset.pipeline[2]
    assert choice.prob == [0.1, 0.9]
    mosaic, single = choice.transforms
    assert mosaic[1].ratio_range == (0.5, 1.2)
    assert single[0].ratio_range == (0.75, 1.25)
    (resize,) = config.model.data_preprocessor.batch_augments
    assert resize.random_size_range == (256, 320)
    assert config.optim_wrapper.optimizer.lr == 1.5e-3


def test_a_dataset_of_a_mix_by_name():
    path = CONFIGS / 'rtmw3d' / 'rtmw3d-t_cocktail17-256x192.py'
    key = 'train_dataloader.dataset.datasets'
    config = load_config(path, {f'{key}.aic.share': 0.5, f'{key}.mpii': None})
    datasets = config.train_dataloader.dataset.datasets
    assert datasets.aic.share == 0.5 and datasets.aic.type == 'KeypointDataset'
    # CrowdPose has two files.
    assert len(list(dataset_configs(datasets))) == 17
