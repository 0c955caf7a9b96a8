import numpy as np
import pytest

from mmroi.apis.inference.tracking import IoUTracker, box_iou


def box(x: float, y: float = 0) -> list[float]:
    return [x, y, x + 10, y + 20]


def test_identities_follow_moving_boxes_in_any_order() -> None:
    """Two of them walk past each other."""
    tracker = IoUTracker()
    assert tracker.update(np.array([box(0), box(100)])).tolist() == [0, 1]
    for step in range(1, 30):
        moved = [box(100 - 3 * step), box(3 * step), box(50, 100)]
        assert tracker.update(moved).tolist() == [1, 0, 2]


def test_who_is_hidden_while_passing_keeps_the_identity() -> None:
    tracker = IoUTracker()
    tracker.update([box(0), box(60)])
    for step in range(1, 25):
        moved = [box(3 * step), box(60 - 3 * step)]
        hidden = abs(60 - 6 * step) < 9  # three frames: the detector finds one of the two
        found = tracker.update(moved[:1] if hidden else moved).tolist()
        assert found == ([0] if hidden else [0, 1])


def test_jitter_and_a_stop_lose_nobody() -> None:
    rng = np.random.default_rng(0)
    tracker = IoUTracker()
    for step in range(60):
        place = 2 * min(step, 30)  # stops, and is not detected for the next two frames
        boxes = [box(place) + rng.normal(0, 0.5, 4)]
        found = tracker.update(np.zeros((0, 4)) if step in (31, 32) else boxes)
        assert found.tolist() == ([] if step in (31, 32) else [0])


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
    assert box_iou(first, second).tolist() == [[1, pytest.approx(1 / 3), 0]]
