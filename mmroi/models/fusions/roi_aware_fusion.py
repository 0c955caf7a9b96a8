"""RoI-aware feature fusion (paper section 3.1, equations 2-4)."""

import warnings

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmroi.models.fusions.box_encoding import BoxEncoding
from mmroi.models.numerics import without_autocast
from mmroi.registry import MODELS

RELATIONS = ('of_difference', 'difference_of', 'absolute', 'none')
SCORERS = ('set_mlp', 'linear')


@MODELS.register_module()
class RoIAwareFusion(BaseModule):
    r"""Weighs the features of all RoIs for each RoI by where their boxes lie relative to its own.

    .. math:: F_{mn} = [h_n, \gamma_{mn}], \quad w_{m\cdot} = softmax(score(F_{m1..M})), \quad
        u_m = \sum_n w_{mn} h_n, \quad \bar u = mean_m u_m

    Equation 4 as printed, one Linear to a scalar over the difference of two encodings
    (``relation='difference_of', scorer='linear'``), collapses: softmax over n cancels what depends on m, and
    all u_m are the same vector. It is kept for the ablation and warns. The default is the scorer of the
    authors' code with the encoding of the difference: F_mn to 256, concatenated over n, then 256 → 256 → M
    with tanh after each. Computed in float32 under autocast, boxes and angles of the encoding in float64.

    Args:
        in_channels: Width d of the features.
        num_rois: M. The linear scorer takes any number of RoIs and ignores it.
        num_freqs: Frequencies L of the encoding, 0 to 64; 0 for the plain box numbers.
        relation: ``'of_difference'`` γ(B_m - B_n), ``'difference_of'`` γ(B_m) - γ(B_n), ``'absolute'``
            γ(B_n), or ``'none'`` for features alone. With the last two the weights do not depend on m.
        scorer: ``'set_mlp'`` or ``'linear'``.
        hidden_channels: Width of the set scorer.
        exact: Exact angles; False for the float32 arithmetic that the authors' checkpoints were trained
            with, which also hold its constants.
        init_cfg: MMEngine's initialization config.

    Attributes:
        num_rois: M, or None where any number of RoIs is fine.

    Raises:
        ValueError: An argument is out of range or unknown.
    """

    def __init__(
        self,
        in_channels: int,
        num_rois: int = 5,
        num_freqs: int = 32,
        relation: str = 'of_difference',
        scorer: str = 'set_mlp',
        hidden_channels: int = 256,
        exact: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if num_rois < 1:
            raise ValueError(f'RoIAwareFusion needs num_rois >= 1, got num_rois={num_rois}.')
        if relation not in RELATIONS or scorer not in SCORERS:
            raise ValueError(
                f'RoIAwareFusion: relation must be one of {RELATIONS} and scorer one of '
                f'{SCORERS}, got {relation!r} and {scorer!r}.'
            )
        linear_in_box = relation == 'difference_of' or (relation == 'of_difference' and num_freqs == 0)
        one_row = relation in ('absolute', 'none')
        if scorer == 'linear' and (linear_in_box or one_row):
            warnings.warn(
                f"RoIAwareFusion(relation='{relation}', num_freqs={num_freqs}, scorer='linear') gives "
                'all RoIs the same weights, because softmax cancels what depends on m; '
                "scorer='set_mlp' does not.",
                stacklevel=2,
            )
        self.in_channels = in_channels
        self.num_rois = num_rois if scorer == 'set_mlp' else None
        self.relation = relation
        self.scorer = scorer
        self.encoding = BoxEncoding(num_freqs, exact)
        pair = in_channels + (0 if relation == 'none' else self.encoding.out_channels)
        self.pair_fc = nn.Linear(pair, 1 if scorer == 'linear' else hidden_channels)
        if scorer == 'set_mlp':
            self.set_mlp = nn.Sequential(
                nn.Linear(hidden_channels * num_rois, hidden_channels),
                nn.Tanh(),
                nn.Linear(hidden_channels, hidden_channels),
                nn.Tanh(),
                nn.Linear(hidden_channels, num_rois),
                nn.Tanh(),
            )

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
                f"RoIAwareFusion(scorer='set_mlp') was built for num_rois={self.num_rois}, got {num_rois} "
                'RoIs; give MultiRoICrop and the model the same num_rois, or train a fusion that takes any '
                "number (scorer='linear', SelfAttentionFusion, or none)."
            )
        # The Linear on concat(h_n, gamma_mn) in two parts, so that h_n is mapped M times, not M*M times.
        pairs = F.linear(h, self.pair_fc.weight[:, : self.in_channels], self.pair_fc.bias)[:, None]
        if self.relation != 'none':
            encoding = self._relations(boxes, focal_length).to(h.dtype)
            pairs = pairs + F.linear(encoding, self.pair_fc.weight[:, self.in_channels :])
        scores = pairs.squeeze(-1) if self.scorer == 'linear' else self.set_mlp(pairs.flatten(2))
        weights = scores.softmax(-1).expand(-1, num_rois, -1)
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
