"""Stored crops: the pool on the device gives what the set on disk gives."""

import numpy as np
import pytest
import torch
from mmengine.registry import FUNCTIONS

from rtmw_ext.datasets import CropDataset, CropPool
from rtmw_ext.datasets.checks import AnnotationError


def write_shard(folder, number, count=4, side=8):
    rng = np.random.default_rng(number)
    np.savez(
        folder / f'truth-{number:05d}.npz',
        bboxes=rng.random((count, 4), np.float32),
        keypoints=rng.random((count, 133, 2), np.float32),
        keypoints_3d=rng.random((count, 133, 3), np.float32),
        visible=rng.integers(0, 3, (count, 133), np.uint8),
    )
    np.save(
        folder / f'crops-{number:05d}.npy',
        rng.integers(0, 256, (count, side, side, 3), np.uint8),
    )


@pytest.fixture
def folder(tmp_path):
    write_shard(tmp_path, 0)
    write_shard(tmp_path, 1)
    return tmp_path


def test_pool_equals_dataset(folder):
    options = dict(hidden_weight=0.5, with_3d=True)
    samples = CropDataset(folder, **options)
    pool = CropPool(folder, total=8, device='cpu', **options)
    rows = [6, 1, 1, 3]
    batch = FUNCTIONS.get('keep_batch')(pool.__getitems__(rows))
    assert set(batch) == set(samples[0]) and len(pool) == len(samples) == 8
    for name, value in batch.items():
        expected = torch.stack([samples[row][name] for row in rows])
        assert torch.equal(value, expected) and value.dtype == expected.dtype


def test_pool_grows_to_its_total(folder):
    pool = CropPool(folder, total=11, device='cpu')
    assert pool.size == 8 and len(pool) == 11
    # The ninth is not there yet: an index stands for one that is.
    assert torch.equal(
        pool.__getitems__([8])['bboxes'], pool.__getitems__([0])['bboxes']
    )
    write_shard(folder, 2)
    pool.looked = -np.inf
    new = pool.__getitems__([8])['bboxes']
    assert pool.size == 11
    assert torch.equal(new[0], CropDataset(folder)[8]['bboxes'])


def test_pool_of_nothing(tmp_path):
    with pytest.raises(AnnotationError, match='synthesize.py'):
        CropPool(tmp_path, total=8, device='cpu', wait=0.0)


def test_runner_knows_the_points(folder):
    for dataset in (CropDataset(folder), CropPool(folder, 8, device='cpu')):
        assert dataset.metainfo['num_keypoints'] == 133
