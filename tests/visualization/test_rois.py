import numpy as np
import pytest
import torch

from mmroi.geometry import average_full_camera, full_to_local, local_to_full
from mmroi.visualization import draw_cameras, draw_rois
from mmroi.visualization.rois import _length, _offsets, _round_up

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


def test_numbers_stand_inside_of_the_image_and_at_large_boxes_only():
    """Of a large box all corners are outside, and its right edge is at column 205."""
    blank = np.zeros((240, 240, 3), np.uint8)
    large, small = np.array([[[-80.0, 0, 440]]]), np.array([[[0.0, 0, 40]]])
    ink = draw_rois(blank, large, (120, 120), colors=[GREEN])[..., 1] > 128
    assert ink[:, 205].all() and ink[2:-2, 190:202].any() and not ink[:, 60:190].any()
    ink = draw_rois(blank, small, (120, 120), colors=[GREEN])[..., 1] > 128
    assert np.abs(np.argwhere(ink) - 120).max() <= 22  # the box alone


def test_nobody_and_bad_input():
    photo = np.full((20, 30, 3), 7, np.uint8)
    np.testing.assert_array_equal(draw_rois(photo, np.zeros((0, 5, 3)), CENTER), photo)
    for bad in (np.ones((5, 3)), np.ones((1, 5, 4)), np.full((1, 5, 3), np.nan)):
        with pytest.raises(ValueError, match=r'boxes must be \(P, M, 3\) and finite'):
            draw_rois(photo, bad, CENTER)
    with pytest.raises(ValueError, match='for each of 1 people'):
        draw_rois(photo, np.ones((1, 5, 3)), CENTER, colors=[GREEN, GREEN])


SIZE = (240, 480)
RED, BLUE = (0, 0, 255), (255, 0, 0)


@pytest.fixture
def scene(ball):
    """A ball at 4 m, red, with five cameras that agree."""
    vertices, faces = ball((0, 0, 4))
    average = np.array([[0.0, 0, 4]])
    return dict(
        vertices=vertices[None],
        faces=faces,
        full_cameras=np.repeat(average[:, None], 5, axis=1),
        camera_translation=average,
        image_size=SIZE,
        colors=[RED],
    )


def spots(panel):
    """Mean row and column of the discs in a panel of 120 x 120 pixels."""
    red = (panel[..., 2].astype(int) - panel[..., 0] > 150) & (panel[..., 1] < 60)
    return np.argwhere(red[12:]).mean(axis=0) + (12, 0)


def test_cameras_that_agree_are_in_the_middle(scene):
    picture = draw_cameras(**scene)
    assert picture.shape == (*SIZE, 3)
    for panel in (picture[:120, 360:], picture[120:, 360:]):
        np.testing.assert_allclose(spots(panel), (62, 60), atol=1.5)


@pytest.mark.parametrize(
    ('axis', 'above', 'behind'),
    [(0, (1, 0), (0, 1)), (1, (0, 0), (1, 0)), (2, (0, 1), (0, 0))],
    ids=['right', 'down', 'forward'],
)
def test_panels_show_where_a_camera_stands(scene, axis, above, behind):
    """Towards down and right, by a whole ring, for a camera that stands 5 cm along an axis."""
    scene['full_cameras'] = scene['full_cameras'][:, :1].copy()
    scene['full_cameras'][..., axis] -= 0.05
    picture = draw_cameras(**scene)
    for panel, direction in ((picture[:120, 360:], above), (picture[120:, 360:], behind)):
        np.testing.assert_allclose(spots(panel) - (62, 60), 52 * np.array(direction), atol=2.5)


def test_offsets_are_zero_for_the_cameras_that_the_network_should_give():
    """All local cameras of one full camera lead to no offset from the average of them."""
    boxes = torch.tensor([[[30.0, -20, 300], [60, -20, 450], [0, 10, 240]]], dtype=torch.float64)
    full = torch.tensor([0.3, -0.2, 5.0], dtype=torch.float64)
    focal = torch.tensor([1000.0], dtype=torch.float64)
    local = full_to_local(full.expand(1, 3, 3), boxes, focal)
    cameras, average = local_to_full(local, boxes, focal), average_full_camera(local, boxes, focal)
    np.testing.assert_allclose(_offsets(cameras, average, 1), 0, atol=1e-12)


def test_the_scene_has_the_camera_left_of_the_body(scene):
    picture = draw_cameras(**scene)[30:, :360].astype(int)
    red = picture[..., 2] > picture[..., 0] + 60
    columns = np.flatnonzero(red.any(axis=0))
    assert columns[0] < 60 and columns[-1] > 300
    assert red[:, 280:].sum() > 3 * red[:, :60].sum()  # the ball is at the right


@pytest.mark.parametrize(('people', 'lines'), [(1, 1), (3, 3), (40, 10)])
def test_captions_of_a_crowd_leave_room_for_the_scene(scene, people, lines):
    crowd = dict(
        vertices=np.repeat(scene['vertices'], people, axis=0),
        full_cameras=np.repeat(scene['full_cameras'], people, axis=0),
        camera_translation=np.repeat(scene['camera_translation'], people, axis=0),
        colors=[RED] * people,
    )
    picture = draw_cameras(**scene | crowd)
    unit = SIZE[0] / 60
    head = picture[: round((2 * lines + 1) * unit), :360].min(axis=2) < 200
    starts = np.flatnonzero(np.diff(head.any(axis=1).astype(int)) == 1)
    assert len(starts) + head[0].any() == lines


def test_nobody_is_an_empty_picture(scene):
    nobody = dict(
        vertices=np.zeros((0, 642, 3)),
        full_cameras=np.zeros((0, 5, 3)),
        colors=None,
        camera_translation=np.zeros((0, 3)),
    )
    assert len(np.unique(draw_cameras(**scene | nobody))) == 1


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (dict(full_cameras=np.zeros((2, 5, 3))), r'full_cameras must be \(1, M, 3\), one for each body'),
        (dict(full_cameras=np.zeros((1, 0, 3))), r'full_cameras must be \(1, M, 3\)'),
        (dict(camera_translation=np.zeros(3)), r'camera_translation must be \(1, 3\)'),
        (dict(full_cameras=np.full((1, 5, 3), np.nan)), 'have NaN'),
        (dict(image_size=(500, 200)), 'wider than half its height'),
        (dict(colors=[RED, BLUE]), 'for each of 1 people'),
    ],
)
def test_bad_input_is_a_sentence(scene, change, words):
    with pytest.raises(ValueError, match=words):
        draw_cameras(**scene | change)


def test_words_for_lengths():
    assert [_length(x) for x in (0.0042, 0.0157, 0.5, 3)] == ['4.2 mm', '1.57 cm', '50 cm', '3 m']
    assert [_round_up(x) for x in (0.011, 0.05, 0.0021, 7)] == pytest.approx([0.02, 0.05, 0.003, 10])
