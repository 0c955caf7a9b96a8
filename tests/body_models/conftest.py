from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmroi.body_models import SMPL
from mmroi.body_models.body_files import OPEN_BODY, load_body_file


@pytest.fixture(scope='session')
def arrays() -> dict[str, np.ndarray]:
    return load_body_file(OPEN_BODY)


@pytest.fixture(scope='session')
def smpl() -> SMPL:
    return SMPL()


@pytest.fixture
def smpl_folder(tmp_path: Path, write_smpl: Callable[..., Path]) -> Path:
    """A folder as a user of official SMPL has it, without the male body."""
    return write_smpl(tmp_path / 'smpl', ('NEUTRAL', 'FEMALE'))
