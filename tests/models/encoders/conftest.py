import pytest


@pytest.fixture
def hrnet():
    """Config of an HRNet with few channels and blocks."""
    stages = {
        f'stage{i}': dict(
            num_modules=1,
            num_branches=i,
            block='BASIC',
            num_blocks=(1,) * i,
            num_channels=tuple(4 * 2**b for b in range(i)),
        )
        for i in (2, 3, 4)
    }
    stem = dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(1,), num_channels=(8,))
    return dict(type='mmdet.HRNet', extra=dict(stage1=stem, **stages))
