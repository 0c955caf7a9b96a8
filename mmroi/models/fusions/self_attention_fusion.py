"""Multi-head self-attention over the RoIs, which the paper's Figure 8 compares with RoI-aware fusion."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from mmroi.geometry.precision import without_autocast
from mmroi.models.fusions.base_fusion import BaseFusion
from mmroi.models.fusions.box_encoding import build_encoding
from mmroi.registry import MODELS


@MODELS.register_module()
class SelfAttentionFusion(BaseFusion):
    r"""Scaled dot-product attention of M tokens (Vaswani et al., NeurIPS 2017) in the form of Figure 8.

    .. math:: t_m = [h_m, \gamma(B_m)], \quad
        w^k_{m\cdot} = softmax_n(Q^k t_m \cdot K^k t_n / \sqrt{D}), \quad
        u_m = LayerNorm(O [\sum_n w^k_{mn} V^k [h_n, 0]]_{k=1..K})

    Queries and keys come from feature and box, values from the feature alone (the box is zero there). As in
    RoIAwareFusion, boxes control how the features are mixed but are not part of the mixture. The width of a
    head is its share of a token, D = (d + 3 + 6L) / K rounded down. Computed in float32 under autocast, with
    boxes and angles of the encoding in float64.

    Args:
        in_channels: Width d of the features.
        num_heads: Heads K.
        num_freqs: Frequencies L of the encoding, 0 to 64; 0 for the plain box numbers.
        encoding: Config of the encoding of boxes, see :func:`build_encoding`.
        init_cfg: MMEngine's initialization config.

    Attributes:
        num_rois: None: any number of RoIs.

    Raises:
        ValueError: ``num_freqs`` is out of range, or ``num_heads`` is not between 1 and the width of a token.
    """

    def __init__(
        self,
        in_channels: int,
        num_heads: int = 4,
        num_freqs: int = 32,
        encoding: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, None, init_cfg)
        self.num_heads = num_heads
        self.encoding = build_encoding(num_freqs, encoding)
        token = in_channels + self.encoding.out_channels
        if not 1 <= num_heads <= token:
            raise ValueError(
                f'SelfAttentionFusion needs num_heads between 1 and the {token} numbers of a '
                f'token, got num_heads={num_heads}.'
            )
        width = token // num_heads * num_heads
        self.query = nn.Linear(token, width)
        self.key = nn.Linear(token, width, bias=False)  # it would cancel in the softmax
        self.value = nn.Linear(in_channels, width)  # of [h, 0]: the columns of the box never matter
        self.out = nn.Linear(width, in_channels)
        self.norm = nn.LayerNorm(in_channels)
        for layer in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    @without_autocast
    def forward(self, h: Tensor, boxes: Tensor, focal_length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fuse.

        Args:
            h: Features (N, M, d).
            boxes: (N, M, 3) float64: center relative to the principal point and height, pixels.
            focal_length: (N,) float64, pixels.

        Returns:
            tuple: u (N, M, d), its mean u_bar (N, d) and the weights (N, M, M), means over the heads, rows
                summing to 1.
        """
        gamma = self.encoding(self.encoding.normalize(boxes, focal_length))
        tokens = torch.cat([h, gamma.to(h.dtype)], dim=-1)
        query, key, value = map(self._split_heads, (self.query(tokens), self.key(tokens), self.value(h)))
        weights = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(-1)
        u = self.norm(self.out((weights @ value).transpose(1, 2).flatten(2)))
        return u, u.mean(1), weights.mean(1)

    def _split_heads(self, x: Tensor) -> Tensor:
        """(N, M, K D) to (N, K, M, D)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
