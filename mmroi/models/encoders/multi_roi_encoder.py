"""One backbone shared by all RoIs."""
from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmroi.registry import MODELS


@MODELS.register_module()
class MultiRoIEncoder(BaseModule):
    """Encodes every RoI crop with the same backbone and pools its feature maps (paper section 3.1, E).

    The backbone is any registered one that takes an image batch and returns feature maps, finest first:
    ``mmdet.ResNet``, ``mmdet.HRNet``. MMDetection's backbones freeze the running statistics of BatchNorm by
    default (``norm_eval=True``), with which nothing is learnt from scratch; here the default is
    ``norm_eval=False``, and a backbone config that wants frozen statistics, to fine-tune pre-trained weights,
    says so itself.

    Args:
        backbone: Config of the backbone.
        pool: ``'last'``: global average of the last (coarsest) map, for ResNets. ``'concat'``: global
            averages of all maps, concatenated, for HRNet's branches (48+96+192+384 = 720 for W48); averaging
            a branch equals bringing it to the coarsest resolution by area interpolation first.
        frozen_stages: Stages kept fixed, -1 for none; handed to the backbone, which must know the argument.
        channels_last: Run the convolutions in channels-last layout, which is faster on CPU and with AMP on
            GPU.
        init_cfg: MMEngine's initialisation config.

    Attributes:
        out_channels: Width d of the features.
        map_channels: Channels of the last feature map.

    Raises:
        ValueError: ``pool`` is unknown.
    """

    def __init__(self, backbone: dict, pool: str = 'last', frozen_stages: int = -1,
                 channels_last: bool = False, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if pool not in ('last', 'concat'):
            raise ValueError(f"MultiRoIEncoder: pool must be 'last' or 'concat', got {pool!r}.")
        settings = dict(backbone)
        if frozen_stages >= 0:
            settings['frozen_stages'] = frozen_stages
        self.backbone = MODELS.build(settings)
        if 'norm_eval' not in backbone and hasattr(self.backbone, 'norm_eval'):
            self.backbone.norm_eval = False
        self.pool = pool
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.backbone.to(memory_format=self.memory_format)
        self.out_channels, self.map_channels = self._measure_widths()

    @torch.no_grad()
    def _measure_widths(self) -> tuple[int, int]:
        """The widths are found by encoding one black crop, which works for every backbone."""
        training = self.training
        maps = self.eval().extract_maps(torch.zeros(1, 1, 3, 64, 64))
        self.train(training)
        return self.pool_maps(maps, 1).shape[-1], maps[-1].shape[1]

    def extract_maps(self, inputs: Tensor) -> Sequence[Tensor]:
        """The backbone's feature maps of all crops.

        Args:
            inputs: (N, M, 3, H, W), normalised RGB crops.

        Returns:
            Sequence[Tensor]: Maps (N·M, C, h, w), finest first.
        """
        return self.backbone(inputs.flatten(0, 1).contiguous(memory_format=self.memory_format))

    def pool_maps(self, maps: Sequence[Tensor], num_rois: int) -> Tensor:
        """Pools feature maps to one vector for each crop.

        Args:
            maps: What :meth:`extract_maps` returns.
            num_rois: M.

        Returns:
            Tensor: Features h (N, M, d), float32 also under autocast.
        """
        if self.pool == 'last':
            maps = maps[-1:]
        pooled = torch.cat([feature.float().mean((-2, -1)) for feature in maps], dim=-1)
        return pooled.unflatten(0, (-1, num_rois))

    def forward(self, inputs: Tensor) -> Tensor:
        """Encode the crops.

        Args:
            inputs: (N, M, 3, H, W), normalised RGB crops.

        Returns:
            Tensor: Features h (N, M, d), float32 also under autocast.
        """
        return self.pool_maps(self.extract_maps(inputs), inputs.shape[1])
