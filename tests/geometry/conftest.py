from collections.abc import Callable

import pytest
from torch import Tensor


@pytest.fixture
def transform_points() -> Callable[[Tensor, Tensor], Tensor]:
    """Apply 2D affine maps (..., 2, 3), such as crop matrices, to points (..., K, 2)."""

    def transform(points: Tensor, matrix: Tensor) -> Tensor:
        return points @ matrix[..., :2].mT + matrix[..., None, :, 2]

    return transform
