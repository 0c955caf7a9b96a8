from collections.abc import Callable

import numpy as np
import pytest

from mmroi.datasets.keypoint_column import KeypointColumn
from mmroi.datasets.row_checks import find_faults
from mmroi.fileio import HumanData
from mmroi.structures import CONVENTIONS, convert_keypoints, get_convention


def _file(convention: str, num: int = 3, **more: object) -> HumanData:
    joints = len(get_convention(convention))
    keypoints = np.random.default_rng(0).uniform(0.1, 1, (num, joints, 3))
    return HumanData(
        dict(image_path=['a'] * num, keypoints2d=keypoints, keypoints2d_convention=convention, **more)
    )


@pytest.mark.parametrize('convention', [name for name in CONVENTIONS if name != 'openpose_25'])
@pytest.mark.parametrize('compressed', [False, True])
def test_rows_equal_the_conversion_of_the_padded_file(convention: str, compressed: bool) -> None:
    joints = len(get_convention(convention))
    mask = np.arange(joints) % 3 > 0
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
    assert column.values is None


def test_joints_without_confidence_are_zero_and_may_be_nan() -> None:
    file = _file('smpl_54')
    file['keypoints2d'][0, 3] = np.nan, 5, 0
    file['keypoints2d'][1, 3] = np.nan, 5, 1
    file['keypoints2d'][2, 3] = 1, 5, np.nan
    column = KeypointColumn(file, 'keypoints2d', 3)
    np.testing.assert_array_equal(column.row(0)[3], 0)
    faults = find_faults(dict(bbox_xywh=np.ones((3, 4)), keypoints2d=column.stored(np.arange(3))))
    np.testing.assert_array_equal(faults > 0, (False, True, True))


def test_flags_and_peaks_count_as_one() -> None:
    file = _file('smpl_54')
    for joint, confidence in enumerate((0, 1, 2, 255, 1.1, -1, 0.5)):
        file['keypoints2d'][1, joint, 2] = confidence
    column = KeypointColumn(file, 'keypoints2d', 3)
    expected = np.float32((0, 1, 1, 1, 1, 0, 0.5))
    np.testing.assert_array_equal(column.row(1)[:7, 2], expected)
    np.testing.assert_array_equal(column.confidences(np.array([1]))[0, :7], expected)


@pytest.mark.parametrize('compressed', [False, True])
@pytest.mark.parametrize(('dtype', 'true'), [(np.uint8, 255), (bool, True), (np.float64, 1.0)])
def test_masks_of_any_kind(compressed: bool, dtype: type, true: float) -> None:
    mask = np.arange(17) % 3 > 0
    file = _file('coco', keypoints2d_mask=np.where(mask, true, 0).astype(dtype))
    expected, _ = convert_keypoints(file['keypoints2d'] * mask[:, None], 'coco', 'smpl_54')
    if compressed:
        file.compress_keypoints_by_mask()
        np.testing.assert_array_equal(file['keypoints2d'].any((0, 2)), mask)
    np.testing.assert_allclose(KeypointColumn(file, 'keypoints2d', 3).row(2), expected[2], rtol=1e-6)


@pytest.mark.parametrize('mask', [np.full(17, 2), np.full(17, np.nan), np.full((3, 17), 1), ['a'] * 17])
def test_other_masks_are_refused(mask: object) -> None:
    with pytest.raises(ValueError, match="HumanData: 'keypoints2d_mask' must be 0 or 1 for each joint"):
        KeypointColumn(_file('coco', keypoints2d_mask=mask), 'keypoints2d', 3)


def test_wrong_convention_is_named() -> None:
    file = _file('coco')
    file['keypoints2d_convention'] = 'smpl_54'
    with pytest.raises(
        ValueError,
        match="'keypoints2d' has 17 joints and a mask of 54, expected 54 and 54 of convention "
        "'smpl_54'. Correct 'keypoints2d_convention'",
    ):
        KeypointColumn(file, 'keypoints2d', 3)
    file['keypoints2d_convention'] = 'coco_133'
    with pytest.raises(ValueError, match="HumanData: 'keypoints2d_convention' is 'coco_133', known are smpl"):
        KeypointColumn(file, 'keypoints2d', 3)
    del file['keypoints2d_convention']
    with pytest.raises(KeyError, match='keypoints2d_convention'):
        KeypointColumn(file, 'keypoints2d', 3)


