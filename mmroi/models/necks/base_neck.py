"""What the necks share: their initialization and the check of their input."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor


class BaseNeck(BaseModule):
    """Base of the necks, which turn the backbone's feature maps into those that are pooled.

    Args:
        in_channels: Channels of the maps, finest first.
        init_cfg: MMEngine's initialization config; by default Kaiming's for the convolutions.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(
            init_cfg
            or [dict(type='Kaiming', layer='Conv2d'), dict(type='Constant', val=1, layer='BatchNorm2d')]
        )
        self.in_channels = tuple(in_channels)

    def reduce(self, maps: Sequence[Tensor]) -> Sequence[Tensor]:
        """Apply what precedes the first weight, which a cache of features stores; by default nothing.

        The result is determined by the maps, the class and the shapes of the result, and may be given to the
        neck instead of the maps.

        Args:
            maps: Feature maps (B, C_i, h_i, w_i).

        Returns:
            Sequence[Tensor]: Smaller maps.
        """
        return maps

    def check_maps(self, maps: Sequence[Tensor]) -> None:
        """Check that the maps are those that the neck was built for.

        Args:
            maps: Feature maps (B, C_i, h_i, w_i).

        Raises:
            ValueError: Another number of maps, or other channels.
        """
        given = tuple(feature.shape[1] for feature in maps)
        if given != self.in_channels:
            raise ValueError(
                f'{type(self).__name__}: in_channels is {self.in_channels}, but the backbone gives '
                f'{len(given)} maps of {given} channels; set in_channels to these.'
            )
