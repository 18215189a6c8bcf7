"""GAU, the attention between keypoints.

Shapes: B persons (crops), K keypoints, D token features, E expanded features,
S attention features.
"""

import torch
from mmpose.models.utils.rtmcc_block import Scale
from mmpose.models.utils.transformer import ScaleNorm
from torch import Tensor, nn
from torch.nn import functional as F


class GAU(nn.Module):
    """Gated attention unit over K keypoint tokens, with a scaled shortcut.

    Only what RTMPose and RTMW use: self-attention with squared ReLU, no
    position bias. Parameter names are those of the released checkpoints.

    Source: "Transformer Quality in Linear Time" (arXiv 2202.10447), section
    3; RTMPose (arXiv 2303.07399), section 3.3.

    Args:
        dims: D, in and out.
        attention_dims: S.
        expansion_factor: E / D.
        dropout: On the attention weights, 0 <= p < 1.
        eps: Lower bound of the norm in ScaleNorm.
    """

    def __init__(
        self,
        dims: int,
        attention_dims: int = 128,
        expansion_factor: int = 2,
        dropout: float = 0.0,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.splits = [dims * expansion_factor] * 2 + [attention_dims]
        self.o = nn.Linear(self.splits[0], dims, bias=False)
        self.uv = nn.Linear(dims, sum(self.splits), bias=False)
        self.gamma = nn.Parameter(torch.rand(2, attention_dims))
        self.beta = nn.Parameter(torch.rand(2, attention_dims))
        self.ln = ScaleNorm(dims, eps=eps)
        self.res_scale = Scale(dims)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, K, D) -> (B, K, D)."""
        gates = F.silu(self.uv(self.ln(tokens)))
        u, v, base = torch.split(gates, self.splits, dim=2)
        query = base * self.gamma[0] + self.beta[0]
        key = base * self.gamma[1] + self.beta[1]
        scores = query @ key.transpose(1, 2) * self.splits[2] ** -0.5
        attention = self.dropout(torch.square(F.relu(scores)))
        return self.res_scale(tokens) + self.o(u * (attention @ v))
