"""Decoding of MoveNet's maps, by maps that are made by hand."""

import numpy as np
import pytest
import torch

from mmroi.apis.inference.pose_peaks import find_peaks, read_boxes_at, read_keypoints
from mmroi.structures import COCO_17

HEIGHT, WIDTH = 20, 30  # cells


@pytest.fixture
def maps():
    channels = dict(center=1, kpt_heatmap=17, kpt_regress=34, kpt_offset=34, box_scale=2, box_offset=2)
    empty = {name: torch.zeros(count, HEIGHT, WIDTH) for name, count in channels.items()}
    return dict(empty, center=empty['center'] - 9, kpt_heatmap=empty['kpt_heatmap'] - 9)


def test_peaks_are_local_maxima_best_first():
    center = torch.full((1, HEIGHT, WIDTH), -9.0)
    center[0, 3, 5], center[0, 3, 6] = 1.0, 0.5  # the second is beside a better one
    center[0, 3, 8] = 0.0
    center[0, 19, 29] = 2.0  # in a corner
    center[0, 10, 10] = -1.0  # score 0.27
    peaks, scores = find_peaks(center, 0.3)
    assert peaks.tolist() == [[29, 19], [5, 3], [8, 3]]  # x, y
    np.testing.assert_allclose(scores, 1 / (1 + np.exp([-2.0, -1.0, 0.0])), rtol=1e-6)
    assert len(find_peaks(center, 0.2)[0]) == 4 and find_peaks(center, 0.9)[0].shape == (0, 2)


def test_boxes(maps):
    maps['box_scale'][:, 3, 5] = torch.tensor([6.0, 2.0])  # y, x, cells
    maps['box_offset'][:, 3, 5] = torch.tensor([0.5, 0.25])
    maps['box_scale'][:, 9, 9] = torch.tensor([-1.0, 2.0])  # no size below 0
    boxes = read_boxes_at(maps, torch.tensor([[5, 3], [9, 9]]))
    # center (5.25, 3.5), size (2, 6): x 4.25 to 6.25, y 0.5 to 6.5, times 4 pixels
    assert boxes.tolist() == [[17, 2, 25, 26], [32, 36, 40, 36]]
    assert read_boxes_at(maps, torch.zeros(0, 2, dtype=torch.int64)).shape == (0, 4)


def test_keypoints_in_the_order_of_coco(maps):
    """Each keypoint has a cell of its own, one away from the guess."""
    for i in range(17):
        x, y = 8 + i % 5, 4 + i // 5
        maps['kpt_regress'][2 * i : 2 * i + 2, 6, 10] = torch.tensor([y - 6.0, x - 10.0 + 1])
        maps['kpt_heatmap'][i, y, x] = i / 10
        maps['kpt_offset'][2 * i : 2 * i + 2, y, x] = torch.tensor([0.25, 0.5])
    (found,) = read_keypoints(maps, torch.tensor([[10, 6]]))
    left_wrist = COCO_17.index('left_wrist')
    assert left_wrist == 9  # x 8 + 4, y 4 + 1
    np.testing.assert_allclose(found[left_wrist], [12.5 * 4, 5.25 * 4, 1 / (1 + np.exp(-0.9))], rtol=1e-6)
    expected = [((8 + i % 5 + 0.5) * 4, (4 + i // 5 + 0.25) * 4) for i in range(17)]
    np.testing.assert_allclose(found[:, :2], expected)
    assert read_keypoints(maps, torch.zeros(0, 2, dtype=torch.int64)).shape == (0, 17, 3)


@pytest.mark.parametrize(('far', 'chosen'), [(2.0, (12, 6)), (0.5, (10, 6))])
def test_a_keypoint_is_taken_by_score_and_distance(maps, far, chosen):
    """Two cells away a score counts 1.8 / 3.8 as much: .88 beats .18 at the guess, but .62 not .5."""
    maps['kpt_heatmap'][:, 6, 10] = -1.5 if far == 2 else 0.0
    maps['kpt_heatmap'][:, 6, 12] = far
    (found,) = read_keypoints(maps, torch.tensor([[10, 6]]))
    assert found[:, :2].tolist() == [[4 * chosen[0], 4 * chosen[1]]] * 17


def test_people_are_told_apart_by_their_guesses(maps):
    maps['kpt_heatmap'][:, 5, 4] = maps['kpt_heatmap'][:, 5, 22] = 1.0
    first, second = read_keypoints(maps, torch.tensor([[5, 6], [21, 6]]))
    assert (first[:, 0] == 16).all() and (second[:, 0] == 88).all()


@pytest.mark.parametrize('guess', [(-100.0, -100.0), (500.0, 500.0), (-100.0, 500.0)])
def test_guesses_outside_the_image_give_keypoints_in_it(maps, guess):
    maps['kpt_regress'][:] = torch.tensor(guess).repeat(17)[:, None, None]
    (found,) = read_keypoints(maps, torch.tensor([[10, 6]]))
    assert (
        torch.isfinite(found).all() and (found[:, 0] < 4 * WIDTH).all() and (found[:, 1] < 4 * HEIGHT).all()
    )
