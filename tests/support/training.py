"""Small trainings, in processes of their own."""

import multiprocess
import torch
from mmengine.config import Config

from .models import TINY_CODEC, TINY_SIZE, tiny
from .paths import RTMW_T


def drawn_options(root, batch=4, workers=0):
    """``--cfg-options`` that point a config at a drawn dataset."""
    train = 'train_dataloader.dataset.datasets.coco-wholebody'
    options = {
        'model.backbone.init_cfg': None,
        'train_dataloader.batch_size': batch,
        'train_dataloader.num_workers': workers,
        'train_dataloader.persistent_workers': False,
        f'{train}.data_root': f'{root}/',
        f'{train}.ann_file': 'annotations/train.json',
        f'{train}.data_prefix.img': 'images/train/',
    }
    for loader in ('val_dataloader', 'test_dataloader'):
        options.update(
            {
                f'{loader}.num_workers': workers,
                f'{loader}.persistent_workers': False,
                f'{loader}.dataset.data_root': f'{root}/',
                f'{loader}.dataset.ann_file': 'annotations/val.json',
                f'{loader}.dataset.data_prefix.img': 'images/val/',
                f'{loader}.dataset.bbox_file': None,
            }
        )
    return options


def training(root, work_dir, **changes):
    """The config of a small training, as users write it: 4 steps an epoch
    with every augmentation, workers, moving average and schedule."""
    config = Config.fromfile(RTMW_T)
    config.merge_from_dict(drawn_options(root, batch=2, workers=1))
    config.model = tiny(**{'head.gau.dropout': 0.1})
    for pipeline in (
        config.train_dataloader.dataset.pipeline,
        config.train_pipeline_stage2,
    ):
        for transform in pipeline:
            if 'input_size' in transform:
                transform.input_size = TINY_SIZE
            if 'encoder' in transform:
                transform.encoder = TINY_CODEC
    config.merge_from_dict(
        {
            'work_dir': str(work_dir),
            'train_cfg.max_epochs': 4,
            'train_dataloader.persistent_workers': True,
            'default_hooks.stage_pipeline_switch.last_epochs': 1,
            'default_hooks.checkpoint.save_best': None,
            'default_hooks.part_loss.interval': 2,
            'env_cfg.dist_cfg.backend': 'gloo',
            'log_level': 'WARNING',
        }
    )
    config.param_scheduler[0].end = 5
    config.merge_from_dict(changes)
    # The rest is building blocks, and formatting it takes seconds.
    kept = (
        'model',
        'train_dataloader',
        'train_cfg',
        'train_pipeline_stage2',
        'optim_wrapper',
        'param_scheduler',
        'env_cfg',
        'default_hooks',
        'default_scope',
        'randomness',
        'work_dir',
        'log_processor',
        'log_level',
        'model_wrapper_cfg',
    )
    return Config({key: config[key] for key in kept})


class FakeRunner:
    """The little of a runner that a hook asks for."""

    def __init__(self, model, **attributes):
        self.model = model
        self.iter = 0
        self.values = {}
        self.message_hub = self
        self.__dict__.update(attributes)

    def update_scalar(self, name, value):
        self.values[name] = value


# Children of a clean server: a fork of pytest itself, with the threads of
# every library that ran before, crashes. `multiprocess` sends closures.
CHILDREN = multiprocess.get_context('forkserver')
CHILDREN.set_forkserver_preload(
    ['rtmw_ext.plugin', 'mmengine.runner', 'mmpose.apis', 'support.formatting']
)


def in_child(function):
    """Runs it in a process of its own; its return code, < 0 for a signal."""
    child = CHILDREN.Process(target=one_thread, args=(function,))
    child.start()
    child.join()
    return child.exitcode


def one_thread(function):
    torch.set_num_threads(1)
    function()


def last_checkpoint(work_dir):
    return torch.load((work_dir / 'last_checkpoint').read_text(), weights_only=False)
