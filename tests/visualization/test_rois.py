import numpy as np
import pytest

from mmroi.visualization import draw_rois

CENTER = (100.0, 80.0)
GREEN = (0, 255, 0)


def test_boxes_are_where_their_crops_are():
    """Center (-30, 10) and height 80 with aspect 3/4: columns 40 to 100, rows 50 to 130."""
    photo = np.zeros((160, 200, 3), np.uint8)
    boxes = np.array([[[-30.0, 10, 80]]])
    picture = draw_rois(photo, boxes, CENTER, colors=[GREEN])
    assert not photo.any()
    green = picture[..., 1] > 128
    for row, column in ((50, 80), (130, 80), (90, 40), (90, 100), (90, 70)):  # edges, and the center
        assert green[row, column]
    assert not green[:48].any() and not green[132:].any() and not green[:, :38].any()
    assert not green[:, 104:].any() and not green[100:128, 42:98].any()


def test_base_box_is_thicker():
    boxes = np.array([[[0.0, 0, 300], [0, 0, 200]]])
    picture = draw_rois(np.zeros((720, 720, 3), np.uint8), boxes, (360, 360), aspect=1, colors=[GREEN])
    green = picture[360, :355, 1] > 128
    assert green[200:220].sum() > green[250:270].sum() >= 1


def test_each_person_has_a_color_and_parts_outside_are_fine():
    boxes = np.array([[[-60.0, 0, 60]], [[60, 0, 60]], [[5000, 0, 9000]]])
    picture = draw_rois(
        np.zeros((160, 200, 3), np.uint8), boxes, CENTER, colors=[(255, 0, 0), (0, 0, 255), GREEN]
    )
    assert picture[:, :100, 0].max() == 255 and picture[:, :100, 2].max() < 60
    assert picture[:, 100:, 2].max() == 255 and picture[:, 100:, 0].max() < 60


def test_nobody_and_bad_input():
    photo = np.full((20, 30, 3), 7, np.uint8)
    np.testing.assert_array_equal(draw_rois(photo, np.zeros((0, 5, 3)), CENTER), photo)
    for bad in (np.ones((5, 3)), np.ones((1, 5, 4)), np.full((1, 5, 3), np.nan)):
        with pytest.raises(ValueError, match=r'boxes must be \(P, M, 3\) and finite'):
            draw_rois(photo, bad, CENTER)
    with pytest.raises(ValueError, match='for each of 1 people'):
        draw_rois(photo, np.ones((1, 5, 3)), CENTER, colors=[GREEN, GREEN])
