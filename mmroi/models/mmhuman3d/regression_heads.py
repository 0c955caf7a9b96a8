"""MMHuman3D's heads that regress pose, shape and camera: HMR, CLIFF and PARE."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mmroi.compat import mmhuman3d
from mmroi.geometry.boxes import encode_box
from mmroi.geometry.precision import without_autocast
from mmroi.models.mmhuman3d.adapter import HeadAdapter, mean_parameters_file
from mmroi.registry import MODELS

_hmr, _cliff, _pare = mmhuman3d.load(
    'models.heads.hmr_head', 'models.heads.cliff_head', 'models.heads.pare_head'
)
_HMRHead: Any = _hmr.HMRHead
_CliffHead: Any = _cliff.CliffHead
_PareHead: Any = _pare.PareHead


@MODELS.register_module(name='MMHuman3DHMRHead')
class HMRHead(HeadAdapter, _HMRHead):
    """MMHuman3D's head of HMR (Kanazawa et al., CVPR 2018) and SPIN.

    Args:
        in_channels: Channels of the encoder's last map; MMHuman3D's ``feat_dim``.
        positive_scale: Keep the scale of the cameras positive.
        **options: Further arguments of MMHuman3D's class.
    """

    pools_maps = True

    def __init__(self, in_channels: int = 2048, positive_scale: bool = True, **options: Any) -> None:
        super().__init__(feat_dim=in_channels, **options)
        self.in_channels = in_channels
        self.positive_scale = positive_scale


@MODELS.register_module(name='MMHuman3DCliffHead')
class CliffHead(HeadAdapter, _CliffHead):
    """MMHuman3D's head of CLIFF (Li et al., ECCV 2022).

    Args:
        in_channels: Channels of the encoder's last map; MMHuman3D's ``feat_dim``.
        box_scale: Box size that the network was trained with, divided by the height of the crop: MMHuman3D's
            boxes and cameras refer to the width of 256x192 crops.
        positive_scale: Keep the scale of the cameras positive.
        **options: Further arguments of MMHuman3D's class.
    """

    pools_maps = True

    def __init__(
        self, in_channels: int = 2048, box_scale: float = 0.75, positive_scale: bool = True, **options: Any
    ) -> None:
        super().__init__(feat_dim=in_channels, **options)
        self.in_channels = in_channels
        self.box_scale = box_scale
        self.positive_scale = positive_scale

    @without_autocast
    def forward(
        self, u: Tensor, u_bar: Tensor, boxes: Tensor, focal_length: Tensor, maps: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        """Regress.

        Args:
            u: Unused.
            u_bar: Unused.
            boxes: (N, 1, 3) float64, pixels relative to the principal point.
            focal_length: (N,) float64, pixels.
            maps: The encoder's maps (N, C, h, w); the last is used.

        Returns:
            dict: ``rotations`` (N, 24, 3, 3), ``betas`` (N, 10), ``cameras`` (N, 1, 3).

        Raises:
            ValueError: There is more than one RoI.
        """
        features = self.last_map(maps, boxes)
        beside = encode_box(boxes * boxes.new_tensor([1.0, 1.0, self.box_scale]), focal_length)
        theirs = _CliffHead.forward(self, features, beside[:, 0].to(features.dtype))
        return self.as_ours(theirs, self.box_scale)


@MODELS.register_module(name='MMHuman3DPareHead')
class PareHead(HeadAdapter, _PareHead):
    """MMHuman3D's head of PARE (Kocabas et al., ICCV 2021): each body part attends to its own pixels.

    Args:
        in_channels: Channels of the encoder's last map; MMHuman3D's ``num_input_features``.
        positive_scale: Keep the scale of the cameras positive.
        **options: Further arguments of MMHuman3D's class.
    """

    def __init__(self, in_channels: int = 480, positive_scale: bool = True, **options: Any) -> None:
        super().__init__(num_input_features=in_channels, smpl_mean_params=mean_parameters_file(), **options)
        self.in_channels = in_channels
        self.positive_scale = positive_scale
