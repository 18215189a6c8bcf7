"""Does an export compute what PyTorch does?

Shapes: B crops, K keypoints, W bins of an axis.
"""

import numpy as np
import torch

from ..core.metadata import NetworkMetadata
from ..core.simcc import decode, z_step
from .model import Exportable

#: Bins whose logits differ by no more, in parts of the largest logit or of 1,
#: are equally right: float32 rounds on that scale.
TIE = 1e-5


def compare(
    expected: list[np.ndarray], outputs: list[np.ndarray], metadata: NetworkMetadata
) -> dict[str, float]:
    """
    Args:
        expected: PyTorch's, logits (B, K, W) of x, y[, z].
        outputs: The export's, of the same shapes.
        metadata: From :func:`rtmw_ext.export.model.describe`.

    Returns:
        ``logits``, the largest error; ``pixels`` and ``pixels_mean``, the
        largest and mean distance of decoded points in the crop; in 3D
        ``millimetres``, the largest error of z. Of bins that tie in
        ``expected``, as they do with random weights, any may be decoded.
    """
    expected_bins, bins = (decode(logits)[0] for logits in (expected, outputs))
    for axis, logits in enumerate(expected):
        heights = np.take_along_axis(
            logits, bins[..., axis, None].astype(int).clip(0), 2
        )[..., 0]
        tied = (bins[..., axis] >= 0) & (
            logits.max(2) - heights <= TIE * max(1, np.abs(logits).max())
        )
        bins[tied, axis] = expected_bins[tied, axis]
    apart = np.abs(expected_bins - bins)
    distance = np.linalg.norm(apart[..., :2] / metadata.split_ratio, axis=-1)
    errors = dict(
        logits=max(float(np.abs(a - b).max()) for a, b in zip(expected, outputs)),
        pixels=float(distance.max()),
        pixels_mean=float(distance.mean()),
    )
    if len(expected) == 3:
        metres = apart[..., 2] * z_step(expected[2].shape[2], metadata.z_range)
        errors['millimetres'] = float(metres.max() * 1000)
    return errors


def torch_outputs(network: Exportable, crops: np.ndarray) -> list[np.ndarray]:
    """What PyTorch computes for (B, 3, h, w) float32 crops."""
    with torch.no_grad():
        return [output.numpy() for output in network(torch.from_numpy(crops))]
