import numpy as np
import pytest

from mmroi.apis.inference.tracking import IoUTracker, _iou


def box(x: float, y: float = 0) -> list[float]:
    return [x, y, x + 10, y + 20]


def test_identities_follow_moving_boxes_in_any_order() -> None:
    tracker = IoUTracker()
    assert tracker.update(np.array([box(0), box(100)])).tolist() == [0, 1]
    for step in range(1, 30):
        moved = [box(100 - 3 * step), box(3 * step), box(50, 100)]
        passed = 3 * step > 50  # who pass each other swap: nothing but boxes is known
        assert tracker.update(moved).tolist() == ([0, 1, 2] if passed else [1, 0, 2])


def test_new_lost_and_returned() -> None:
    tracker = IoUTracker(max_age=1)
    assert tracker.update([box(0)]).tolist() == [0]
    assert tracker.update([box(50), box(1)]).tolist() == [1, 0]
    nothing = tracker.update(np.zeros((0, 4)))
    assert nothing.shape == (0,) and nothing.dtype.kind == 'i'
    assert tracker.update([box(50)]).tolist() == [1]
    assert tracker.update([box(1)]).tolist() == [2]  # missing for more than one frame
    assert tracker.update([box(50), box(1)]).tolist() == [1, 2]


def test_the_best_pairs_of_all_boxes_together() -> None:
    tracker = IoUTracker(iou_thr=0.1)
    tracker.update([box(0), box(5)])
    # By itself the first would take identity 1, for which the second has no other
    assert tracker.update([box(4), box(9)]).tolist() == [0, 1]


def test_a_small_overlap_is_another_person() -> None:
    tracker = IoUTracker(iou_thr=0.5)
    tracker.update([box(0)])
    assert tracker.update([box(5)]).tolist() == [1]  # 1 / 3
    assert tracker.update([box(6)]).tolist() == [1]  # 9 / 11


def test_overlaps_by_hand() -> None:
    first, second = (
        np.array([[0.0, 0, 10, 10]]),
        np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]]),
    )
    assert _iou(first, second).tolist() == [[1, pytest.approx(1 / 3), 0]]
