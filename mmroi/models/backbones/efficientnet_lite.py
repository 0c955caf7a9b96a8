"""EfficientNet-Lite0, which learned ImageNet's classes: a control for encoders that learned 2D poses."""

from collections.abc import Sequence
from typing import Any

from mmroi.models.backbones.inverted_residuals import Blocks, InvertedResidualBackbone
from mmroi.registry import MODELS

_LITE0 = (
    Blocks(16, 1, stride=1),
    Blocks(24, 2, stride=2),
    Blocks(40, 2, stride=2, kernel_size=5),
    Blocks(80, 3, stride=2),
    Blocks(112, 3, stride=1, kernel_size=5),
    Blocks(192, 4, stride=2, kernel_size=5),
    Blocks(320, 1, stride=1),
)


@MODELS.register_module()
class EfficientNetLite0(InvertedResidualBackbone):
    """EfficientNet-Lite0 (Google, 2020; 3.4 M parameters) up to its last map.

    Weights: ``tools/model_converters/convert_efficientnet_lite.py``, see ``docs/pretrained.md``.

    Args:
        out_indices: See :class:`InvertedResidualBackbone`.
        frozen_stages: See :class:`InvertedResidualBackbone`.
        with_cp: See :class:`InvertedResidualBackbone`.
        init_cfg: MMEngine's initialization config.

    Raises:
        ValueError: A stage is out of range.
    """

    input_mean = (127.0, 127.0, 127.0)
    input_std = (128.0, 128.0, 128.0)

    def __init__(
        self,
        out_indices: Sequence[int] = (3,),
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(32, _LITE0, out_indices, frozen_stages, with_cp, init_cfg)
