"""RoI-aware fusion with the scorer that the paper prints, for the ablation."""

import warnings
from typing import Any

from torch import Tensor, nn

from mmroi.models.fusions.roi_aware_fusion import RoIAwareFusion
from mmroi.registry import MODELS


@MODELS.register_module()
class LinearRoIAwareFusion(RoIAwareFusion):
    """Scores each pair of RoIs by one Linear, as in the paper's equation 4; takes any number of RoIs.

    With ``relation='difference_of'``, equation 2 as printed, it collapses: softmax over n cancels what
    depends on m, so all u_m are the same vector. This is kept for the ablation and warns.

    Args:
        in_channels: Width d of the features.
        num_rois: Unused.
        **options: Those of :class:`RoIAwareFusion`.
    """

    def __init__(self, in_channels: int, num_rois: int = 5, **options: Any) -> None:
        super().__init__(in_channels, num_rois, **options)
        self.num_rois = None
        num_freqs = self.encoding.num_freqs
        linear_in_box = self.relation == 'of_difference' and num_freqs == 0
        if linear_in_box or self.relation != 'of_difference':
            warnings.warn(
                f"LinearRoIAwareFusion(relation='{self.relation}', num_freqs={num_freqs}) gives all RoIs the "
                'same weights, because softmax cancels what depends on m; RoIAwareFusion does not.',
                stacklevel=2,
            )

    def _build_scorer(self, in_channels: int, hidden_channels: int) -> None:
        self.pair_fc = nn.Linear(in_channels, 1)

    def _score(self, pairs: Tensor) -> Tensor:
        return pairs.squeeze(-1)
