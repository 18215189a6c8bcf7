"""Points as cells of a map.

Shapes: B persons (crops), K keypoints, (h, w) a map in cells, W and H SimCC
bins of x and y.
"""

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F


@MODELS.register_module()
class CellLoss(nn.Module):
    """Cross entropy of the cell that each point lies in, the mean over the
    points by their weights. Between cells a point belongs to each in part.

    Args:
        scale: Of the logits.
        loss_weight: Factor of the loss.
    """

    def __init__(self, scale: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.loss_weight = loss_weight

    def forward(self, maps: Tensor, positions: Tensor, weights: Tensor) -> Tensor:
        """
        Args:
            maps: Logits (B, K, h, w).
            positions: (B, K, 2), of :func:`label_positions`.
            weights: (B, K).

        Returns:
            A scalar >= 0; 0 if no point has a weight.
        """
        shares = bilinear_shares(to_cells(positions, maps), maps.shape[2:])
        predicted = (maps.float() * self.scale).flatten(2).log_softmax(2)
        entropy = -(shares * predicted).sum(2) * weights
        return self.loss_weight * entropy.sum() / weights.sum().clamp(min=1)


def label_positions(x: Tensor, y: Tensor, split_ratio: float) -> Tensor:
    """SimCC labels (B, K, W) and (B, K, H) -> points (B, K, 2) in parts of the
    crop, in [0, 1); ``split_ratio`` is that of the codec, in bins a pixel."""
    # Bin 0 is the middle of the first pixel.
    return torch.stack(
        [(labels.argmax(2) + split_ratio / 2) / labels.shape[2] for labels in (x, y)],
        dim=2,
    )


def to_cells(positions: Tensor, maps: Tensor) -> Tensor:
    """Parts of the crop -> cells of ``maps``, 0 the middle of the first."""
    return positions * positions.new_tensor(maps.shape[:1:-1]) - 0.5


def bilinear_shares(points: Tensor, size: tuple[int, int]) -> Tensor:
    """Each point's share of the cells around it, bilinear.

    Args:
        points: (B, K, 2) in cells; beyond the map: at its border.
        size: (h, w).

    Returns:
        (B, K, h * w), of sum 1.
    """
    shares = []
    for axis, count in ((1, size[0]), (0, size[1])):
        grid = torch.arange(count, device=points.device)
        position = points[..., axis, None].clamp(0, count - 1)
        shares.append((1 - (grid - position).abs()).clamp(min=0))
    return (shares[0][..., None] * shares[1][..., None, :]).flatten(2)


def locate(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The best cell of each map, refined by those around it.

    Args:
        logits: (B, K, h, w).

    Returns:
        Points (B, K, 2) in cells, and the probability (B, K) of the cells that they
        come from, in [0, 1].
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
