"""Backbones of inverted residual blocks with BatchNorm folded in, and TensorFlow's padding."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, NamedTuple

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

STRIDE = 32  # of the last map
LAST_CHANNELS = 1280  # of the last map

Stage = Callable[[Sequence[Tensor]], list[Tensor]]


class Blocks(NamedTuple):
    """A sequence of equal blocks.

    Attributes:
        channels: Channels of the outputs.
        times: Number of blocks.
        stride: Stride of the first block.
        kernel_size: Of the depthwise convolutions.
    """

    channels: int
    times: int
    stride: int
    kernel_size: int = 3


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's padding ``SAME``.

    For an even side at stride 2 TensorFlow pads one row (column) less above (left) than below (right), where
    PyTorch pads both alike, and so sees other pixels. Otherwise the two agree.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd.
        stride: 1 or 2.
        groups: As for ``nn.Conv2d``.
        bias: As for ``nn.Conv2d``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        padding = kernel_size // 2 if stride == 1 else 0
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (B, C, H, W) to (B, C', ceil(H/stride), ceil(W/stride))."""
        if self.stride[0] == 2:
            after = self.kernel_size[0] // 2
            height, width = x.shape[-2:]
            x = F.pad(x, (after - 1 + width % 2, after, after - 1 + height % 2, after))
        return super().forward(x)


class InvertedResidual(nn.Module):
    """MobileNetV2's block: expand, filter each channel, project.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Stride of the depthwise convolution.
        ratio: Inner channels divided by ``in_channels``; without expansion if 1.
        kernel_size: Of the depthwise convolution.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, ratio: int, kernel_size: int = 3
    ) -> None:
        super().__init__()
        inner = in_channels * ratio
        self.expand = nn.Conv2d(in_channels, inner, 1) if ratio > 1 else None
        self.depthwise = SameConv2d(inner, inner, kernel_size, stride, groups=inner)
        self.project = nn.Conv2d(inner, out_channels, 1)
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Run the block on (B, C, H, W)."""
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        return x + y if self.adds else y


