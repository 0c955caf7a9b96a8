"""MoveNet's encoder, a MobileNetV2 that learned 2D poses of real people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from mmroi.registry import MODELS

STRIDE = 32  # of the last map
_BLOCK_STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
# Blocks of the stages 1 to 4, whose maps have the strides 4, 8, 16 and 32.
_STAGES = (range(0, 3), range(3, 6), range(6, 13), range(13, 17))


@dataclass(frozen=True)
class Widths:
    """Channels of a variant.

    Attributes:
        stem: Of the first convolution.
        stages: Of the inverted residual blocks: block 0, blocks 1 and 2, and so on, see :meth:`blocks`.
        last: Of the last 1x1 convolution.
    """

    stem: int
    stages: tuple[int, ...]
    last: int = 1280

    def blocks(self) -> tuple[int, ...]:
        """Channels after each of the 17 blocks."""
        repeats = (1, 2, 3, 4, 3, 3, 1)
        return tuple(width for width, times in zip(self.stages, repeats, strict=True) for _ in range(times))


VARIANTS = dict(
    thunder=Widths(56, (32, 40, 56, 112, 168, 280, 560)),
    lightning=Widths(32, (16, 24, 32, 64, 96, 160, 320)),
    multipose=Widths(48, (24, 40, 48, 96, 144, 240, 480)),
)


class Conv3x3(nn.Conv2d):
    """A 3x3 convolution with TensorFlow's padding ``SAME``.

    At stride 2 TensorFlow puts the odd row and column of padding below and to the right, where PyTorch's
    ``padding=1`` puts it above and to the left, so the two see different pixels.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, groups: int = 1, bias: bool = True
    ) -> None:
        padding = 1 if stride == 1 else 0
        super().__init__(in_channels, out_channels, 3, stride, padding, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (B, C, H, W)."""
        if self.stride[0] == 2:
            height, width = x.shape[-2:]
            x = F.pad(x, (width % 2, 1, height % 2, 1))
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
    """The encoder of MoveNet (Google, 2021), MobileNetV2 from stride 2 to stride 32.

    It works like the backbones of MMDetection: images in, maps of the chosen stages out, finest first. It
    expects RGB in [-1, 1], which is ``mean=[127.5] * 3, std=[127.5] * 3`` of the data preprocessor. The
    published weights have BatchNorm folded into the convolutions, so there are no running statistics.

    Weights: ``init_cfg=dict(type='Pretrained', checkpoint='checkpoints/movenet_thunder.safetensors')``, see
    ``docs/pretrained.md``.

    Args:
        variant: ``'thunder'`` (6.1 M parameters), ``'lightning'`` (2.2 M) or ``'multipose'`` (4.6 M).
        out_indices: Stages to return, from 0 (stride 4) to 3 (stride 32, 1280 channels).
        frozen_stages: Last stage whose weights stay fixed; -1 for none, 0 for the stem, 1 to 4 for the stages
            of ``out_indices`` 0 to 3.
        norm_eval: Without effect, as there is no BatchNorm.
        with_cp: Activation checkpointing: keep only the inputs of the blocks and recompute the rest in the
            backward pass.
        init_cfg: MMEngine's initialization config.

    Attributes:
        out_channels: Channels of the returned maps.

    Raises:
        ValueError: The variant is unknown, or a stage is out of range.
    """

    def __init__(
        self,
        variant: str = 'thunder',
        out_indices: Sequence[int] = (3,),
        frozen_stages: int = -1,
        norm_eval: bool = False,
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
        widths = VARIANTS[variant]
        outputs = widths.blocks()
        self.stem = Conv3x3(3, widths.stem, 2)
        self.blocks = nn.ModuleList(
            InvertedResidual(before, after, stride, 6 if i else 1)
            for i, (before, after, stride) in enumerate(
                zip((widths.stem, *outputs[:-1]), outputs, _BLOCK_STRIDES, strict=True)
            )
        )
        self.last = nn.Conv2d(outputs[-1], widths.last, 1)
        channels = [*(outputs[stage[-1]] for stage in _STAGES[:3]), widths.last]
        self.out_channels = [channels[i] for i in self.out_indices]
        self._freeze()

    def _freeze(self) -> None:
        frozen: list[nn.Module] = [self.stem] if self.frozen_stages >= 0 else []
        for stage in _STAGES[: max(self.frozen_stages, 0)]:
            frozen += [self.blocks[i] for i in stage]
        if self.frozen_stages == 4:
            frozen.append(self.last)
        for module in frozen:
            module.requires_grad_(False)

    def block_outputs(self, images: Tensor) -> list[Tensor]:
        """Run all layers.

        Args:
            images: (B, 3, H, W), RGB in [-1, 1], H and W multiples of 32.

        Returns:
            list[Tensor]: Output of each of the 17 blocks, and last the map (B, 1280, H/32, W/32).

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
        outputs = []
        for block in self.blocks:
            recompute = self.with_cp and self.training and any(p.requires_grad for p in block.parameters())
            x = checkpoint(block, x, use_reentrant=False) if recompute else block(x)
            outputs.append(x)
        return [*outputs, F.relu6(self.last(x), inplace=True)]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps of the stages ``out_indices``.

        Args:
            images: (B, 3, H, W), RGB in [-1, 1], H and W multiples of 32.

        Returns:
            tuple[Tensor, ...]: (B, C, H/s, W/s), s = 4, 8, 16, 32, finest first.

        Raises:
            ValueError: A side is no multiple of 32.
        """
        outputs = self.block_outputs(images)
        maps = [*(outputs[stage[-1]] for stage in _STAGES[:3]), outputs[-1]]
        return tuple(maps[i] for i in self.out_indices)
