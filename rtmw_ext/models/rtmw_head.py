"""The head of RTMW: HEM -> GAU -> one classifier an axis (paper 3.1.2).

Shapes: B persons (crops), C channels of the stride 32 map, (h, w) its size in
cells, K keypoints, D token features, W and H SimCC bins of x and y.
"""

import contextlib
from typing import Any

import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.codecs.utils import get_simcc_normalized
from mmpose.models.heads.base_head import BaseHead
from mmpose.models.utils.tta import flip_vectors
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor, nn

from ..core.errors import ConfigError
from .cells import label_positions
from .gau import GAU
from .hem import HEM, SimCCEncoder
from .losses import soft_argmax

STRIDE = 32

#: Of a crop, or, for the flip test, of a crop and of its mirror image.
Features = tuple[Tensor, ...] | list[tuple[Tensor, ...]]


@MODELS.register_module()
class RTMWSimCCHead(BaseHead):
    """Whole-body SimCC head. Checkpoints of mmpose's ``RTMWHead`` load
    unchanged, and this head's checkpoints load there.

    The input size and the number of bins are those of ``decoder``, so that
    they cannot disagree.

    Source: RTMW paper (arXiv 2407.08634), section 3.1.2; SimCC (arXiv
    2107.03332); rows of the ablation (Table 4) by ``hem`` and ``gau``.

    Args:
        in_channels: C; the stride 16 map has C / 2.
        out_channels: K.
        decoder: The SimCC codec: ``input_size`` (w, h) in pixels, multiples of 32,
            ``simcc_split_ratio`` in bins a pixel.
        hidden_dims: D.
        kernel_size: Of the encoding convolutions.
        hem: False encodes the stride 32 map alone, as in RTMPose.
        gau: Arguments of :class:`GAU`; None leaves it out.
        loss: Loss of (preds, targets, keypoint weights).
        map_loss: A ``CellLoss`` of the encoders' maps, which a training from random
            weights needs to find positions at once (docs/synthetic.md); None leaves
            it out.
        init_cfg: Weight initialisation.

    Raises:
        ConfigError: The codec's input size is not a multiple of 32.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        decoder: dict,
        hidden_dims: int = 256,
        kernel_size: int = 7,
        hem: bool = True,
        gau: dict | None = dict(),
        loss: dict = dict(type='KLDiscretLoss', use_target_weight=True),
        map_loss: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or self.default_init_cfg)
        self.out_channels = out_channels
        self.decoder = KEYPOINT_CODECS.build(decoder)
        self.input_size = tuple(self.decoder.input_size)
        if any(size % STRIDE for size in self.input_size[:2]):
            raise ConfigError(
                f'input_size={self.input_size} of the codec must be multiples '
                f'of {STRIDE}, the stride of the coarsest feature map'
            )
        top_size = [size // STRIDE for size in self.input_size[:2]]
        self.loss_module = MODELS.build(loss)
        self.map_loss = map_loss and MODELS.build(map_loss)
        if hem:
            self.hem = HEM(
                in_channels, out_channels, top_size, hidden_dims, kernel_size
            )
            self.released_names = {
                old: f'hem.{new}' for old, new in HEM.RELEASED_NAMES.items()
            }
        else:
            self.hem = None
            conv = nn.Conv2d(
                in_channels, out_channels, kernel_size, padding=kernel_size // 2
            )
            self.encoder = SimCCEncoder(conv, top_size[0] * top_size[1], hidden_dims)
            self.released_names = {
                'final_layer.': 'encoder.conv.',
                'mlp.': 'encoder.mlp.',
            }
        self.gau = nn.Identity() if gau is None else GAU(hidden_dims, **gau)
        ratio = self.decoder.simcc_split_ratio
        bins = [int(size * ratio) for size in self.input_size]
        self.cls_x = nn.Linear(hidden_dims, bins[0], bias=False)
        self.cls_y = nn.Linear(hidden_dims, bins[1], bias=False)
        self._register_load_state_dict_pre_hook(self._from_released_names)
        self._register_state_dict_hook(self._to_released_names)

    def _from_released_names(
        self, state_dict: dict[str, Tensor], prefix: str, *_: Any
    ) -> None:
        _rename(state_dict, prefix, self.released_names)

    @staticmethod
    def _to_released_names(
        self, state_dict: dict[str, Tensor], prefix: str, _: Any
    ) -> None:
        names = {new: old for old, new in self.released_names.items()}
        _rename(state_dict, prefix, names)

    @property
    def classifiers(self) -> list[nn.Linear]:
        """One classifier an axis, in the order of the outputs."""
        return [self.cls_x, self.cls_y]

    def forward(self, feats: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """
        Args:
            feats: The last two are used: stride 16, (B, C / 2, 2h, 2w), and stride
                32, (B, C, h, w).

        Returns:
            SimCC logits of x (B, K, W), y (B, K, H).
        """
        if self.hem is None:
            tokens = self.encoder(feats[-1])
        else:
            tokens = self.hem(feats[-2], feats[-1])
        tokens = self.gau(tokens)
        return tuple(classifier(tokens) for classifier in self.classifiers)

    def predict(
        self,
        feats: Features,
        batch_data_samples: list[PoseDataSample],
        test_cfg: dict = {},
    ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Decodes the keypoints, with the flip test if ``test_cfg`` asks.

        Args:
            feats: As in ``forward``; a list of (original, flipped) with
                ``flip_test``.
            batch_data_samples: B samples.
            test_cfg: ``flip_test``, ``shift_heatmap``, ``output_heatmaps`` and
                ``expected_bins``, booleans. With ``shift_heatmap`` the flip test
                moves the mirrored logits by the bins that lie between two mirrored
                bins' pixels, else the mean of both is half of that too far right,
                as in mmpose.

        Returns:
            B times ``keypoints`` (1, K, 2) in pixels of the crop and
            ``keypoint_scores`` (1, K); with ``output_heatmaps`` a tuple of that and
            B :class:`PixelData` of ``heatmaps`` (K, H, W) in [0, 1].
        """
        simcc = self.predict_logits(feats, batch_data_samples, test_cfg)
        predictions = self.decode(simcc, test_cfg.get('expected_bins', False))
        if not test_cfg.get('output_heatmaps', False):
            return predictions
        return predictions, self.heatmaps(simcc, predictions)

    @staticmethod
    def heatmaps(
        simcc: tuple[Tensor, ...], predictions: list[InstanceData]
    ) -> list[PixelData]:
        """Of SimCC logits: B :class:`PixelData`; the two marginals of each
        go into the predictions, as mmpose has them."""
        x, y = (get_simcc_normalized(axis.clone()) for axis in simcc[:2])
        for instances, x_labels, y_labels in zip(predictions, to_numpy(x), to_numpy(y)):
            instances.keypoint_x_labels = x_labels[None]
            instances.keypoint_y_labels = y_labels[None]
        return [PixelData(heatmaps=maps) for maps in y.unsqueeze(3) * x.unsqueeze(2)]

    def predict_logits(
        self,
        feats: Features,
        batch_data_samples: list[PoseDataSample],
        test_cfg: dict = {},
    ) -> tuple[Tensor, ...]:
        """The SimCC logits of ``forward``; with ``flip_test`` the mean of
        those of both crops. Arguments as of ``predict``."""
        if not test_cfg.get('flip_test', False):
            return self.forward(feats)
        flip_indices = batch_data_samples[0].metainfo['flip_indices']
        straight, flipped = (self.forward(feat) for feat in feats)
        flipped = self.flip_back(flipped, flip_indices)
        if test_cfg.get('shift_heatmap', False):
            flipped = (self.shift(flipped[0]), *flipped[1:])
        return tuple((a + b) * 0.5 for a, b in zip(straight, flipped))

    def decode(
        self, simcc: tuple[Tensor, ...], expected: bool = False
    ) -> list[InstanceData]:
        """SimCC logits -> points of every person.

        Args:
            simcc: (B, K, W), (B, K, H) and, in 3D, z's.
            expected: Points are the expected bins under the trained softmax, not
                the highest bins: on average nearer to the truth where a model is
                unsure of depth.

        Returns:
            B times what the codec decodes: ``keypoints`` (1, K, 2 or 3) and
            ``keypoint_scores`` (1, K).
        """
        predictions = super().decode(simcc)
        if not expected:
            return predictions
        expected_points = to_numpy(
            torch.stack(
                [soft_argmax(axis, self.loss_module.beta) for axis in simcc], dim=2
            )
            / self.decoder.simcc_split_ratio
        )
        if len(simcc) == 3:
            expected_points[..., 2] = self.decoder.pixels_to_z(expected_points[..., 2])
        for instances, points in zip(predictions, expected_points):
            present = instances.keypoint_scores[0] > 0
            instances.keypoints[0, present] = points[present]
        return predictions

    @staticmethod
    def flip_back(
        simcc: tuple[Tensor, ...], flip_indices: list[int]
    ) -> tuple[Tensor, ...]:
        """SimCC logits of a mirrored crop -> those of the original crop."""
        return flip_vectors(*simcc, flip_indices=flip_indices)

    def shift(self, x: Tensor) -> Tensor:
        """Bin b of W, mirrored, is bin W - 1 - b, but its pixel w - 1 - b / r
        is bin W - r - b: r - 1 lower (w pixels, r bins a pixel)."""
        lower = round(self.decoder.simcc_split_ratio) - 1
        return torch.cat(
            [x[..., lower:], x[..., -1:].expand(*x.shape[:-1], lower)], dim=-1
        )

    def loss(
        self,
        feats: tuple[Tensor, ...],
        batch_data_samples: list[PoseDataSample],
        train_cfg: dict = {},
    ) -> dict[str, Tensor]:
        """
        Returns:
            ``loss_kpt`` and ``acc_pose``, the PCK at 5% of the crop over visible
            keypoints, in [0, 1].
        """
        predictions, maps = self.forward_with_maps(feats)
        x, y, weights = gather_labels(
            batch_data_samples,
            'keypoint_x_labels',
            'keypoint_y_labels',
            'keypoint_weights',
        )
        loss = self.loss_module(predictions, (x, y), weights)
        return dict(
            loss_kpt=loss * batch_factor(train_cfg, len(x)),
            acc_pose=simcc_pck(predictions, (x, y), weights > 0),
            **self.map_losses(maps, x, y, weights),
        )

    def forward_with_maps(
        self, feats: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], list[Tensor]]:
        """
        Returns:
            As of ``forward``, and the maps (B, K, h_i, w_i) of each encoder before
            its activation, none without a ``map_loss``.
        """
        if self.map_loss is None:
            return self.forward(feats), []
        encoders = [self.encoder] if self.hem is None else self.hem.encoders
        maps = []
        with contextlib.ExitStack() as stack:
            for encoder in encoders:
                # A copy: activations work in place.
                stack.callback(
                    encoder.logits.register_forward_hook(
                        lambda _, inputs, output: maps.append(output.clone())
                    ).remove
                )
            return self.forward(feats), maps

    def map_losses(
        self, maps: list[Tensor], x: Tensor, y: Tensor, weights: Tensor
    ) -> dict[str, Tensor]:
        """
        Returns:
            ``loss_map``, or nothing without a ``map_loss``.
        """
        if self.map_loss is None:
            return {}
        positions = label_positions(x, y, self.decoder.simcc_split_ratio)
        return dict(loss_map=sum(self.map_loss(m, positions, weights) for m in maps))

    @property
    def default_init_cfg(self) -> list[dict]:
        return [
            dict(type='Normal', layer=['Conv2d'], std=0.001),
            dict(type='Constant', layer='BatchNorm2d', val=1),
            dict(type='Normal', layer=['Linear'], std=0.01, bias=0),
        ]


