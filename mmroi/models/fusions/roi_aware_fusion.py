"""RoI-aware feature fusion (paper section 3.1, equations 2-4)."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mmroi.geometry.precision import without_autocast
from mmroi.models.fusions.base_fusion import BaseFusion
from mmroi.models.fusions.box_encoding import build_encoding
from mmroi.registry import MODELS

RELATIONS = ('of_difference', 'difference_of', 'absolute', 'none')


@MODELS.register_module()
class RoIAwareFusion(BaseFusion):
    r"""For each RoI, mixes the features of all RoIs with weights that depend on their relative boxes.

    .. math:: F_{mn} = [h_n, \gamma_{mn}], \quad w_{m\cdot} = softmax(score(F_{m1..M})), \quad
        u_m = \sum_n w_{mn} h_n, \quad \bar u = mean_m u_m

    The scorer follows the authors' code: F_mn to 256, concatenated over n, then 256 → 256 → M with tanh after
    each; :class:`LinearRoIAwareFusion` has the scorer that the paper prints. Computed in float32 under
    autocast, with boxes and angles of the encoding in float64.

    Args:
        in_channels: Width d of the features.
        num_rois: M.
        num_freqs: Frequencies L of the encoding, 0 to 64; 0 for the plain box numbers.
        relation: ``'of_difference'`` γ(B_m - B_n), ``'difference_of'`` γ(B_m) - γ(B_n), ``'absolute'``
            γ(B_n), or ``'none'`` for features alone. With the last two the weights do not depend on m.
        hidden_channels: Width of the scorer.
        encoding: Config of the encoding of boxes, see :func:`build_encoding`; for checkpoints of the authors
            ``dict(type='Float32BoxEncoding')``.
        init_cfg: MMEngine's initialization config.

    Raises:
        ValueError: An argument is out of range or unknown.
    """

    def __init__(
        self,
        in_channels: int,
        num_rois: int = 5,
        num_freqs: int = 32,
        relation: str = 'of_difference',
        hidden_channels: int = 256,
        encoding: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, num_rois, init_cfg)
        name = type(self).__name__
        if num_rois < 1:
            raise ValueError(f'{name} needs num_rois >= 1, got num_rois={num_rois}.')
        if relation not in RELATIONS:
            raise ValueError(f'{name}: relation must be one of {RELATIONS}, got {relation!r}.')
        self.relation = relation
        self.encoding = build_encoding(num_freqs, encoding)
        pair = in_channels + (0 if relation == 'none' else self.encoding.out_channels)
        self._build_scorer(pair, hidden_channels)

    def _build_scorer(self, in_channels: int, hidden_channels: int) -> None:
        assert self.num_rois is not None
        self.pair_fc = nn.Linear(in_channels, hidden_channels)
        self.set_mlp = nn.Sequential(
            nn.Linear(hidden_channels * self.num_rois, hidden_channels),
            nn.Tanh(),
            nn.Linear(hidden_channels, hidden_channels),
            nn.Tanh(),
            nn.Linear(hidden_channels, self.num_rois),
            nn.Tanh(),
        )

    def _score(self, pairs: Tensor) -> Tensor:
        """Scores (N, m, M) from F_mn after ``pair_fc`` (N, m, M, c); m is M, or 1 if all rows are equal."""
        return self.set_mlp(pairs.flatten(2))

    @without_autocast
    def forward(self, h: Tensor, boxes: Tensor, focal_length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fuse.

        Args:
            h: Features (N, M, d).
            boxes: (N, M, 3) float64: center relative to the principal point and height, pixels.
            focal_length: (N,) float64, pixels.

        Returns:
            tuple: u (N, M, d), its mean u_bar (N, d) and the weights (N, M, M), rows summing to 1.

        Raises:
            ValueError: The number of RoIs is not the one that the scorer was built for.
        """
        num_rois = h.shape[1]
        if self.num_rois not in (None, num_rois):
            raise ValueError(
                f'{type(self).__name__} was built for num_rois={self.num_rois}, got {num_rois} RoIs; give '
                'MultiRoICrop and the model the same num_rois, or train a fusion that takes any number '
                '(LinearRoIAwareFusion, SelfAttentionFusion, or none).'
            )
        # The Linear on concat(h_n, gamma_mn) is split in two: h_n is mapped M times instead of M*M times.
        pairs = F.linear(h, self.pair_fc.weight[:, : self.in_channels], self.pair_fc.bias)[:, None]
        if self.relation != 'none':
            encoding = self._relations(boxes, focal_length).to(h.dtype)
            pairs = pairs + F.linear(encoding, self.pair_fc.weight[:, self.in_channels :])
        weights = self._score(pairs).softmax(-1).expand(-1, num_rois, -1)
        u = weights @ h
        return u, u.mean(1), weights

    def _relations(self, boxes: Tensor, focal_length: Tensor) -> Tensor:
        """Encoding gamma_mn (N, M, M, 3 + 6L), or (N, 1, M, 3 + 6L) where it does not depend on m."""
        p = self.encoding.normalize(boxes, focal_length)
        if self.relation == 'of_difference':
            return self.encoding(p[:, :, None] - p[:, None])
        encoding = self.encoding(p)
        if self.relation == 'absolute':
            return encoding[:, None]
        return encoding[:, :, None] - encoding[:, None]
