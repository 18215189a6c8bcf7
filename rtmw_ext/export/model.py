"""A trained model as what is exported: tensors in, tensors out.

Shapes: B crops, (h, w) the input in pixels, K keypoints, W bins of an axis.
"""

from dataclasses import dataclass

import torch
from mmengine.config import Config
from torch import nn

from ..core.metadata import NetworkMetadata
from ..core.skeleton import keypoint_names
from ..models.losses import score_scale, soft_argmax
from ..runtime.pose import AXES, DECODED
from ..version import __version__

LICENCE = 'Apache-2.0'


class Exportable(nn.Module):
    """A pose estimator up to its logits, or with the decoding too.

    Args:
        model: A top-down estimator whose head ends in SimCC.
        with_decode: See ``forward``.

    Attributes:
        names: Of the outputs.
    """

    def __init__(self, model: nn.Module, with_decode: bool = False) -> None:
        super().__init__()
        self.model, self.with_decode = model, with_decode
        self.decoder = model.head.decoder
        axes = len(model.head.classifiers)
        self.names = list(DECODED if with_decode else AXES[:axes])
        # The exporter puts back the mode it finds.
        self.eval()

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, 3, h, w) normalised RGB ->

        - logits of x, y[, z], each (B, K, W), or
        - with the decoding, ``keypoints`` (B, K, 2 or 3), pixels of the crop
          and z in metres from the root, and ``scores`` (B, K).
        """
        logits = self.model.head(self.model.extract_feat(crops))
        if not self.with_decode:
            return logits
        heights = [axis.amax(2) for axis in logits[:2]]
        scores = torch.minimum(*heights)
        ratio = self.decoder.simcc_split_ratio
        absent = scores <= 0
        beta = expected_beta(self.model)
        bins = [
            axis.argmax(2).to(axis.dtype) if beta is None else soft_argmax(axis, beta)
            for axis in logits
        ]
        points = [
            torch.where(absent, -1.0 / ratio, axis_bins / ratio) for axis_bins in bins
        ]
        if len(points) == 3:
            z = self.decoder.pixels_to_z(points[2])
            points[2] = torch.where(absent, torch.zeros_like(z), z)
        return torch.stack(points, 2), scores


@dataclass(frozen=True)
class ExportSource:
    """What a format is written from.

    Attributes:
        network: What to export.
        metadata: What the file says of it.
        calibration: Folder of images on which int8 measures ranges.
        detector: File or name; it crops people out of them. None takes whole
            images.
    """

    network: Exportable
    metadata: NetworkMetadata
    calibration: str | None = None
    detector: str | None = None


def noise(metadata: NetworkMetadata, batch: int = 1) -> torch.Tensor:
    """(B, 3, h, w) float32 noise, as a crop is after normalisation; always the
    same."""
    width, height = metadata.input_size
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, height, width, generator=generator)


def expected_beta(model: nn.Module) -> float | None:
    """Temperature of the softmax by which a model's points are expected bins;
    None if they are the highest ones."""
    expected = (model.test_cfg or {}).get('expected_bins')
    return float(model.head.loss_module.beta) if expected else None


def describe(
    model: nn.Module, config: Config, name: str, weights: str
) -> NetworkMetadata:
    """What makes an exported file enough to run.

    Args:
        model: From :func:`load_model`, as the next.
        config: The model's.
        name: Of the model or config.
        weights: Name of the checkpoint.
    """
    decoder = model.head.decoder
    processor = config.model.data_preprocessor
    loss = model.head.loss_module
    is_3d = hasattr(decoder, 'z_range')
    return NetworkMetadata(
        kind='pose',
        name=name,
        weights=weights,
        input_size=tuple(model.head.input_size[:2]),
        split_ratio=float(decoder.simcc_split_ratio),
        mean=tuple(processor.mean),
        std=tuple(processor.std),
        rgb=bool(processor.bgr_to_rgb),
        keypoints=keypoint_names(model.head.out_channels),
        licence=LICENCE,
        made_by=f'rtmw_ext {__version__}',
        beta=float(loss.beta) if hasattr(loss, 'beta') else None,
        score_scale=score_scale(loss),
        expected_beta=expected_beta(model),
        z_range=float(decoder.z_range) if is_3d else None,
        root=tuple(map(int, decoder.root_index)) if is_3d else None,
        calibration=getattr(model, 'calibration', None),
    )
