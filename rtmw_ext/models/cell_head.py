"""A head to start training from random weights with: points as cells of a map.

Shapes: B persons (crops), K keypoints, C_i channels of the neck's level i,
(h, w) the stride 8 map in cells, W and H SimCC bins of x and y.
"""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.structures import InstanceData
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor, nn
from torch.nn import functional as F

from .cells import CellLoss, label_positions, locate, to_cells
from .rtmw_head import gather_labels, pck

STRIDE = 8


@MODELS.register_module()
class KeypointCellHead(BaseHead):
    """Classifies, for each point, the cells of the stride 8 map.

    From random weights, a SimCC head learns the mean positions of points for a
    long time before it depends on the image; a convolution depends on the
    content of its cell from the start (docs/synthetic.md). The backbone and neck
    trained with this head initialise an RTMW (``load_from``).

    Args:
        in_channels: C_i of strides 8, 16 and 32.
        out_channels: K.
        decoder: The SimCC codec, whose labels are learned.
        channels: Of the joined map.
        init_cfg: Weight initialisation.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        decoder: dict,
        channels: int = 96,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.out_channels = out_channels
        self.decoder = KEYPOINT_CODECS.build(decoder)
        layers = dict(norm_cfg=dict(type='BN'), act_cfg=dict(type='SiLU'))
        self.reduce = nn.ModuleList(
            nn.Conv2d(level, channels, 1) for level in in_channels
        )
        self.joined = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.SiLU(),
            ConvModule(channels, channels, 3, padding=1, **layers),
            nn.Conv2d(channels, out_channels, 1),
        )
        self.loss_module = CellLoss()

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """
        Args:
            feats: Strides 8, 16 and 32, (B, C_i, h / 2^i, w / 2^i).

        Returns:
            Logits (B, K, h, w).
        """
        size = feats[0].shape[2:]
        return self.joined(
            sum(
                F.interpolate(reduce(feat), size, mode='bilinear')
                for reduce, feat in zip(self.reduce, feats)
            )
        )

    def loss(
        self,
        feats: tuple[Tensor, ...],
        batch_data_samples: list[PoseDataSample],
        train_cfg: dict = {},
    ) -> dict[str, Tensor]:
        """
        Returns:
            ``loss_cell``, the mean cross entropy of labelled points, and
            ``acc_pose``, their PCK at 5% of the crop, in [0, 1].
        """
        logits = self.forward(feats).float()
        x, y, weights = gather_labels(
            batch_data_samples,
            'keypoint_x_labels',
            'keypoint_y_labels',
            'keypoint_weights',
        )
        positions = label_positions(x, y, self.decoder.simcc_split_ratio)
        with torch.no_grad():
            # x in heights, y in widths, as simcc_pck has them.
            sides = logits.new_tensor(logits.shape[2:])
            errors = (locate(logits)[0] - to_cells(positions, logits)) / sides
            acc = pck(errors.square().sum(2), weights > 0)
        return dict(
            loss_cell=self.loss_module(logits, positions, weights), acc_pose=acc
        )

    def predict(
        self,
        feats: tuple[Tensor, ...],
        batch_data_samples: list[PoseDataSample],
        test_cfg: dict = {},
    ) -> list[InstanceData]:
        """
        Returns:
            B times ``keypoints`` (1, K, 2) in pixels of the crop and
            ``keypoint_scores`` (1, K) in [0, 1].
        """
        points, scores = locate(self.forward(feats).float())
        points = (points + 0.5) * STRIDE - 0.5
        return [
            InstanceData(keypoints=person[None], keypoint_scores=score[None])
            for person, score in zip(*to_numpy((points, scores)))
        ]
