"""A neck that keeps where in the crop things are."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from mmroi.geometry.precision import without_autocast
from mmroi.models.necks.base_neck import BaseNeck
from mmroi.registry import MODELS

GRID = (4, 3)  # rows and columns of cells, of 2 x 2 pixels in the map at stride 32 of a 256 x 192 crop


@MODELS.register_module()
class GridNeck(BaseNeck):
    """Turns the last map into one vector, cell by cell: a global average forgets where a limb was seen.

    Average over a grid → 1x1 convolution → ReLU → flatten → LayerNorm → Linear → ReLU → dropout. For frozen
    encoders this is also the non-linearity, since HMR's regressor has none. Computed in float32 under
    autocast.

    Args:
        in_channels: Channels of the maps, finest first; only the last map is used.
        grid: Rows and columns of cells.
        channels: Channels of a cell.
        out_channels: Width of the vector.
        dropout: Probability.
        init_cfg: MMEngine's initialization config.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (1280,),
        grid: Sequence[int] = GRID,
        channels: int = 64,
        out_channels: int = 512,
        dropout: float = 0.2,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(in_channels, init_cfg)
        rows, columns = grid
        self.grid = (rows, columns)
        self.cells = nn.Conv2d(self.in_channels[-1], channels, 1)
        self.norm = nn.LayerNorm(channels * rows * columns)
        self.fc = nn.Linear(channels * rows * columns, out_channels)
        self.dropout = nn.Dropout(dropout)

    def reduce(self, maps: Sequence[Tensor]) -> tuple[Tensor]:
        """Average the last map over the cells of the grid.

        Args:
            maps: (B, C_i, h_i, w_i), finest first.

        Returns:
            tuple[Tensor]: One map (B, C, rows, columns), float32.
        """
        cells = maps[-1].float()
        if cells.shape[-2:] == self.grid:  # pooling is slow even if it changes nothing
            return (cells,)
        return (F.adaptive_avg_pool2d(cells, self.grid),)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Compute the vector.

        Args:
            maps: (B, C_i, h_i, w_i), finest first, or what :meth:`reduce` returns.

        Returns:
            list[Tensor]: One map (B, out_channels, 1, 1), float32.

        Raises:
            ValueError: The maps are not those of ``in_channels``.
        """
        (cells,) = self.reduce(maps)
        if cells.shape[1] != self.in_channels[-1]:
            self.check_maps(maps)
        return [self._embed(cells)[..., None, None]]

    @without_autocast
    def _embed(self, cells: Tensor) -> Tensor:
        vector = self.norm(F.relu(self.cells(cells)).flatten(1))
        return self.dropout(F.relu(self.fc(vector)))
