"""All branches of HRNet at the coarsest resolution."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmroi.models.necks.maps import check_maps
from mmroi.registry import MODELS


@MODELS.register_module()
class BranchDownsampler(BaseModule):
    """Brings every map of HRNet to the size of the coarsest; the encoder's ``pool='concat'`` then joins them.

    Without this neck ``pool='concat'`` amounts to area interpolation.

    Args:
        in_channels: Channels of the maps, finest first, each of half the resolution of the one before.
        method: ``'strided'``: learned 3x3 convolutions of stride 2 with BatchNorm and ReLU, as many as the
            halvings that a map needs (``downsample_stage_*`` of the Multi-RoI authors' release).
            ``'bilinear'``: interpolation with aligned corners, as in PARE's HRNet; has no weights.
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
        super().__init__(
            init_cfg
            or [dict(type='Kaiming', layer='Conv2d'), dict(type='Constant', val=1, layer='BatchNorm2d')]
        )
        if method not in ('strided', 'bilinear'):
            raise ValueError(f"BranchDownsampler: method must be 'strided' or 'bilinear', got {method!r}.")
        self.in_channels = tuple(in_channels)
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
        check_maps('BranchDownsampler', maps, self.in_channels)
        if self.method == 'strided':
            finer = [branch(feature) for branch, feature in zip(self.branches, maps[:-1], strict=True)]
            return [*finer, maps[-1]]
        size = maps[-1].shape[-2:]
        return [F.interpolate(feature, size, mode='bilinear', align_corners=True) for feature in maps]
