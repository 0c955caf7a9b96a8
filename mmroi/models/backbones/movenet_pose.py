"""The whole of MoveNet: encoder, feature pyramid and the heads of people and keypoints."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from mmroi.models.backbones.inverted_residuals import LAST_CHANNELS, SameConv2d
from mmroi.models.backbones.movenet import MoveNetBackbone
from mmroi.registry import MODELS

PYRAMID_STRIDE = 4  # of the maps that the heads return
NUM_KEYPOINTS = 17  # COCO's
_TOP = 64  # channels of the pyramid's coarsest map
_LATERALS = {9: 64, 5: 32, 2: 24}  # channels in the pyramid by block, at strides 16, 8 and 4
_MERGED = (32, 24, 24)  # channels after each merge
_HEAD = 96  # inner channels of the heads
_PERSON = dict(
    center=1, kpt_heatmap=NUM_KEYPOINTS, kpt_regress=2 * NUM_KEYPOINTS, kpt_offset=2 * NUM_KEYPOINTS
)
_BOXES = dict(box_scale=2, box_offset=2)


class SeparableConv(nn.Module):
    """A depthwise 3x3 and a 1x1 convolution with ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.depthwise = SameConv2d(in_channels, in_channels, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (B, C, H, W)."""
        return F.relu(self.pointwise(self.depthwise(x)), inplace=True)


class OutputHead(nn.Module):
    """A separable and a 1x1 convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.separable = SeparableConv(in_channels, _HEAD)
        self.out = nn.Conv2d(_HEAD, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Compute (B, out_channels, H, W)."""
        return self.out(self.separable(x))


@MODELS.register_module()
class MoveNetPose(MoveNetBackbone):
    """MoveNet with its heads, for people and their 17 COCO keypoints.

    Every person is a peak of the map ``center``; the other maps are read at this peak, in cells of 4 pixels,
    y before x:

    * ``kpt_regress``: offset from the peak to each keypoint, the first guess;
    * ``kpt_heatmap``: logits of each keypoint; the one meant is the best near the guess;
    * ``kpt_offset``: offset from the cell of a keypoint to its exact place;
    * ``box_scale`` and ``box_offset`` (multipose only): size of the person's box, and offset from the peak to
      its center.

    Args:
        variant: ``'thunder'``, ``'lightning'`` (both for the one person in the middle of a crop) or
            ``'multipose'`` (any number of people).
        init_cfg: MMEngine's initialization config.

    Raises:
        ValueError: The variant is unknown.
    """

    def __init__(self, variant: str = 'multipose', init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(variant, init_cfg=init_cfg)
        self.top = nn.Conv2d(LAST_CHANNELS, _TOP, 1)
        self.laterals = nn.ModuleDict(
            {
                str(block): nn.Conv2d(self.block_channels[block], channels, 1)
                for block, channels in _LATERALS.items()
            }
        )
        self.merges = nn.ModuleList(
            SeparableConv(before, after) for before, after in zip(_LATERALS.values(), _MERGED, strict=True)
        )
        outputs = {**_PERSON, **(_BOXES if variant == 'multipose' else {})}
        self.heads = nn.ModuleDict({name: OutputHead(_MERGED[-1], n) for name, n in outputs.items()})

    def maps(self, images: Tensor) -> dict[str, Tensor]:
        """Compute the maps of the heads.

        Args:
            images: (B, 3, H, W), RGB in [-1, 1], H and W multiples of 32.

        Returns:
            dict[str, Tensor]: (B, C, H/4, W/4) each, see the class.

        Raises:
            ValueError: A side is no multiple of 32.
        """
        outputs, last = self.collect(images, _LATERALS)
        merged = self.top(last)
        for (block, lateral), merge in zip(self.laterals.items(), self.merges, strict=True):
            merged = F.interpolate(merged, scale_factor=2, mode='bilinear', align_corners=False)
            merged = merge(merged + lateral(outputs[int(block)]))
        return {name: head(merged) for name, head in self.heads.items()}
