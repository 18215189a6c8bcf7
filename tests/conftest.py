"""Fixtures, and which tests need torch."""

import functools
import gc
import http.server
import importlib.util
import itertools
import os
import threading
from collections import Counter
from pathlib import Path

# Before torch: threads that wait for each other double the time of the tests.
os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
import pytest

import rtmw_ext
from rtmw_ext.core.images import read_image
from rtmw_ext.runtime import tuning
from support.examples import load_profile
from support.paths import CONFIGS, PEOPLE, RTMW_T, SHARED

assert rtmw_ext  # mmpose is to know what it adds
# The rooms that run without torch; their tests that need it are marked.
TORCH_FREE = {
    *('core', 'runtime', 'output', 'motion', 'serve', 'label', 'zoo', 'commands')
}
TORCH_FIXTURES = {
    'drawn_root',
    'rtmw_t',
    'rtmw_t_file',
    'rtmw3d_t_file',
    'loud_t_file',
}
TESTS = Path(__file__).parent
NUMBERS = itertools.count()

load_profile()

if importlib.util.find_spec('torch') is None:
    collect_ignore = [
        path.name
        for path in TESTS.iterdir()
        if path.is_dir() and path.name not in TORCH_FREE
    ]
else:
    importlib.import_module('support.formatting')


@pytest.fixture(autouse=True)
def untuned(tmp_path_factory, monkeypatch):
    """What `rtmw tune` found on this machine changes no test."""
    base = tmp_path_factory.getbasetemp() / f'tuned-{next(NUMBERS)}'
    monkeypatch.setattr(tuning, 'cache_folder', lambda name: base / name)


def pytest_collection_modifyitems(items):
    """Files with most slow tests first, so that no process is left alone with one."""
    slow = Counter(item.path for item in items if item.get_closest_marker('slow'))
    items.sort(key=lambda item: -slow[item.path])


def pytest_collection_finish():
    """MMEngine's datasets collect garbage: without this, each time among the millions
    of objects of torch and mmpose, for half a second."""
    gc.freeze()


def pytest_itemcollected(item):
    rooms = set(item.path.relative_to(TESTS).parts[:-1])
    if rooms - TORCH_FREE or TORCH_FIXTURES & set(item.fixturenames):
        item.add_marker('torch')


@pytest.fixture(scope='session', autouse=True)
def _annotation_cache(tmp_path_factory):
    """Nothing of the tests stays in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('RTMW_CACHE', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(autouse=True)
def _seeded(request):
    np.random.seed(0)
    if request.node.get_closest_marker('torch'):
        import torch
        from mmengine.registry import init_default_scope

        init_default_scope('mmpose')
        torch.manual_seed(0)


@pytest.fixture(scope='session')
def shared():
    """The folder of real samples; tests that need it skip without it."""
    if not (SHARED / 'samples').is_dir():
        pytest.skip(f'no real samples: {SHARED}/samples is absent')
    return SHARED


@pytest.fixture(scope='session')
def drawn_root(tmp_path_factory):
    """A small COCO-WholeBody-format dataset of drawn people."""
    from rtmw_ext.synthetic import drawn

    root = tmp_path_factory.mktemp('drawn')
    drawn.write_dataset(root, 6, seed=1, split='train')
    drawn.write_dataset(root, 3, seed=2, split='val')
    return root


@pytest.fixture(scope='session')
def people_image():
    """A drawn picture of people (H, W, BGR)."""
    return read_image(PEOPLE)


@pytest.fixture
def photo(drawn_root):
    return sorted((drawn_root / 'images' / 'train').iterdir())[0]


@pytest.fixture(params=['missing', 'truncated', 'empty', 'text'])
def broken_image(request, tmp_path):
    """A file that is no image, though named like one."""
    path = tmp_path / f'{request.param}.jpg'
    whole = PEOPLE.read_bytes()
    contents = dict(truncated=whole[: len(whole) // 2], empty=b'', text=b'no image')
    if request.param in contents:
        path.write_bytes(contents[request.param])
    return path


@pytest.fixture(scope='session')
def rtmw_t():
    """(RTMW-t in eval mode with random weights, its config)."""
    from mmengine.registry import init_default_scope

    from support.models import build

    init_default_scope('mmpose')
    model, config = build(RTMW_T)
    return model.eval(), config


@pytest.fixture(scope='session')
def rtmw_t_file(tmp_path_factory):
    from support.models import exported

    return exported(RTMW_T, tmp_path_factory.mktemp('rtmw-t'))


@pytest.fixture(scope='session')
def rtmw3d_t_file(tmp_path_factory):
    from support.models import exported

    return exported(
        CONFIGS / 'rtmw3d' / 'rtmw3d-t_cocktail17-256x192.py',
        tmp_path_factory.mktemp('rtmw3d-t'),
    )


@pytest.fixture(scope='session')
def loud_t_file(tmp_path_factory):
    """An ONNX file whose points are seen, wherever they are."""
    from support.models import exported

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