class InvertedResidualBackbone(BaseModule):
    """A stem, sequences of inverted residual blocks to stride 32, and a 1x1 convolution to 1280 channels.

    It is used like MMDetection's backbones: images in, maps of the chosen stages out, finest first. BatchNorm
    is folded into the convolutions, so there are no running statistics and no ``norm_eval``; the networks are
    meant to be loaded, as so deep a network hardly learns from random weights without BatchNorm.

    Args:
        stem: Channels of the stem, a convolution with stride 2.
        sequences: Sequences of blocks; four of them have stride 2.
        out_indices: Stages to return, from 0 (stride 4) to 3 (stride 32, 1280 channels).
        frozen_stages: Last stage whose weights stay fixed; -1 for none, 0 for the stem, 1 to 4 for the stages
            of ``out_indices`` 0 to 3.
        with_cp: Activation checkpointing: keep only the inputs of the blocks and recompute the rest in the
            backward pass.
        init_cfg: MMEngine's initialization config.

    Attributes:
        input_mean: Mean that the data preprocessor has to subtract from each of the RGB channels.
        input_std: Standard deviation that it has to divide by.
        out_channels: Channels of the returned maps.
        block_channels: Channels of each block's output.

    Raises:
        ValueError: A stage is out of range.
    """

    input_mean: tuple[float, float, float]
    input_std: tuple[float, float, float]

    def __init__(
        self,
        stem: int,
        sequences: Sequence[Blocks],
        out_indices: Sequence[int] = (3,),
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        name = type(self).__name__
        if list(out_indices) != sorted(set(out_indices) & set(range(4))) or not out_indices:
            raise ValueError(f'{name}: out_indices must ascend within 0 to 3, got {tuple(out_indices)}.')
        if not -1 <= frozen_stages <= 4:
            raise ValueError(f'{name}: frozen_stages must be from -1 to 4, got {frozen_stages}.')
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.with_cp = with_cp
        self.stem = SameConv2d(3, stem, stride=2)
        self.blocks = nn.ModuleList()
        starts, channels = [], [stem]  # first blocks at a new stride; channels before each block
        for sequence in sequences:
            for i in range(sequence.times):
                stride = sequence.stride if i == 0 else 1
                if stride == 2:
                    starts.append(len(self.blocks))
                ratio = 6 if len(self.blocks) else 1
                self.blocks.append(
                    InvertedResidual(channels[-1], sequence.channels, stride, ratio, sequence.kernel_size)
                )
                channels.append(sequence.channels)
        self.block_channels = channels[1:]
        self.last = nn.Conv2d(channels[-1], LAST_CHANNELS, 1)
        self._ends = [*starts[1:], len(self.blocks)]  # of the stages 1 to 4
        widths = [*(channels[end] for end in self._ends[:3]), LAST_CHANNELS]
        self.out_channels = [widths[i] for i in self.out_indices]
        self._freeze()

    def _freeze(self) -> None:
        """Fix the weights of the frozen stages, which is all: nothing in them depends on the mode."""
        if self.frozen_stages >= 0:
            self.stem.requires_grad_(False)
        if self.frozen_stages >= 1:
            self.blocks[: self._ends[self.frozen_stages - 1]].requires_grad_(False)
        if self.frozen_stages == 4:
            self.last.requires_grad_(False)

    def stages(self) -> list[Stage]:
        """Return the four stages; the first one has the stem, and the fourth the last convolution.

        Returns:
            list[Stage]: From one map to one map, (B, C, H/s, W/s), s = 4, 8, 16, 32; the first one takes
                images.
        """
        return [partial(self._run_stage, number) for number in range(len(self._ends))]

    def _run_stage(self, number: int, maps: Sequence[Tensor]) -> list[Tensor]:
        (x,) = maps
        x = self._run_stem(x) if number == 0 else x
        for i in range(self._ends[number - 1] if number else 0, self._ends[number]):
            x = self._run_block(i, x)
        return [F.relu6(self.last(x), inplace=True) if self._ends[number] == len(self.blocks) else x]

    def _run_stem(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        if height % STRIDE or width % STRIDE:
            raise ValueError(
                f'{type(self).__name__} needs images whose sides are multiples of {STRIDE}, got '
                f'{height}x{width} (height x width): change crop_size, or context_size, of the config.'
            )
        return F.relu6(self.stem(images), inplace=True)

    def _run_block(self, index: int, x: Tensor) -> Tensor:
        block = self.blocks[index]
        learns = self.training and (x.requires_grad or any(p.requires_grad for p in block.parameters()))
        return checkpoint(block, x, use_reentrant=False) if self.with_cp and learns else block(x)

    def collect(self, images: Tensor, blocks: Collection[int]) -> tuple[dict[int, Tensor], Tensor]:
        """Run all layers and keep the outputs of some blocks.

        Args:
            images: (B, 3, H, W), normalized RGB, H and W multiples of 32.
            blocks: Which of the blocks, counted from 0.

        Returns:
            dict[int, Tensor]: Outputs of these blocks, finest first.
            Tensor: The last map (B, 1280, H/32, W/32).

        Raises:
            ValueError: A side is no multiple of 32.
        """
        x = self._run_stem(images)
        kept = {}
        for i in range(len(self.blocks)):
            x = self._run_block(i, x)
            if i in blocks:
                kept[i] = x
        return kept, F.relu6(self.last(x), inplace=True)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps of the stages ``out_indices``.

        Args:
            images: (B, 3, H, W), normalized RGB, H and W multiples of 32.

        Returns:
            tuple[Tensor, ...]: (B, C, H/s, W/s), s = 4, 8, 16, 32, finest first.

        Raises:
            ValueError: A side is no multiple of 32.
        """
        kept, last = self.collect(images, [end - 1 for end in self._ends[:3]])
        maps = (*kept.values(), last)
        return tuple(maps[i] for i in self.out_indices)
