import numpy as np
import pytest

from mmroi.datasets.units import body_sizes, too_far, too_large, too_twisted


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
