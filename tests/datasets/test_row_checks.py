import time

import numpy as np
import pytest

from mmroi.datasets.row_checks import (
    REASONS,
    body_sizes,
    fault_code,
    fault_reason,
    find_duplicates,
    find_faults,
    find_wrong_units,
    too_far,
    too_large,
    too_twisted,
)


@pytest.fixture
def keypoints() -> np.ndarray:
    """Two joints of two people: 3, 4 and 12 apart along the axes; the same point."""
    return np.array([[(0, 0, 0, 1), (3, 4, 12, 0.5)], [(7, 7, 7, 1), (7, 7, 7, 1)]], np.float32)


def test_size_is_the_diagonal_of_the_box_around_known_joints(keypoints: np.ndarray) -> None:
    np.testing.assert_allclose(body_sizes(keypoints), (13, 0))
    keypoints[0, 1, 3] = 0
    keypoints[0, 1, :3] = np.nan
    np.testing.assert_array_equal(body_sizes(keypoints), (0, 0))
    keypoints[..., 3] = 0
    np.testing.assert_array_equal(body_sizes(keypoints), (0, 0))
    assert body_sizes(keypoints[:0]).shape == (0,)
    np.testing.assert_array_equal(body_sizes(keypoints[:, :0]), (0, 0))


def test_size_does_not_depend_on_the_place(keypoints: np.ndarray) -> None:
    np.testing.assert_allclose(body_sizes(keypoints + np.float32((5, -3, 100, 0))), (13, 0), rtol=1e-5)


def test_limits(keypoints: np.ndarray) -> None:
    np.testing.assert_array_equal(too_large(keypoints), (True, False))
    np.testing.assert_array_equal(too_large(keypoints * 0.3), (False, False))
    np.testing.assert_array_equal(too_far(np.array([(0.0, 0.0, 5.0), (0.0, 300.0, 5.0)])), (False, True))
    turns = np.zeros((3, 23, 3))
    turns[1, 4, 0], turns[2, 22] = -12.5, 7.5
    np.testing.assert_array_equal(too_twisted(turns), (False, False, True))  # 4 pi = 12.57
    np.testing.assert_array_equal(too_twisted(turns[:, 4] * 2), (False, True, False))
    assert too_twisted(turns[:0]).shape == too_twisted(turns[:0, 0]).shape == (0,)


