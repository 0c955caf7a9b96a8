"""A neck that resizes all branches of HRNet to the coarsest resolution."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from mmroi.models.necks.base_neck import BaseNeck
from mmroi.registry import MODELS


@MODELS.register_module()
class BranchDownsampler(BaseNeck):
    """Resizes every map of HRNet to that of the coarsest; the encoder's ``pool='concat'`` then joins them.

    Without this neck, ``pool='concat'`` is equivalent to area interpolation.

    Args:
        in_channels: Channels of the maps, finest first, each at half the resolution of the previous one.
        method: ``'strided'``: learned 3x3 convolutions of stride 2 with BatchNorm and ReLU, one for
            each halving that a map needs (``downsample_stage_*`` of the Multi-RoI authors' release).
            ``'bilinear'``: interpolation with aligned corners, as in PARE's HRNet; no weights.
        init_cfg: MMEngine's initialization config.

    Raises:
        ValueError: ``method`` is unknown.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (48, 96, 192, 384),
        method: str = 'strided',
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(in_channels, init_cfg)
        if method not in ('strided', 'bilinear'):
            raise ValueError(f"BranchDownsampler: method must be 'strided' or 'bilinear', got {method!r}.")
        self.method = method
        if method == 'strided':
            coarsest = len(self.in_channels) - 1
            self.branches = nn.ModuleList(
                self._halvings(channels, coarsest - i) for i, channels in enumerate(self.in_channels[:-1])
            )

    @staticmethod
    def _halvings(channels: int, times: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for _ in range(times):
            layers += [
                nn.Conv2d(channels, channels, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            ]
        return nn.Sequential(*layers)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Resize.

        Args:
            maps: (B, C_i, h_i, w_i), finest first.

        Returns:
            list[Tensor]: (B, C_i, h, w), all of the coarsest map's size.

        Raises:
            ValueError: The maps are not those of ``in_channels``.
        """
        self.check_maps(maps)
        if self.method == 'strided':
            finer = [branch(feature) for branch, feature in zip(self.branches, maps[:-1], strict=True)]
            return [*finer, maps[-1]]
        size = maps[-1].shape[-2:]
        return [F.interpolate(feature, size, mode='bilinear', align_corners=True) for feature in maps]
