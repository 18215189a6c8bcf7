"""RTMW3D-t learns a few people by heart, half of them without 3D."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, METRICS

from rtmw_ext.synthetic.drawn3d import write_h3wb
from support.models import build
from support.paths import CONFIGS

DEMO = CONFIGS / 'demo' / 'rtmw3d-t_drawn-128x96.py'
STEPS = 150
PEOPLE, FLAT = 8, (4, 5, 6, 7)


@pytest.fixture(scope='module')
def samples(tmp_path_factory):
    """(What is trained on, what is evaluated on): datasets of the same
    pictures, of which half have no 3D in training."""
    init_default_scope('mmpose')
    root = tmp_path_factory.mktemp('drawn3d')
    config = Config.fromfile(DEMO)
    pipelines = (
        config.train_dataloader.dataset.pipeline,
        config.val_dataloader.dataset.pipeline,
    )
    datasets = []
    for name, unknown, pipeline in zip(('train', 'test'), (FLAT, ()), pipelines):
        write_h3wb(
            root / f'{name}.npz', root / 'images', 'S1', PEOPLE, 1, unknown_3d=unknown
        )
        datasets.append(
            DATASETS.build(
                dict(
                    type='H3WBDataset',
                    split='mmpose-train',
                    data_root=f'{root}/',
                    ann_file=f'{name}.npz',
                    data_prefix=dict(img='images/'),
                    pipeline=pipeline,
                )
            )
        )
    return datasets


@pytest.fixture(scope='module')
def trained(samples):
    """RTMW3D-t after STEPS steps on all the people at once."""
    init_default_scope('mmpose')
    torch.manual_seed(0)
    model, _ = build(DEMO)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1e-3, total_steps=STEPS, pct_start=0.4
    )
    for _ in range(STEPS):
        batch = model.data_preprocessor(pseudo_collate(list(samples[0])), True)
        losses = model.loss(batch['inputs'], batch['data_samples'])
        optimizer.zero_grad()
        (losses['loss_kpt'] + losses['loss_bone']).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


@pytest.mark.slow
def test_learns_depth_from_the_half_that_has_it(trained, samples):
    with torch.no_grad():
        found = trained.test_step(pseudo_collate(list(samples[1])))
    deep = [number not in FLAT for number in range(PEOPLE)]
    metric = METRICS.build(dict(type='WholeBodyMPJPE'))
    metric.process([], [sample.to_dict() for sample, good in zip(found, deep) if good])
    assert metric.evaluate(sum(deep))['MPJPE'] <= 15

    pixel, depth = [], []
    for sample in found:
        true = sample.metainfo['keypoints_3d']
        pixel.append(
            np.linalg.norm(
                sample.pred_instances.keypoints - sample.gt_instances.keypoints, axis=2
            )[0]
        )
        z = true[..., 2] - true[:, [11, 12], 2].mean()
        depth.append(np.abs(sample.pred_instances.keypoints_z - z).mean())
    pixel, depth = np.array(pixel), np.array(depth)
    flat = list(FLAT)
    # x and y are as good without 3D; z is not, since nothing taught it.
    assert np.median(pixel[flat]) < 1.3 * np.median(pixel[deep])
    assert (pixel < 3).mean() > 0.95 and (pixel[flat] < 3).mean() > 0.9
    assert depth[deep].max() < 0.015
    assert depth[flat].min() > 3 * depth[deep].max()