@torch.no_grad()
def simcc_pck(
    predictions: tuple[Tensor, ...],
    targets: tuple[Tensor, ...],
    mask: Tensor,
    threshold: float = 0.05,
) -> Tensor:
    """PCK of SimCC vectors, on their own device: copying them to the host, as
    mmpose's ``simcc_pck_accuracy`` needs, costs more than a training step.

    Args:
        predictions: (B, K, W) and (B, K, H).
        targets: Labels of the same shapes.
        mask: (B, K) bool, the points that count.
        threshold: In parts of the crop's sides.

    Returns:
        Mean over the keypoints that occur, in [0, 1]; 0 if none does.
    """

    def locate(simcc):
        values, bins = zip(*(axis.float().max(dim=2) for axis in simcc))
        absent = torch.minimum(*values) <= 0
        return [axis.float().masked_fill(absent, -1) for axis in bins]

    # mmpose divides x by the height and y by the width; so does this.
    sides = [axis.shape[2] for axis in predictions[::-1]]
    squares = sum(
        ((mine - theirs) / side) ** 2
        for mine, theirs, side in zip(locate(predictions), locate(targets), sides)
    )
    return pck(squares, mask, threshold)


def pck(squares: Tensor, mask: Tensor, threshold: float = 0.05) -> Tensor:
    """
    Args:
        squares: (B, K), squared errors.
        mask: (B, K) bool, the points that count.
        threshold: Of what is a hit.

    Returns:
        Share of hits, the mean over the keypoints that occur.
    """
    hits = (squares.sqrt() < threshold) & mask
    counts = mask.sum(dim=0)
    rates = hits.sum(dim=0).double() / counts.clamp(min=1)
    return rates.sum() / (counts > 0).sum().clamp(min=1)


def batch_factor(train_cfg: dict, persons: int) -> float:
    """mmpose's KL loss is a sum over the persons of one process, so that its
    gradient depends on how a batch is split over processes and accumulated
    steps. With ``train_cfg['reference_batch']`` it is that of so many persons.

    Args:
        train_cfg: Of the estimator.
        persons: B of this process and step.

    Returns:
        Factor of the loss; 1 without a reference.
    """
    return train_cfg.get('reference_batch', persons) / persons


def gather_labels(samples: list[PoseDataSample], *names: str) -> list[Tensor]:
    """The labels of B samples, (B, K, ...) for each name."""
    return [
        torch.cat([sample.gt_instance_labels.get(name) for sample in samples])
        for name in names
    ]


def _rename(state_dict: dict[str, Tensor], prefix: str, names: dict[str, str]) -> None:
    """Renames the keys below ``prefix`` in place, keeping their order."""
    for key in list(state_dict):
        value = state_dict.pop(key)
        if key.startswith(prefix):
            rest = key[len(prefix) :]
            for old, new in names.items():
                if rest.startswith(old):
                    key = prefix + new + rest[len(old) :]
                    break
        state_dict[key] = value
