from pathlib import Path

import numpy as np

from mmroi.body_models.body_files import load_body_file
from mmroi.body_models.open_body.build import save, standing_pose6d


def test_mean_pose_is_the_shipped_one(arrays: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(standing_pose6d().astype(np.float32), arrays['mean_pose6d'])


def test_saved_body_is_read_back(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    save(tmp_path / 'new' / 'body.npz', arrays)
    again = load_body_file(tmp_path / 'new' / 'body.npz')
    assert set(again) == set(arrays)
    for key, value in arrays.items():
        np.testing.assert_array_equal(again[key], value, err_msg=key)