def good_rows(num: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return dict(
        bbox_xywh=rng.uniform(1, 100, (num, 4)),
        keypoints2d=rng.uniform((1, 1, 0), (100, 100, 1), (num, 17, 3)),
        keypoints3d=rng.uniform(0.1, 1, (num, 17, 4)),
        global_orient=rng.normal(size=(num, 3)),
        body_pose=rng.normal(size=(num, 23, 3)),
        betas=rng.normal(size=(num, 10)),
        transl=rng.normal(size=(num, 3)),
        has_smpl=np.ones(num, bool),
        focal_length=rng.uniform(100, 200, (num, 2)),
        principal_point=rng.uniform(100, 200, (num, 2)),
    )


FAULTS = [
    ('keypoints3d', (0, slice(3)), 1000.0, 'body larger than 4 m'),
    ('transl', 2, 301.0, 'person farther than 300 m'),
    ('global_orient', 0, 13.0, 'rotation beyond 4 pi'),
    ('body_pose', (22, 1), -13.0, 'rotation beyond 4 pi'),
    ('betas', 3, -15.5, 'betas beyond 15'),
    ('keypoints2d', (3, 2), 100.0, 'confidence beyond 1'),
    ('keypoints3d', (3, 3), 3.0, 'confidence beyond 1'),
    ('focal_length', 1, 0.0, 'focal length not positive'),
    ('focal_length', 1, 0.05, 'implausible focal length'),
    ('focal_length', 1, 2e6, 'implausible focal length'),
    ('principal_point', 0, -1e5, 'implausible principal point'),
    ('principal_point', slice(2), 0.5, 'implausible principal point'),
    ('betas', 9, 1e39, 'NaN labels'),
    ('focal_length', 1, np.nan, 'NaN labels'),
    ('principal_point', 0, np.inf, 'NaN labels'),
    ('keypoints2d', (3, 0), np.nan, 'NaN labels'),
    ('keypoints3d', (3, 3), np.nan, 'NaN labels'),
    ('betas', 9, np.nan, 'NaN labels'),
    ('bbox_xywh', slice(2, 4), 0.8, 'box within a pixel'),
    ('bbox_xywh', 3, 0.0, 'zero-area box'),
    ('bbox_xywh', 0, np.nan, 'NaN box'),
]


@pytest.mark.parametrize(('key', 'where', 'value', 'reason'), FAULTS)
def test_each_fault_is_found_in_its_row(key: str, where: object, value: float, reason: str) -> None:
    rows = good_rows()
    assert not find_faults(rows).any()
    rows[key][2][where] = value
    np.testing.assert_array_equal(find_faults(rows), (0, 0, fault_code(reason), 0))
    assert fault_reason(fault_code(reason)) == reason
    # of several faults the most basic one is reported
    rows['bbox_xywh'][2] = np.nan
    assert fault_reason(find_faults(rows)[2]) == 'NaN box'


def test_what_a_row_does_not_have_may_hold_anything() -> None:
    rows = good_rows()
    rows['has_smpl'][1] = False
    for key in ('global_orient', 'body_pose', 'betas', 'transl'):
        rows[key][1] = np.nan
    for key in ('keypoints2d', 'keypoints3d'):
        rows[key][1, 5] = np.nan
        rows[key][1, 5, -1] = 0
    assert not find_faults(rows).any()


@pytest.mark.parametrize('value', [0.0, 0.5, 1.0, 1.2, 2.0, 255.0, -1.0])
def test_confidences_and_flags(value: float) -> None:
    rows = good_rows()
    rows['keypoints2d'][1, 4, 2] = rows['keypoints3d'][2, 5, 3] = value
    assert not find_faults(rows).any()


def test_one_coordinate_of_the_principal_point_may_be_small() -> None:
    rows = good_rows()
    rows['principal_point'][1, 0] = 0
    assert not find_faults(rows).any()


def test_only_boxes_are_required_and_rows_may_be_none() -> None:
    rows = good_rows()
    assert not find_faults(dict(bbox_xywh=rows['bbox_xywh'])).any()
    assert find_faults({key: values[:0] for key, values in rows.items()}).shape == (0,)


def test_wrong_units_are_those_of_most_rows() -> None:
    far, twisted = fault_code('person farther than 300 m'), fault_code('rotation beyond 4 pi')
    assert find_wrong_units(np.array((far, far, 0, 0))) is None
    assert find_wrong_units(np.full(3, fault_code('NaN box'))) is None
    reason, rows = find_wrong_units(np.array((0, twisted, twisted)))
    assert reason == 'rotation beyond 4 pi' and rows.tolist() == [1, 2]


def test_duplicates_repeat_image_and_box() -> None:
    boxes = np.array([(1.0, 2, 3, 4), (1, 2, 3, 5), (1, 2, 3, 4), (1, 2, 3, 4)])
    asked = []

    def image_of(row: int) -> str:
        asked.append(row)
        return 'other' if row == 2 else 'same'

    np.testing.assert_array_equal(find_duplicates(boxes, image_of), (False, False, False, True))
    assert asked == [0, 2, 3]


def test_duplicates_among_round_numbers() -> None:
    """Boxes of whole pixels, whose numbers have the same low bits, beside a search row by row."""
    rng = np.random.default_rng(0)
    boxes = rng.integers(0, 4, (500, 4)).astype(float)
    images = rng.integers(0, 3, 500)
    seen: set = set()
    expected = []
    for image, box in zip(images.tolist(), boxes.tolist(), strict=True):
        expected.append((image, *box) in seen)
        seen.add((image, *box))
    assert 0 < sum(expected) < 500
    for dtype in (np.float64, np.float32, np.int64):
        found = find_duplicates(boxes.astype(dtype), lambda i: str(images[i]))
        np.testing.assert_array_equal(found, expected)


def test_reasons_fit_into_a_byte() -> None:
    assert len(REASONS) == len(set(REASONS)) < 255


def test_large_files_are_checked_quickly() -> None:
    rows = {key: np.repeat(values, 25_000, axis=0) for key, values in good_rows().items()}
    start = time.process_time()
    assert not find_faults(rows).any()
    assert time.process_time() - start < 3  # 100,000 rows; 0.3 s where nothing else runs
