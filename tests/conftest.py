"""Shared fixtures: a drawn dataset, a small config, a loopback file server."""

import functools
import http.server
import os
import threading
from pathlib import Path

# Before torch: threads that wait for each other double the time of the tests.
os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

import rtmw_ext
from rtmw_ext.synthetic import drawn

assert rtmw_ext
ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / 'configs'
SHARED = ROOT.parent / 'shared'
RTMW_T = CONFIGS / 'rtmw' / 'rtmw-t_coco-wholebody-256x192.py'


@pytest.fixture(scope='session', autouse=True)
def _annotation_cache(tmp_path_factory):
    """Nothing of the tests stays in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('RTMW_CACHE', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(autouse=True)
def _seeded():
    init_default_scope('mmpose')
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(scope='session')
def shared():
    """The folder of real samples; tests that need it skip without it."""
    if not (SHARED / 'samples').is_dir():
        pytest.skip(f'no real samples: {SHARED}/samples is absent')
    return SHARED


@pytest.fixture(scope='session')
def drawn_root(tmp_path_factory):
    """A small COCO-WholeBody-format dataset of drawn people."""
    root = tmp_path_factory.mktemp('drawn')
    drawn.write_dataset(root, 6, seed=1, split='train')
    drawn.write_dataset(root, 3, seed=2, split='val')
    return root


def build(config, **changes):
    """A model from a config path, with random weights."""
    config = Config.fromfile(config)
    config.model.backbone.init_cfg = None
    config.merge_from_dict(changes)
    model = MODELS.build(config.model)
    model.init_weights()
    return model, config


TINY_SIZE = (64, 96)
TINY_CODEC = dict(
    type='SimCCLabel',
    input_size=TINY_SIZE,
    sigma=(4.9, 5.66),
    simcc_split_ratio=2.0,
    normalize=False,
    use_dark=False,
)
TINY_CODEC_3D = dict(type='SimCC3DLabel', input_size=(*TINY_SIZE, 64), sigma=6.0)


def tiny(width=0.125, three_d=False, **changes):
    """A model's config, as users write it, of a small RTMW or RTMW3D."""
    config = Config(Config.fromfile(RTMW_T).model.to_dict())
    channels = [int(c * width) for c in (256, 512, 1024)]
    config.merge_from_dict(
        {
            'backbone.widen_factor': width,
            'neck.in_channels': channels,
            'neck.num_csp_blocks': 1,
            'head.in_channels': channels[-1],
            'head.hidden_dims': 32,
        }
    )
    config.head.decoder = dict(TINY_CODEC_3D if three_d else TINY_CODEC)
    if three_d:
        config.type = 'RTMW3DEstimator'
        config.head.update(
            type='RTMW3DHead',
            loss=dict(type='AxisKLDiscretLoss', beta=10.0, label_softmax=True),
        )
    config.merge_from_dict(changes)
    return config.to_dict()


@pytest.fixture(scope='session')
def rtmw_t():
    """(RTMW-t in eval mode with random weights, its config)."""
    init_default_scope('mmpose')
    model, config = build(RTMW_T)
    return model.eval(), config


def exported(config, folder, loud=1.0):
    """(ONNX file, model, config) of a config with random weights. ``loud``
    multiplies the classifiers': scores near 1 count as seen points."""
    from rtmw_ext.export import formats
    from rtmw_ext.export.model import Exportable, describe

    init_default_scope('mmpose')
    torch.manual_seed(0)
    model, config = build(config)
    for classifier in model.head.classifiers:
        classifier.weight.data *= loud
    model.eval()
    path = folder / 'rtmw.onnx'
    formats.to_onnx(
        Exportable(model), describe(model, config, 'rtmw-t', 'random'), path
    )
    return path, model, config


@pytest.fixture(scope='session')
def rtmw_t_file(tmp_path_factory):
    return exported(RTMW_T, tmp_path_factory.mktemp('rtmw-t'))


@pytest.fixture(scope='session')
def rtmw3d_t_file(tmp_path_factory):
    return exported(
        CONFIGS / 'rtmw3d' / 'rtmw3d-t_cocktail17-256x192.py',
        tmp_path_factory.mktemp('rtmw3d-t'),
    )


@pytest.fixture(scope='session')
def loud_t_file(tmp_path_factory):
    """An ONNX file whose points are seen, wherever they are."""
    return exported(RTMW_T, tmp_path_factory.mktemp('loud'), 100.0)[0]


@pytest.fixture
def file_server(tmp_path):
    """(folder, address) of an HTTP server on loopback that serves it."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Quiet."""

    folder = tmp_path / 'served'
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), functools.partial(Handler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def drawn_options(root, batch=4, workers=0):
    """``--cfg-options`` that point a config at a drawn dataset."""
    options = {
        'model.backbone.init_cfg': None,
        'train_dataloader.batch_size': batch,
        'train_dataloader.num_workers': workers,
        'train_dataloader.persistent_workers': False,
        'train_dataloader.dataset.datasets.0.data_root': f'{root}/',
        'train_dataloader.dataset.datasets.0.ann_file': 'annotations/train.json',
        'train_dataloader.dataset.datasets.0.data_prefix.img': 'images/train/',
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
