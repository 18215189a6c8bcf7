"""Our models against mmpose 1.3.2's own, under the same random weights.

Shapes: B persons, K keypoints.
"""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.codecs import SimCCLabel
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from rtmw_ext.models.loading import check_fit
from support.models import build, randomise
from support.paths import CONFIGS, mmpose_configs

COCKTAIL14 = mmpose_configs() / 'cocktail14'
PAIRS = {
    'rtmw-m_cocktail14-256x192': 'rtmw-m_8xb1024-270e_cocktail14-256x192',
    'rtmw-l_cocktail14-256x192': 'rtmw-l_8xb1024-270e_cocktail14-256x192',
    'rtmw-x_cocktail14-256x192': 'rtmw-x_8xb704-270e_cocktail14-256x192',
    'rtmw-l_cocktail14-384x288': 'rtmw-l_8xb320-270e_cocktail14-384x288',
    'rtmw-x_cocktail14-384x288': 'rtmw-x_8xb320-270e_cocktail14-384x288',
}


def pair(name):
    theirs = Config.fromfile(COCKTAIL14 / f'{PAIRS[name]}.py')
    theirs.model.backbone.init_cfg = None
    theirs.model.neck.norm_cfg = dict(type='BN')
    ours, config = build(CONFIGS / 'rtmw' / f'{name}.py')
    return ours, MODELS.build(theirs.model), config, theirs


def batch(codec, size):
    """B crops with labels by mmpose's own codec and varied weights."""
    rng = np.random.default_rng(5)
    width, height = codec['input_size']
    images = torch.from_numpy(
        rng.standard_normal((size, 3, height, width), dtype=np.float32)
    )
    encoder = SimCCLabel(
        **{key: value for key, value in codec.items() if key != 'type'}
    )
    samples = []
    for _ in range(size):
        points = rng.uniform(0, 1, (1, 133, 2)) * (width, height)
        encoded = encoder.encode(points, rng.integers(0, 2, (1, 133)) * 1.0)
        labels = InstanceData()
        labels.keypoint_x_labels = torch.from_numpy(encoded['keypoint_x_labels'])
        labels.keypoint_y_labels = torch.from_numpy(encoded['keypoint_y_labels'])
        labels.keypoint_weights = torch.from_numpy(encoded['keypoint_weights']).float()
        sample = PoseDataSample()
        sample.gt_instance_labels = labels
        samples.append(sample)
    return images, samples


@pytest.mark.slow
@pytest.mark.parametrize('name', PAIRS)
def test_same_as_mmpose(name):
    ours, theirs, config, their_config = pair(name)
    randomise(theirs)
    assert list(ours.state_dict()) and set(ours.state_dict()) == set(
        theirs.state_dict()
    )
    assert not any(ours.load_state_dict(theirs.state_dict(), strict=True))
    assert not any(theirs.load_state_dict(ours.state_dict(), strict=True))
    # The released 256x192 configs leave decode_visibility at its default.
    assert dict(config.codec, type='SimCCLabel') == dict(
        dict(decode_visibility=False), **their_config.codec
    )

    images, samples = batch(config.codec, size=2)
    ours.eval(), theirs.eval()
    with torch.no_grad():
        mine, reference = (
            model(images, None, mode='tensor') for model in (ours, theirs)
        )
    for axis, expected in zip(mine, reference):
        assert expected.std() > 1e-3, 'the reference says nothing'
        assert (axis - expected).abs().max() <= 1e-5

    # Training mode, where BN takes the batch's own statistics.
    losses = []
    for model in (ours, theirs):
        model.train()
        loss = model.loss(images, samples)
        loss['loss_kpt'].backward()
        losses.append(loss)
    mine, reference = losses
    assert mine['loss_kpt'].item() == pytest.approx(
        reference['loss_kpt'].item(), rel=1e-4
    )
    assert mine['acc_pose'].item() == pytest.approx(
        reference['acc_pose'].item(), abs=1e-9
    )
    flat = [
        torch.cat(
            [
                parameter.grad.flatten()
                for parameter in model.parameters()
                if parameter.grad is not None
            ]
        )
        for model in (theirs,)
    ][0]
    their_gradients = dict(theirs.named_parameters())
    names = ours.head.released_names
    for key, parameter in ours.named_parameters():
        for old, new in names.items():
            if key.startswith(f'head.{new}'):
                key = f'head.{old}' + key[len(f'head.{new}') :]
                break
        expected = their_gradients[key].grad
        error = (parameter.grad - expected).norm()
        # A weight that hardly matters is compared with the whole gradient.
        assert error <= 1e-4 * max(expected.norm(), 1e-4 * flat.norm()), key


@pytest.mark.slow
def test_loads_through_mmengine(tmp_path):
    """MMEngine's own load and save, which walk the modules themselves."""
    from mmengine.runner.checkpoint import _load_checkpoint_to_model, get_state_dict

    ours, theirs, _, _ = pair('rtmw-m_cocktail14-256x192')
    randomise(theirs)
    released = theirs.state_dict()
    keys = list(released)
    _load_checkpoint_to_model(ours, dict(state_dict=released), strict=True)
    assert list(released) == keys, 'the checkpoint was changed'
    saved = get_state_dict(ours)
    assert set(saved) == set(keys)
    for key in keys:
        assert torch.equal(saved[key], released[key])
    check_fit(ours, released, 'theirs')
