"""MoveNet's encoder, a MobileNetV2 that learned 2D poses of real people."""

from collections.abc import Collection, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from mmroi.registry import MODELS

STRIDE = 32  # of the last map
LAST_CHANNELS = 1280  # of the last map, at any width
VARIANTS = dict(thunder=1.75, lightning=1.0, multipose=1.5)
"""Width of each variant: channels as a multiple of MobileNetV2's."""
# MobileNetV2's sequences of inverted residual blocks: channels, number of blocks, stride of the first.
_SEQUENCES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
# Blocks of the stages 1 to 4, whose maps have the strides 4, 8, 16 and 32.
_STAGES = (range(0, 3), range(3, 6), range(6, 13), range(13, 17))


def scale_channels(channels: int, variant: str) -> int:
    """Return the channels of a variant, a multiple of 8, where MobileNetV2 has ``channels``."""
    return max(8, int(channels * VARIANTS[variant] + 4) // 8 * 8)


def block_channels(variant: str) -> list[int]:
    """Return the output channels of the 17 blocks."""
    return [scale_channels(channels, variant) for channels, times, _ in _SEQUENCES for _ in range(times)]


class Conv3x3(nn.Conv2d):
    """A 3x3 convolution with TensorFlow's padding ``SAME``.

    For an even side at stride 2 TensorFlow pads one row below (column to the right) and none above, where
    PyTorch's ``padding=1`` pads above, too, and so sees other pixels. Otherwise the two agree.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: 1 or 2.
        groups: As for ``nn.Conv2d``.
        bias: As for ``nn.Conv2d``.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, groups: int = 1, bias: bool = True
    ) -> None:
        padding = 1 if stride == 1 else 0
        super().__init__(in_channels, out_channels, 3, stride, padding, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (B, C, H, W) to (B, C', ceil(H/stride), ceil(W/stride))."""
        if self.stride[0] == 2:
            x = F.pad(x, (x.shape[-1] % 2, 1, x.shape[-2] % 2, 1))
        return super().forward(x)


class InvertedResidual(nn.Module):
    """MobileNetV2's block with BatchNorm folded in: expand, filter each channel, project.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Stride of the depthwise convolution.
        ratio: Inner channels divided by ``in_channels``; without expansion if 1.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, ratio: int) -> None:
        super().__init__()
        inner = in_channels * ratio
        self.expand = nn.Conv2d(in_channels, inner, 1) if ratio > 1 else None
        self.depthwise = Conv3x3(inner, inner, stride, groups=inner)
        self.project = nn.Conv2d(inner, out_channels, 1)
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Run the block on (B, C, H, W)."""
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        return x + y if self.adds else y


@MODELS.register_module()
class MoveNetBackbone(BaseModule):
    """The encoder of MoveNet (Google, 2021): MobileNetV2 from stride 2 to stride 32.

    It is used like MMDetection's backbones: images in, maps of the chosen stages out, finest first. The
    published weights have BatchNorm folded into the convolutions, so there are no running statistics and no
    ``norm_eval``; they are meant to be loaded, as so deep a network hardly learns from random weights without
    BatchNorm:

    ``init_cfg=dict(type='Pretrained', checkpoint='checkpoints/movenet_thunder.safetensors')``, see
    ``docs/pretrained.md``. The pyramid and the heads in these files are left out.

    Args:
        variant: ``'thunder'`` (6.1 M parameters), ``'lightning'`` (2.2 M) or ``'multipose'`` (4.6 M).
        out_indices: Stages to return, from 0 (stride 4) to 3 (stride 32, 1280 channels).
        frozen_stages: Last stage whose weights stay fixed; -1 for none, 0 for the stem, 1 to 4 for the stages
            of ``out_indices`` 0 to 3.
        with_cp: Activation checkpointing: keep only the inputs of the blocks and recompute the rest in the
            backward pass.
        init_cfg: MMEngine's initialization config.

    Attributes:
        input_mean: Mean that the data preprocessor has to subtract from each of the RGB channels.
        input_std: Standard deviation that it has to divide by, so that images lie in [-1, 1].
        out_channels: Channels of the returned maps.

    Raises:
        ValueError: The variant is unknown, or a stage is out of range.
    """

    input_mean = (127.5, 127.5, 127.5)
    input_std = (127.5, 127.5, 127.5)

    def __init__(
        self,
        variant: str = 'thunder',
        out_indices: Sequence[int] = (3,),
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        name = type(self).__name__
        if variant not in VARIANTS:
            raise ValueError(f'{name}: variant must be one of {", ".join(VARIANTS)}, got {variant!r}.')
        if list(out_indices) != sorted(set(out_indices) & set(range(4))) or not out_indices:
            raise ValueError(f'{name}: out_indices must ascend within 0 to 3, got {tuple(out_indices)}.')
        if not -1 <= frozen_stages <= 4:
            raise ValueError(f'{name}: frozen_stages must be from -1 to 4, got {frozen_stages}.')
        self.variant = variant
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.with_cp = with_cp
        outputs = block_channels(variant)
        strides = [stride if i == 0 else 1 for _, times, stride in _SEQUENCES for i in range(times)]
        stem = scale_channels(32, variant)
        self.stem = Conv3x3(3, stem, 2)
        self.blocks = nn.ModuleList(
            InvertedResidual(before, after, stride, 6 if i else 1)
            for i, (before, after, stride) in enumerate(
                zip((stem, *outputs[:-1]), outputs, strides, strict=True)
            )
        )
        self.last = nn.Conv2d(outputs[-1], LAST_CHANNELS, 1)
        channels = [*(outputs[stage[-1]] for stage in _STAGES[:3]), LAST_CHANNELS]
        self.out_channels = [channels[i] for i in self.out_indices]
        self._freeze()

    def _freeze(self) -> None:
        """Fix the weights of the frozen stages, which is all: nothing in them depends on the mode."""
        if self.frozen_stages >= 0:
            self.stem.requires_grad_(False)
        for stage in _STAGES[: max(self.frozen_stages, 0)]:
            for i in stage:
                self.blocks[i].requires_grad_(False)
        if self.frozen_stages == 4:
            self.last.requires_grad_(False)

    def collect(self, images: Tensor, blocks: Collection[int]) -> tuple[dict[int, Tensor], Tensor]:
        """Run all layers and keep the outputs of some blocks.

        Args:
            images: (B, 3, H, W), RGB in [-1, 1], H and W multiples of 32.
            blocks: Which of the 17 blocks, counted from 0.

        Returns:
            dict[int, Tensor]: Outputs of these blocks, finest first.
            Tensor: The last map (B, 1280, H/32, W/32).

        Raises:
            ValueError: A side is no multiple of 32.
        """
        height, width = images.shape[-2:]
        if height % STRIDE or width % STRIDE:
            raise ValueError(
                f'{type(self).__name__} needs images whose sides are multiples of {STRIDE}, got '
                f'{height}x{width} (height x width): change crop_size of the config.'
            )
        x = F.relu6(self.stem(images), inplace=True)
        kept = {}
        for i, block in enumerate(self.blocks):
            learns = self.training and (x.requires_grad or any(p.requires_grad for p in block.parameters()))
            x = checkpoint(block, x, use_reentrant=False) if self.with_cp and learns else block(x)
            if i in blocks:
                kept[i] = x
        return kept, F.relu6(self.last(x), inplace=True)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps of the stages ``out_indices``.

        Args:
            images: (B, 3, H, W), RGB in [-1, 1], H and W multiples of 32.

        Returns:
            tuple[Tensor, ...]: (B, C, H/s, W/s), s = 4, 8, 16, 32, finest first.

        Raises:
            ValueError: A side is no multiple of 32.
        """
        kept, last = self.collect(images, [stage[-1] for stage in _STAGES[:3]])
        maps = (*kept.values(), last)
        return tuple(maps[i] for i in self.out_indices)
