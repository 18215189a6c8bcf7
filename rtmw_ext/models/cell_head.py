"""Where a training from scratch begins: points as cells of a map.

Shapes: B persons (crops), K keypoints, C_i channels of the neck's level i,
(h, w) the stride 8 map in cells, W and H SimCC bins of x and y.
"""
import torch
from mmcv.cnn import ConvModule
from mmengine.structures import InstanceData
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.tensor_utils import to_numpy
from torch import nn
from torch.nn import functional as F

from .rtmw_head import gather_labels, pck

STRIDE = 8


@MODELS.register_module()
class KeypointCellHead(BaseHead):
    """Classifies, for each point, the cells of the stride 8 map.

    From random weights a SimCC head learns for long where points are on
    average, before it looks at the picture; a convolution sees at once what
    is in its cell (docs/synthetic.md). A backbone and neck trained with this
    head are what an RTMW begins with (``load_from``).

    Args:
        in_channels (sequence[int]): C_i of strides 8, 16 and 32.
        out_channels (int): K.
        decoder (dict): The SimCC codec, whose labels are learned.
        channels (int): Of the joined map.
        init_cfg (dict, optional): Weight initialisation.
    """

    def __init__(self, in_channels, out_channels, decoder, channels=96,
                 init_cfg=None):
        super().__init__(init_cfg)
        self.out_channels = out_channels
        self.decoder = KEYPOINT_CODECS.build(decoder)
        layers = dict(norm_cfg=dict(type='BN'), act_cfg=dict(type='SiLU'))
        self.reduce = nn.ModuleList(
            nn.Conv2d(level, channels, 1) for level in in_channels)
        self.joined = nn.Sequential(
            nn.BatchNorm2d(channels), nn.SiLU(),
            ConvModule(channels, channels, 3, padding=1, **layers),
            nn.Conv2d(channels, out_channels, 1))

    def forward(self, feats):
        """
        Args:
            feats (tuple[Tensor]): Strides 8, 16 and 32, (B, C_i, h / 2^i,
                w / 2^i).

        Returns:
            Tensor: Logits (B, K, h, w).
        """
        size = feats[0].shape[2:]
        return self.joined(sum(
            F.interpolate(reduce(feat), size, mode='bilinear')
            for reduce, feat in zip(self.reduce, feats)))

    def loss(self, feats, batch_data_samples, train_cfg={}):
        """
        Returns:
            dict: ``loss_cell``, the mean cross entropy of seen points, and
            ``acc_pose``, their PCK at 5% of the crop, in [0, 1].
        """
        logits = self.forward(feats).float()
        x, y, weights = gather_labels(
            batch_data_samples, 'keypoint_x_labels', 'keypoint_y_labels',
            'keypoint_weights')
        points = torch.stack([self._cells(x), self._cells(y)], dim=2)
        entropy = -(spread(points, logits.shape[2:]) *
                    logits.flatten(2).log_softmax(2)).sum(2)
        with torch.no_grad():
            # x in heights, y in widths, as simcc_pck has them.
            sides = logits.new_tensor(logits.shape[2:])
            far = (locate(logits)[0] - points) / sides
            acc = pck(far.square().sum(2), weights > 0)
        return dict(
            loss_cell=(entropy * weights).sum() / weights.sum().clamp(min=1),
            acc_pose=acc)

    def _cells(self, labels):
        """SimCC labels (B, K, W) -> (B, K) in cells, 0 a cell's middle."""
        pixels = labels.argmax(2) / self.decoder.simcc_split_ratio
        return (pixels + 0.5) / STRIDE - 0.5

    def predict(self, feats, batch_data_samples, test_cfg={}):
        """
        Returns:
            list[InstanceData]: B times ``keypoints`` (1, K, 2) in pixels of
            the crop and ``keypoint_scores`` (1, K) in [0, 1].
        """
        points, scores = locate(self.forward(feats).float())
        points = (points + 0.5) * STRIDE - 0.5
        return [
            InstanceData(keypoints=person[None], keypoint_scores=score[None])
            for person, score in zip(*to_numpy((points, scores)))
        ]


def spread(points, size):
    """Each point's share of the cells around it, bilinear.

    Args:
        points (Tensor): (B, K, 2) in cells; beyond the map: at its border.
        size (tuple[int, int]): (h, w).

    Returns:
        Tensor: (B, K, h * w), of sum 1.
    """
    shares = []
    for axis, count in ((1, size[0]), (0, size[1])):
        grid = torch.arange(count, device=points.device)
        where = points[..., axis, None].clamp(0, count - 1)
        shares.append((1 - (grid - where).abs()).clamp(min=0))
    return (shares[0][..., None] * shares[1][..., None, :]).flatten(2)


def locate(logits):
    """The best cell of each map, refined by those around it.

    Args:
        logits (Tensor): (B, K, h, w).

    Returns:
        tuple[Tensor, Tensor]: Points (B, K, 2) in cells, and the probability
        (B, K) of the cells that they come from, in [0, 1].
    """
    height, width = logits.shape[2:]
    flat = logits.flatten(2)
    chosen = F.one_hot(flat.argmax(2), height * width).view_as(logits)
    around = F.max_pool2d(chosen.to(logits.dtype), 3, 1, 1)
    weights = flat.softmax(2).view_as(logits) * around
    total = weights.sum((2, 3))
    x = torch.arange(width, device=logits.device, dtype=logits.dtype)
    y = torch.arange(height, device=logits.device, dtype=logits.dtype)
    points = torch.stack([weights.sum(2) @ x, weights.sum(3) @ y], dim=2)
    return points / total[..., None], total
