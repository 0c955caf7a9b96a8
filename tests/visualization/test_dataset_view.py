import cv2
import numpy as np
import pytest

from mmroi.datasets import MultiRoICrop
from mmroi.datasets.transforms.multi_roi_crop import apply_channel_gain
from mmroi.structures import SMPL_54, flip_indices
from mmroi.visualization import check_labels, draw_sample, draw_thumbnail
from mmroi.visualization.dataset_view import (
    RED,
    ROI_COLORS,
    Region,
    crop_keypoints,
    crop_region,
    draw_crop,
    draw_frame,
    draw_mesh,
    title,
)

DISCS = [SMPL_54.index(f'{side}_{joint}') for side in ('left', 'right') for joint in ('wrist', 'ankle')]


def brightness_at(picture, points):
    """Mean of the channels at points (K, 2), and whether they lie inside."""
    height, width = picture.shape[:2]
    inside = ((points >= 3) & (points < (width - 3, height - 3))).all(1)
    columns, rows = np.rint(points[inside]).astype(int).T
    return picture[rows, columns].mean(-1), inside


def test_keypoints_lie_where_crop_matrices_send_the_label(person, augmented):
    sample = augmented(person)
    original = person['keypoints2d']
    if sample['flip']:
        original = original[list(flip_indices('smpl_54'))]
    for roi, matrix in enumerate(sample['crop_matrices']):
        expected = original[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        np.testing.assert_allclose(crop_keypoints(sample, roi)[:, :2], expected, atol=1e-3)


def test_keypoints_lie_on_the_pixels_of_their_joints(person, augmented):
    sample = augmented(person)
    seen = 0
    for roi in range(5):
        found, inside = brightness_at(sample['crops'][roi], crop_keypoints(sample, roi)[DISCS, :2])
        assert (found > 140).all()  # white discs, dimmed by channel noise at most
        seen += inside.sum()
    assert seen >= 8


def test_one_crop_for_all_rois_is_drawn_with_them(person, augmented):
    row = {**augmented(person)}
    sample = MultiRoICrop(5, (128, 96), keep_img=True, context_size=(192, 176))(row)
    assert len(sample['crops']) == 1
    found, inside = brightness_at(sample['crops'][0], crop_keypoints(sample, 0)[DISCS, :2])
    assert inside.all() and (found > 140).all()
    picture = draw_crop(sample, 0, height=384)
    assert picture.shape == (384, 352, 3)
    # RoI 2 is as high as the crop; its left side, in its color, is a line from top to bottom.
    left = crop_region(sample, 0).place(
        sample['boxes'][1:2, :2] - sample['boxes'][1, 2] * np.array([0.375, 0.5])
    )
    column = round(2 * float(left[0, 0]))
    line = picture[:, column - 2 : column + 3].astype(int).sum(-1).max(1)
    assert np.median(line) > sum(ROI_COLORS[1]) / 3  # between two columns, it is smoothed


def test_crop_is_drawn_where_the_enlarged_crop_has_it(person, augmented):
    sample = augmented(person)
    picture = draw_crop(sample, 0, height=384)
    assert picture.shape == (384, 288, 3)
    plain = cv2.resize(sample['crops'][0], (288, 384))
    changed = (picture != plain)[2:-2, 2:-2].any(-1)
    points = (crop_keypoints(sample, 0)[:24, :2] + 0.5) * 3 - 0.5
    inside = ((points > 5) & (points < (282, 378))).all(1)
    assert inside.sum() > 15
    columns, rows = np.rint(points[inside]).astype(int).T - 2
    assert changed[rows, columns].all()
    assert changed.mean() < 0.2


def test_frame_and_mesh_are_seen_by_the_camera_of_the_crops(smpl, person, augmented):
    sample = augmented(person)
    check = check_labels(sample, smpl)
    view = Region(np.array((0.0, 0.0, 400.0)), (400, 500))
    photo = view.image(sample)
    placed = view.place(sample['keypoints2d'])
    found, inside = brightness_at(photo, placed[DISCS, :2])
    assert inside.all() and (found > 200).all()
    drawn = view.with_mesh(np.zeros_like(photo), sample, check, smpl.faces).any(-1)
    # Every joint of the skeleton lies in the silhouette, and the silhouette is not much larger than they.
    columns, rows = np.rint(placed[:24, :2]).astype(int).T
    assert drawn[rows, columns].all()
    rows, columns = np.nonzero(drawn)
    margin = 0.35 * (placed[:24, 1].max() - placed[:24, 1].min())
    assert columns.min() > placed[:24, 0].min() - margin and columns.max() < placed[:24, 0].max() + margin
    assert rows.min() > placed[:24, 1].min() - margin and rows.max() < placed[:24, 1].max() + margin


def test_place_and_photo_agree_with_the_matrices_of_the_crops(person, augmented):
    sample = augmented(person)
    view = Region(sample['boxes'][2], sample['crop_size'])
    cut = view.image(sample)
    if 'channel_gain' in sample:
        cut = apply_channel_gain(cut[None], sample['channel_gain'])[0]
    np.testing.assert_array_equal(cut, sample['crops'][2])
    matrix = sample['crop_matrices'][2]
    relative = (np.array((160.0, 120.0)) - sample['principal_point']) @ sample['aug_matrix'][:2, :2].T
    np.testing.assert_allclose(view.place(relative[None])[0], matrix[:, :2] @ (160, 120) + matrix[:, 2])


def test_lines_lead_to_3d_keypoints_that_lie_elsewhere(smpl, person, augmented):
    good = augmented(person)
    calm = draw_mesh(good, check_labels(good, smpl), smpl.faces)
    shifted = dict(good, keypoints2d=good['keypoints2d'] + np.float32((30, 0, 0)))
    lined = draw_mesh(shifted, check_labels(shifted, smpl), smpl.faces)
    assert (lined != calm).any(-1).mean() > 0.01
    again = draw_mesh(good, check_labels(good, smpl), smpl.faces)
    np.testing.assert_array_equal(calm, again)


@pytest.mark.parametrize(
    'flags, note', [(dict(has_transl=False), True), (dict(has_smpl=False), True), ({}, False)]
)
def test_without_a_camera_the_photo_says_so(smpl, person, augmented, flags, note):
    sample = augmented({**person, **flags})
    check = check_labels(sample, smpl)
    view = Region(np.array((0.0, 0.0, 400.0)), (400, 500))
    photo = np.zeros((400, 500, 3), np.uint8)
    drawn = view.with_mesh(photo, sample, check, smpl.faces)
    assert not photo.any() and drawn[370:, :150].any() == note and drawn[:360].any() != note


def test_title_tells_what_disagrees(smpl, person, augmented):
    sample = augmented(person)
    words = {text: color for line in title(sample, check_labels(sample, smpl)) for text, color in line}
    for text in ('unit row 7', 'a/b/photo.jpg', '320 x 240', 'focal length 300 px', 'smpl', 'transl'):
        assert text in words
    assert ('mirrored' in words) == sample['flip'] and RED not in words.values()
    wrong = augmented({**person, 'focal_length': 400.0, 'has_keypoints3d': False})
    words = {text: color for line in title(wrong, check_labels(wrong, smpl)) for text, color in line}
    assert 'focal length 400 px (assumed)' in words  # the diagonal of 320 x 240
    assert 'no keypoints3d' in words
    assert any(text.startswith('3D to 2D') and color == RED for text, color in words.items())


def test_title_tells_two_focal_lengths(smpl, person_of_two, augmented):
    sample = augmented(person_of_two)
    assert ('focal length 240, 360 px', (150, 150, 150)) in title(sample, check_labels(sample, smpl))[0]


def test_whole_pictures(smpl, person, augmented):
    sample = augmented(person)
    check = check_labels(sample, smpl)
    picture = draw_sample(sample, check, smpl.faces)
    assert picture.dtype == np.uint8 and picture.shape[0] > 800 and picture.shape[1] > 900
    good = draw_thumbnail(sample, check, smpl.faces)
    assert tuple(good[0, 0]) != RED
    wrong = augmented({**person, 'focal_length': 450.0})
    assert tuple(draw_thumbnail(wrong, check_labels(wrong, smpl), smpl.faces)[0, 0]) == RED


def test_wide_frames_stay_of_a_size(smpl, person, augmented):
    person['img'] = np.pad(person['img'], ((0, 0), (0, 3000), (0, 0)))
    sample = augmented(person)
    picture = draw_frame(sample, check_labels(sample, smpl), smpl.faces, height=200)
    assert picture.shape[0] == 200 and picture.shape[1] <= 441
