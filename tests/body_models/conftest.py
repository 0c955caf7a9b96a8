import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from mmroi.body_models import SMPL
from mmroi.body_models.body_files import OPEN_BODY, load_body_file


@pytest.fixture(scope='session')
def arrays() -> dict[str, np.ndarray]:
    return load_body_file(OPEN_BODY)


@pytest.fixture(scope='session')
def smpl() -> SMPL:
    return SMPL()


@pytest.fixture
def smpl_folder(tmp_path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """A folder as a user of official SMPL has it, made of the open body."""
    folder = tmp_path / 'smpl'
    folder.mkdir()
    dense = ('v_template', 'shapedirs', 'posedirs', 'weights')
    model = {key: arrays[key].astype(np.float64) for key in dense}
    tree = arrays['kintree_table'].astype(np.int64)
    tree[0, 0] = 2 ** 32 - 1  # as in official files
    model |= {'J_regressor': sparse.csc_matrix(arrays['J_regressor'].astype(np.float64)),
              'f': arrays['f'].astype(np.uint32), 'kintree_table': tree.astype(np.uint32),
              'bs_type': 'lrotmin', 'bs_style': 'lbs'}
    for gender in ('NEUTRAL', 'FEMALE'):
        (folder / f'SMPL_{gender}.pkl').write_bytes(pickle.dumps(model, protocol=2))
        model['v_template'] = model['v_template'] * 0.95
    for key in ('J_regressor_h36m', 'J_regressor_extra'):
        np.save(folder / f'{key}.npy', arrays[key])
    return folder
