import numpy as np
import pytest
from scipy.spatial import cKDTree


@pytest.fixture(scope='session')
def mirror(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """(6890,) index of each vertex's mirror image."""
    template = arrays['v_template']
    return cKDTree(template).query(template * (-1.0, 1.0, 1.0))[1]
