"""Heatmaps of 2D keypoints: dense supervision for training the encoder from scratch."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmroi.geometry.precision import without_autocast
from mmroi.registry import MODELS


@MODELS.register_module()
class HeatmapHead(BaseModule):
    """Localizes each keypoint in each crop, like the head of SimpleBaseline (Xiao et al., ECCV 2018).

    The paper's encoders are pre-trained on 2D pose. An encoder that starts from random weights learns faster
    where the limbs are from heatmaps than through mesh and camera. This head is only used in training.

    Args:
        in_channels: Channels of the encoder's last map.
        num_keypoints: K.
        channels: Widths of the transposed convolutions, each of which doubles the resolution.
        init_cfg: MMEngine's initialization config.
    """

    def __init__(
        self,
        in_channels: int,
        num_keypoints: int = 54,
        channels: tuple[int, ...] = (128, 64),
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        layers: list[nn.Module] = []
        for width in channels:
            layers += [
                nn.ConvTranspose2d(in_channels, width, 4, 2, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            in_channels = width
        self.upsample = nn.Sequential(*layers)
        self.classify = nn.Conv2d(in_channels, num_keypoints, 1)

    def forward(self, feature_map: Tensor) -> Tensor:
        """Score the cells of each crop.

        Args:
            feature_map: (B, C, h, w).

        Returns:
            Tensor: Logits (B, K, H, W), float32; H = h·2^len(channels), W = w·2^len(channels).
        """
        return self._classify(self.upsample(feature_map))

    @without_autocast
    def _classify(self, features: Tensor) -> Tensor:
        return self.classify(features)
