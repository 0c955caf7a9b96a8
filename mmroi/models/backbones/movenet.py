"""MoveNet's encoder, a MobileNetV2 that learned 2D poses of real people."""

from collections.abc import Sequence
from typing import Any

from mmroi.models.backbones.inverted_residuals import Blocks, InvertedResidualBackbone
from mmroi.registry import MODELS

VARIANTS = dict(thunder=1.75, lightning=1.0, multipose=1.5)
"""Width of each variant: channels as a multiple of MobileNetV2's."""
_MOBILENET_V2 = (
    Blocks(16, 1, stride=1),
    Blocks(24, 2, stride=2),
    Blocks(32, 3, stride=2),
    Blocks(64, 4, stride=2),
    Blocks(96, 3, stride=1),
    Blocks(160, 3, stride=2),
    Blocks(320, 1, stride=1),
)


@MODELS.register_module()
class MoveNetBackbone(InvertedResidualBackbone):
    """The encoder of MoveNet (Google, 2021): MobileNetV2 from stride 2 to stride 32.

    Weights: ``init_cfg=dict(type='Pretrained', checkpoint='checkpoints/movenet_thunder.safetensors')``, see
    ``docs/pretrained.md``; the pyramid and the heads in these files are left out. Images lie in [-1, 1].

    Args:
        variant: ``'thunder'`` (6.1 M parameters), ``'lightning'`` (2.2 M) or ``'multipose'`` (4.6 M).
        out_indices: See :class:`InvertedResidualBackbone`.
        frozen_stages: See :class:`InvertedResidualBackbone`.
        with_cp: See :class:`InvertedResidualBackbone`.
        init_cfg: MMEngine's initialization config.

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
        if variant not in tuple(VARIANTS):  # a list is no key
            name = type(self).__name__
            raise ValueError(f'{name}: variant must be one of {", ".join(VARIANTS)}, got {variant!r}.')
        width = VARIANTS[variant]
        sequences = [blocks._replace(channels=_scale(blocks.channels, width)) for blocks in _MOBILENET_V2]
        super().__init__(_scale(32, width), sequences, out_indices, frozen_stages, with_cp, init_cfg)
        self.variant = variant


def _scale(channels: int, width: float) -> int:
    """Multiply channels, and round to a multiple of 8."""
    return max(8, int(channels * width + 4) // 8 * 8)
