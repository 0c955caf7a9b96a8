import numpy as np
import pytest

from mmroi.datasets import HumanData
from mmroi.datasets.keypoint_column import KeypointColumn
from mmroi.structures import convert_keypoints, get_convention


def _file(convention: str, num: int = 3, **more: object) -> HumanData:
    joints = len(get_convention(convention))
    keypoints = np.random.default_rng(0).uniform(1, 2, (num, joints, 3))
    return HumanData(dict(image_path=['a'] * num, keypoints2d=keypoints, keypoints2d_convention=convention,
                          **more))


@pytest.mark.parametrize('convention', ['smpl_54', 'smpl', 'coco', 'h36m', 'human_data'])
@pytest.mark.parametrize('compressed', [False, True])
def test_rows_equal_the_conversion_of_the_padded_file(convention: str, compressed: bool) -> None:
    joints = len(get_convention(convention))
    mask = np.arange(joints) % 4 > 0
    file = _file(convention, keypoints2d_mask=mask.astype(np.uint8))
    expected, _ = convert_keypoints(file['keypoints2d'] * mask[:, None], convention, 'smpl_54')
    if compressed:
        file.compress_keypoints_by_mask()
    column = KeypointColumn(file, 'keypoints2d', 3)
    for row in range(3):
        np.testing.assert_allclose(column.row(row), expected[row], rtol=1e-6)


def test_file_without_keypoints_gives_zeros() -> None:
    column = KeypointColumn(HumanData(dict(image_path=['a'])), 'keypoints3d', 4)
    assert column.row(0).shape == (54, 4) and not column.row(0).any()
    assert not column.find_nan(np.arange(1)).any()


def test_joints_without_confidence_are_zero_and_may_be_nan() -> None:
    file = _file('smpl_54')
    file['keypoints2d'][0, 3] = np.nan, 5, 0
    file['keypoints2d'][1, 3] = np.nan, 5, 1
    file['keypoints2d'][2, 3] = 1, 5, np.nan
    column = KeypointColumn(file, 'keypoints2d', 3)
    np.testing.assert_array_equal(column.row(0)[3], 0)
    np.testing.assert_array_equal(column.find_nan(np.arange(3)), (False, True, True))


def test_wrong_convention_is_named() -> None:
    file = _file('coco')
    file['keypoints2d_convention'] = 'smpl_54'
    with pytest.raises(ValueError,
                       match="'keypoints2d' has 17 joints and a mask of 54, expected 54 and 54 of convention "
                       "'smpl_54'. Correct 'keypoints2d_convention'"):
        KeypointColumn(file, 'keypoints2d', 3)
    del file['keypoints2d_convention']
    with pytest.raises(KeyError, match='keypoints2d_convention'):
        KeypointColumn(file, 'keypoints2d', 3)
