"""MMHuman3D's backbones; names of tensors are its own."""

from typing import Any

from torch import Tensor

from mmroi.compat import mmhuman3d
from mmroi.registry import MODELS

_resnet, _hrnet = mmhuman3d.load('models.backbones.resnet', 'models.backbones.hrnet')
_PoseHighResolutionNet: Any = _hrnet.PoseHighResolutionNet

MODELS.register_module(name='MMHuman3DResNet', module=_resnet.ResNet)


@MODELS.register_module(name='MMHuman3DHRNet')
class PoseHighResolutionNet(_PoseHighResolutionNet):
    """HRNet that resizes its branches to one resolution and returns one map, as PARE needs.

    Args:
        extra: MMHuman3D's config of the stages, ``downsample`` and ``use_conv``. ``return_list``, which its
            published configs omit although its code reads it, is False by default: branches are joined.
        **options: Further arguments of MMHuman3D's class.
    """

    def __init__(self, extra: dict[str, Any], **options: Any) -> None:
        super().__init__(dict(return_list=False, final_conv_kernel=1) | dict(extra), **options)
        self.final_layer.requires_grad_(False)  # for the heatmaps of its pre-training; no gradient reaches it

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute feature maps.

        Args:
            x: Images (N, 3, H, W).

        Returns:
            tuple: One map (N, C, H/4, W/4), or all branches with ``return_list``.
        """
        maps = super().forward(x)
        return (maps,) if isinstance(maps, Tensor) else tuple(maps)
