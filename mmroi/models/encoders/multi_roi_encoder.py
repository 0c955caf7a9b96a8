"""The encoder: one backbone shared by all RoIs."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmroi.models.encoders.backbone import build_backbone, hrnet_stages, is_hrnet
from mmroi.registry import MODELS

HRNET_STRIDE = 32


@MODELS.register_module()
class MultiRoIEncoder(BaseModule):
    """Encodes every RoI crop with the same backbone and pools its feature maps (paper section 3.1, E).

    The backbone is any registered module that takes an image batch (B, 3, H, W) and returns a feature map
    (B, C, h, w), or several of them, finest first, such as ``mmdet.ResNet`` and ``mmdet.HRNet``.
    ``frozen_stages``, ``norm_eval`` and ``with_cp`` are passed on to it, unless its own config has them.
    ``norm_eval=False`` thus replaces MMDetection's default, True, with which nothing is learned from scratch.

    The width of the features is measured by encoding one black crop. A backbone that takes crops of one size
    only needs ``crop_size``, or declares the channels of its maps as ``out_channels`` (an integer, or one for
    each map), from which the widths are read unless there is a neck. One whose weights expect crops that are
    not normalized as ImageNet's declares ``input_mean`` and ``input_std``, which the estimator compares with
    the data preprocessor.

    Args:
        backbone: Config of the backbone.
        neck: Config of a neck, which turns the backbone's maps into those that are pooled, such as
            :class:`mmroi.models.BranchDownsampler` or :class:`mmroi.models.HRNetClassificationNeck`.
        pool: ``'last'``: global average of the last (coarsest) map, for ResNets. ``'concat'``: global
            averages of all maps, concatenated, for HRNet's branches (48+96+192+384 = 720 for W48); averaging
            a branch equals bringing it to the coarsest resolution by area interpolation first.
        frozen_stages: Last stage whose weights and BatchNorm statistics stay fixed; -1 for none, 0 for the
            stem. For ResNet 1 to 4 are ``layer1`` to ``layer4``; for HRNet see
            :func:`mmroi.models.encoders.backbone.hrnet_stages`; for MoveNet they are the stages of
            ``out_indices``, the last one with the last convolution.
        norm_eval: Keep the running statistics of all BatchNorms in the backbone fixed.
        with_cp: Activation checkpointing: blocks keep only their inputs and are recomputed in the backward
            pass, so more RoIs fit into memory. Outputs and gradients do not change, but the running
            statistics of BatchNorm see each batch twice, as if their momentum were 0.19 instead of 0.1.
        channels_last: Run the convolutions in channels-last layout, which is faster on CPUs, and on GPUs
            with AMP.
        crop_size: Height and width of the crops, for measuring the width of the features; None for 64x64.
        init_cfg: MMEngine's initialization config.

    Attributes:
        out_channels: Width d of the features.
        map_channels: Channels of the backbone's last feature map.
        crop_size: Height and width of a crop that it can encode.

    Raises:
        ValueError: ``pool`` is unknown, ``frozen_stages`` is out of range, the backbone does not know an
            option or returns no feature maps, or the neck takes other maps than the backbone returns.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        neck: dict[str, Any] | None = None,
        pool: str = 'last',
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        channels_last: bool = False,
        crop_size: tuple[int, int] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if pool not in ('last', 'concat'):
            raise ValueError(f"MultiRoIEncoder: pool must be 'last' or 'concat', got {pool!r}.")
        if not -1 <= frozen_stages <= 4:
            raise ValueError(f'MultiRoIEncoder: frozen_stages must be from -1 to 4, got {frozen_stages}.')
        self.backbone = build_backbone(backbone, frozen_stages, norm_eval, with_cp)
        self.neck = MODELS.build(neck) if neck else None
        self.pool = pool
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=self.memory_format)
        hrnet = is_hrnet(type(self.backbone))
        self.stride = HRNET_STRIDE if hrnet else 1
        self._frozen: list[nn.Module] = []  # only what the backbone does not freeze itself
        if hrnet:
            stages = islice(hrnet_stages(self.backbone), frozen_stages + 1)
            self._frozen = [module.requires_grad_(False) for stage in stages for module in stage]
        self.crop_size = crop_size or (64, 64)
        declared = getattr(self.backbone, 'out_channels', None)
        if declared and not self.neck:
            channels = [declared] if isinstance(declared, int) else list(declared)
            self.map_channels = channels[-1]
            self.out_channels = channels[-1] if pool == 'last' else sum(channels)
        else:
            self.out_channels, self.map_channels = self._measure_widths(self.crop_size)

    @torch.no_grad()
    def _measure_widths(self, crop_size: tuple[int, int]) -> tuple[int, int]:
        """Encode one black crop, which works for every backbone and neck."""
        training = self.training
        self.eval()
        try:
            base_box = torch.tensor([[[0.0, 0.0, 1.0]]], dtype=torch.float64)
            maps = self.extract_maps(torch.zeros(1, 1, 3, *crop_size), base_box)
        except (AssertionError, IndexError, RuntimeError) as error:
            raise ValueError(
                f'MultiRoIEncoder: the backbone {type(self.backbone).__name__} cannot encode a crop of '
                f'{crop_size[0]}x{crop_size[1]} ({error}): set crop_size=(height, width) of the encoder to '
                'that of MultiRoICrop, or let the backbone declare the channels of its maps as out_channels.'
            ) from error
        width = self.pool_maps(maps, 1).shape[-1]
        self.train(training)
        return width, maps[-1].shape[1]

    def train(self, mode: bool = True) -> 'MultiRoIEncoder':
        """Set the mode of all parts except the frozen ones, which stay in evaluation mode."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def num_crops(self, num_rois: int) -> int:
        """Return the number of crops of a person that the encoder takes.

        Args:
            num_rois: M.

        Returns:
            int: One crop for each RoI.
        """
        return num_rois

    @property
    def map_settings(self) -> dict[str, Any]:
        """What the maps depend on beside backbone and crops: numbers and lists, for the key of a cache."""
        return {}

    def arrange(self, inputs: Tensor) -> Tensor:
        """Arrange crops as the backbone takes them.

        Args:
            inputs: (N, K, 3, H, W), normalized RGB crops.

        Returns:
            Tensor: (N·K, 3, H, W), in channels-last layout if so configured.

        Raises:
            ValueError: H or W is no multiple of 32 and the backbone is HRNet, whose branches are halved and
                doubled.
        """
        height, width = inputs.shape[-2:]
        if height % self.stride or width % self.stride:
            raise ValueError(
                f'HRNet needs crops whose sides are multiples of {self.stride}, got '
                f'{height}x{width} (height x width): change crop_size, or context_size, of the config.'
            )
        return inputs.flatten(0, 1).contiguous(memory_format=self.memory_format)

    def extract_maps(self, inputs: Tensor, boxes: Tensor | None = None) -> Sequence[Tensor]:
        """Compute the backbone's feature maps of all RoIs.

        Args:
            inputs: (N, M, 3, H, W), normalized RGB crops.
            boxes: (N, M, 3) boxes of the RoIs; unused here, where each RoI has its own crop.

        Returns:
            Sequence[Tensor]: Maps (N·M, C, h, w), finest first.

        Raises:
            ValueError: The crops do not fit the backbone (:meth:`arrange`), or it returns no feature maps.
        """
        maps = self.backbone(self.arrange(inputs))
        maps = (maps,) if isinstance(maps, Tensor) else maps
        if not all(isinstance(feature, Tensor) and feature.dim() == 4 for feature in maps):
            found = [tuple(getattr(feature, 'shape', ())) or type(feature).__name__ for feature in maps]
            raise ValueError(
                f'MultiRoIEncoder: the backbone {type(self.backbone).__name__} must return feature maps '
                f'(B, C, h, w), got {found}; let it reshape tokens to a map.'
            )
        return maps

    @property
    def is_frozen(self) -> bool:
        """Whether the backbone computes the same features throughout a training."""
        modules, mode = list(self.backbone.modules()), self.training
        self.train()
        norms = [m for m in modules if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        changing = any(norm.training and norm.track_running_stats for norm in norms)
        random = any(m.training and isinstance(m, nn.modules.dropout._DropoutNd) and m.p for m in modules)
        self.train(mode)
        return not (changing or random or any(p.requires_grad for p in self.backbone.parameters()))

    def reduce_maps(self, maps: Sequence[Tensor]) -> Sequence[Tensor]:
        """Keep of the backbone's maps what the weights behind it need.

        Args:
            maps: What :meth:`extract_maps` returns.

        Returns:
            Sequence[Tensor]: Smaller maps, from which :meth:`pool_maps` computes the same features.
        """
        if self.neck is not None:
            return self.neck.reduce(maps)
        maps = maps[-1:] if self.pool == 'last' else maps
        return [feature.float().mean((-2, -1), keepdim=True) for feature in maps]

    def pool_maps(self, maps: Sequence[Tensor], num_rois: int) -> Tensor:
        """Apply the neck, if any, and pool the maps to one vector per crop.

        Args:
            maps: What :meth:`extract_maps` or :meth:`reduce_maps` returns.
            num_rois: M.

        Returns:
            Tensor: Features h (N, M, d), float32 also under autocast.
        """
        if self.neck is not None:
            maps = self.neck(maps)
        if self.pool == 'last':
            maps = maps[-1:]
        pooled = torch.cat([feature.float().mean((-2, -1)) for feature in maps], dim=-1)
        return pooled.unflatten(0, (-1, num_rois))

    def forward(self, inputs: Tensor, boxes: Tensor | None = None) -> Tensor:
        """Encode the RoIs.

        Args:
            inputs: (N, K, 3, H, W), normalized RGB crops, K = ``num_crops(M)``.
            boxes: (N, M, 3) boxes of the RoIs; None for as many RoIs as crops.

        Returns:
            Tensor: Features h (N, M, d), float32 also under autocast.
        """
        num_rois = inputs.shape[1] if boxes is None else boxes.shape[1]
        return self.pool_maps(self.extract_maps(inputs, boxes), num_rois)
