import pytest
import torch


@pytest.fixture
def rois():
    """Make features (2, M, 6), boxes and focal lengths."""

    def make(num_rois=3, seed=0):
        generator = torch.Generator().manual_seed(seed)
        h = torch.randn(2, num_rois, 6, generator=generator)
        center = 100 * torch.randn(2, num_rois, 2, generator=generator, dtype=torch.float64)
        size = 200 + 100 * torch.rand(2, num_rois, 1, generator=generator, dtype=torch.float64)
        return h, torch.cat([center, size], dim=-1), torch.tensor([500.0, 900.0], dtype=torch.float64)

    return make