@pytest.mark.parametrize('key, dim', [('keypoints2d', 3), ('keypoints3d', 4)])
@pytest.mark.parametrize('source', ['h36m', 'mpi_inf_3dhp', 'mpi_inf_3dhp_test', 'smpl_49'])
def test_files_of_mmhuman3d_have_each_joint_where_the_body_model_has_it(
    source: str, key: str, dim: int, import_mmhuman3d: Callable
) -> None:
    """Such files hold their source's joints in the human_data convention, which old ones do not even say."""
    mapping = import_mmhuman3d('core.conventions.keypoints_mapping')
    raw = np.random.default_rng(0).uniform(0.1, 1, (2, len(get_convention(source)), dim))
    values, mask = mapping.convert_kps(raw, source, 'human_data')
    file = HumanData({'image_path': ['a', 'b'], key: values, f'{key}_mask': mask})
    file.compress_keypoints_by_mask()
    expected, _ = convert_keypoints(raw, source, 'smpl_54')
    column = KeypointColumn(file, key, dim)
    np.testing.assert_allclose([column.row(0), column.row(1)], expected, rtol=1e-6)


JAW, HEAD, TOP = (get_convention('smpl_54').index(name) for name in ('jaw_extra', 'head_extra', 'headtop'))


@pytest.mark.parametrize(
    'convention, jaw, head', [('h36m', 9, 10), ('mpi_inf_3dhp', 6, 7), ('mpi_inf_3dhp_test', 16, 0)]
)
@pytest.mark.parametrize('names', ['own', 'mmhuman3d', 'mmhuman3d compressed'])
def test_points_of_the_head(
    convention: str, jaw: int, head: int, names: str, import_mmhuman3d: Callable
) -> None:
    """By hand: which joint of the data set is which point, whatever the file calls it."""
    raw = np.random.default_rng(1).uniform(0.1, 1, (1, len(get_convention(convention)), 3))
    if names == 'own':
        file = HumanData(dict(image_path=['a'], keypoints2d=raw, keypoints2d_convention=convention))
    else:
        mapping = import_mmhuman3d('core.conventions.keypoints_mapping')
        values, mask = mapping.convert_kps(raw, convention, 'human_data')
        file = HumanData(
            dict(
                image_path=['a'],
                keypoints2d=values,
                keypoints2d_mask=mask,
                keypoints2d_convention='human_data',
            )
        )
        if names.endswith('compressed'):
            file.compress_keypoints_by_mask()
    row = KeypointColumn(file, 'keypoints2d', 3).row(0)
    np.testing.assert_allclose(row[JAW], raw[0, jaw], rtol=1e-6)
    np.testing.assert_allclose(row[HEAD], raw[0, head], rtol=1e-6)
    np.testing.assert_array_equal(row[TOP], 0)


@pytest.mark.parametrize('names', [('head_extra', 'headtop'), ('jaw_extra', 'headtop'), ('head_extra',)])
def test_other_files_have_the_points_that_they_name(names: tuple[str, ...]) -> None:
    """Only MMHuman3D's files of the two data sets, told by their joints, name these points otherwise."""
    mask = np.zeros(190, np.uint8)
    chosen = [get_convention('human_data').index(name) for name in ('left_knee', 'right_knee', *names)]
    mask[chosen] = 1
    values = np.random.default_rng(3).uniform(0.1, 1, (1, 190, 3)) * mask[:, None]
    file = HumanData(
        dict(image_path=['a'], keypoints2d=values, keypoints2d_mask=mask, keypoints2d_convention='human_data')
    )
    row = KeypointColumn(file, 'keypoints2d', 3).row(0)
    for name, index in zip(names, chosen[2:], strict=True):
        np.testing.assert_allclose(row[get_convention('smpl_54').index(name)], values[0, index], rtol=1e-6)
    assert (row[:, 2] > 0).sum() == len(chosen)


@pytest.mark.parametrize('convention', ['mpii', 'lsp', 'smpl_24', 'smpl_49'])
def test_top_of_the_head_stays(convention: str, import_mmhuman3d: Callable) -> None:
    raw = np.random.default_rng(2).uniform(0.1, 1, (1, len(get_convention(convention)), 3))
    mapping = import_mmhuman3d('core.conventions.keypoints_mapping')
    values, mask = mapping.convert_kps(raw, convention, 'human_data')
    file = HumanData(dict(image_path=['a'], keypoints2d=values, keypoints2d_mask=mask))
    row = KeypointColumn(file, 'keypoints2d', 3).row(0)
    np.testing.assert_allclose(row[TOP], raw[0, get_convention(convention).index('headtop')], rtol=1e-6)
