"""The head of HRNet for image classification, up to its last feature map."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mmroi.models.necks.base_neck import BaseNeck
from mmroi.registry import MODELS

EXPANSION = 4  # of mmdet's Bottleneck


@MODELS.register_module()
class HRNetClassificationNeck(BaseNeck):
    """Widens HRNet's branches and adds them up, from the finest to the coarsest, to one map of 2048 channels.

    With the encoder's ``pool='last'`` this is the encoder of Huawei's CLIFF with HRNet-W48. Modules and names
    are those of ``HRNet-Image-Classification`` (Sun et al., arXiv:1904.04514), so its ImageNet weights also
    load: y = incre_0(x_0); y = incre_{i+1}(x_{i+1}) + downsamp_i(y); y = final(y).

    Args:
        in_channels: Channels of the maps, finest first, each at half the resolution of the previous one.
        channels: Inner channels of each branch's bottleneck, which outputs four times as many.
        out_channels: Channels of the returned map.
        init_cfg: MMEngine's initialization config.

    Raises:
        ValueError: ``in_channels`` and ``channels`` differ in length.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (48, 96, 192, 384),
        channels: Sequence[int] = (32, 64, 128, 256),
        out_channels: int = 2048,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(in_channels, init_cfg)
        if len(in_channels) != len(channels):
            raise ValueError(
                f'HRNetClassificationNeck: channels {tuple(channels)} must have one number for '
                f'each of in_channels {tuple(in_channels)}.'
            )
        from mmdet.models.backbones.resnet import Bottleneck  # lazy: importing it takes about 1 s

        widths = [EXPANSION * c for c in channels]
        self.incre_modules = nn.ModuleList(
            nn.Sequential(
                Bottleneck(
                    before,
                    inner,
                    downsample=nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after)),
                )
            )
            for before, inner, after in zip(in_channels, channels, widths, strict=True)
        )
        self.downsamp_modules = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(finer, coarser, 3, stride=2, padding=1),
                nn.BatchNorm2d(coarser),
                nn.ReLU(inplace=True),
            )
            for finer, coarser in zip(widths[:-1], widths[1:], strict=True)
        )
        self.final_layer = nn.Sequential(
            nn.Conv2d(widths[-1], out_channels, 1), nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Join the branches.

        Args:
            maps: (B, C_i, h_i, w_i), finest first.

        Returns:
            list[Tensor]: One map (B, out_channels, h, w) of the coarsest map's size.

        Raises:
            ValueError: The maps are not those of ``in_channels``.
        """
        self.check_maps(maps)
        joined = self.incre_modules[0](maps[0])
        for i, downsamp in enumerate(self.downsamp_modules, start=1):
            joined = self.incre_modules[i](maps[i]) + downsamp(joined)
        return [self.final_layer(joined)]
