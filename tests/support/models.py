"""Small models with random weights, and batches for them."""

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from .paths import RTMW_T

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


def build(config, **changes):
    """A model from a config path, with random weights."""
    config = Config.fromfile(config)
    config.model.backbone.init_cfg = None
    config.merge_from_dict(changes)
    model = MODELS.build(config.model)
    model.init_weights()
    return model, config


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


def exported(config, folder, loud=1.0):
    """(ONNX file, model, config) of a config with random weights. ``loud``
    multiplies the classifiers: scores near 1 count as seen points."""
    from rtmw_ext.export import to_onnx
    from rtmw_ext.export.model import Exportable, ExportSource, describe

    init_default_scope('mmpose')
    torch.manual_seed(0)
    model, config = build(config)
    for classifier in model.head.classifiers:
        classifier.weight.data *= loud
    model.eval()
    path = folder / 'rtmw.onnx'
    metadata = describe(model, config, 'rtmw-t', 'random')
    to_onnx.write(ExportSource(Exportable(model), metadata), path)
    return path, model, config


def randomise(model):
    """Weights and BN statistics that make every layer matter."""
    generator = torch.Generator().manual_seed(3)
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point() or 'data_preprocessor' in name:
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith('running_var'):
            tensor.copy_(noise.abs() * 0.2 + 0.9)
        elif tensor.ndim >= 2:
            fan_in = tensor[0].numel()
            tensor.copy_(noise * (1.5 / fan_in) ** 0.5)
        else:
            tensor.copy_(tensor + noise * 0.05)


def random_batch(size=3, three_d=False, points=133, bins=(128, 192)):
    """Crops and labels; the z of the last sample is unknown."""
    samples = []
    for number in range(size):
        labels = InstanceData()
        labels.keypoint_x_labels = torch.rand(1, points, bins[0])
        labels.keypoint_y_labels = torch.rand(1, points, bins[1])
        labels.keypoint_weights = (torch.rand(1, points) > 0.3).float()
        if three_d:
            labels.keypoint_z_labels = torch.rand(1, points, 128)
            labels.keypoint_z_weights = labels.keypoint_weights * (number < size - 1)
        sample = PoseDataSample()
        sample.gt_instance_labels = labels
        samples.append(sample)
    images = torch.randn(size, 3, bins[1] // 2, bins[0] // 2)
    return images, samples
