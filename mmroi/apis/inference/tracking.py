"""Tracking of people over frames."""

import numpy as np
from scipy.optimize import linear_sum_assignment

_MEMORY = 0.5  # share of the old speed in the new one
_BRAKE = 0.8  # share of its speed that a box without a detection keeps from frame to frame


class IoUTracker:
    """Assigns identities to boxes by their overlap with where the boxes of previous frames have moved.

    The boxes of a frame are matched jointly: the sum of overlaps (intersection over union) is maximal. Each
    box is expected to keep the speed of its center, so people who walk past each other keep their identities.
    While a person is not detected, the box slows down. Boxes that nothing moves to are then matched with
    those that stopped where they were last detected. People who turn around while they hide each other can
    swap. Use one tracker per video.

    Args:
        iou_thr: Minimum overlap of a match; a box without a match gets a new identity.
        max_age: Number of frames for which an identity without detections is kept.
    """

    def __init__(self, iou_thr: float = 0.3, max_age: int = 30) -> None:
        self._iou_thr, self._max_age = iou_thr, max_age
        self._next = 0
        self._ids = np.zeros(0, int)
        self._boxes = np.zeros((0, 4))  # as last detected
        self._moved = np.zeros((0, 4))  # where they are by now, as far as their speed tells
        self._speeds = np.zeros((0, 2))  # of the centers, pixels per frame
        self._ages = np.zeros(0, int)

    def update(self, bboxes: np.ndarray) -> np.ndarray:
        """Assign identities to the boxes of the next frame.

        Args:
            bboxes: (P, 4) corners x1, y1, x2, y2 in pixels.

        Returns:
            (P,) identities, int, numbered from 0 in order of appearance.
        """
        bboxes = np.asarray(bboxes, float).reshape(-1, 4)
        expected = self._moved + np.tile(self._speeds, 2)
        rows, tracks = match_boxes(bboxes, expected, self._iou_thr)
        free_rows = np.setdiff1d(np.arange(len(bboxes)), rows)
        free_tracks = np.setdiff1d(np.arange(len(expected)), tracks)
        more = match_boxes(bboxes[free_rows], self._boxes[free_tracks], self._iou_thr)
        rows = np.concatenate([rows, free_rows[more[0]]])
        tracks = np.concatenate([tracks, free_tracks[more[1]]])
        ids = np.full(len(bboxes), -1)
        ids[rows] = self._ids[tracks]
        speeds = np.zeros((len(bboxes), 2))
        moved = bboxes[rows] - expected[tracks]
        speeds[rows] = self._speeds[tracks] + (1 - _MEMORY) * (moved[:, :2] + moved[:, 2:]) / 2
        new = ids < 0
        ids[new] = self._next + np.arange(new.sum())
        self._next += int(new.sum())

        self._ages += 1
        kept = ~np.isin(self._ids, ids) & (self._ages <= self._max_age)
        self._ids = np.concatenate([ids, self._ids[kept]])
        self._boxes = np.concatenate([bboxes, self._boxes[kept]])
        self._moved = np.concatenate([bboxes, expected[kept]])
        self._speeds = np.concatenate([speeds, _BRAKE * self._speeds[kept]])
        self._ages = np.concatenate([np.zeros(len(ids), int), self._ages[kept]])
        return ids


def match_boxes(first: np.ndarray, second: np.ndarray, iou_thr: float) -> tuple[np.ndarray, np.ndarray]:
    """Match boxes jointly: the sum of overlaps (intersection over union) is maximal.

    Args:
        first: (P, 4) corners x1, y1, x2, y2.
        second: (Q, 4) corners.
        iou_thr: Minimum overlap of a match.

    Returns:
        Indices of the matched boxes in ``first`` and in ``second``, both (N,).
    """
    overlaps = box_iou(first, second)
    rows, columns = linear_sum_assignment(np.where(overlaps >= iou_thr, overlaps, 0), maximize=True)
    good = overlaps[rows, columns] >= iou_thr
    return rows[good], columns[good]


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute the overlaps (intersection over union) of boxes.

    Args:
        first: (P, 4) corners x1, y1, x2, y2.
        second: (Q, 4) corners.

    Returns:
        (P, Q), between 0 and 1.
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clip(min=0).prod(axis=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=-1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1] - shared).clip(min=np.finfo(float).tiny)
