import pytest


@pytest.fixture
def hrnet(hrnet_config):
    """Config of an HRNet with few channels and blocks."""
    return hrnet_config()
