import cv2
import numpy as np
import pytest
import torch

from mmroi.geometry import (
    context_box,
    crop_matrix,
    decode_box,
    encode_box,
    expand_to_aspect,
    make_rois,
    mirror_matrix,
    random_roi_offsets,
    roi_offsets,
    rois_in_context,
    roll_matrix,
)


def random_boxes(*shape):
    boxes = torch.rand(*shape, 3, dtype=torch.float64) * torch.tensor([800.0, 600.0, 700.0])
    return boxes - torch.tensor([400.0, 300.0, -50.0])


@pytest.mark.parametrize(
    'bbox, expected',
    [
        ([10, 20, 30, 100], [25, 70, 120]),  # tall: the height decides
        ([10, 20, 90, 100], [55, 70, 144]),  # wide: 90 / 0.75 = 120 high
    ],
)
def test_expand_to_aspect_by_hand(bbox, expected):
    box = expand_to_aspect(torch.tensor(bbox, dtype=torch.float64))
    torch.testing.assert_close(box, torch.tensor(expected, dtype=torch.float64))


def test_expand_to_aspect_contains_the_bounding_box():
    bbox = torch.rand(100, 4, dtype=torch.float64) * 300 + 1
    cx, cy, b = expand_to_aspect(bbox, aspect=0.75, scale=1).unbind(-1)
    x, y, w, h = bbox.unbind(-1)
    left, top = cx - 0.75 * b / 2, cy - b / 2
    assert (left <= x + 1e-9).all() and (left + 0.75 * b >= x + w - 1e-9).all()
    assert (top <= y + 1e-9).all() and (top + b >= y + h - 1e-9).all()


@pytest.mark.parametrize('bbox', [[0, 0, 0, 5], [0, 0, 5, -1], [np.nan, 0, 5, 5], [0, 0, np.inf, 5]])
def test_expand_to_aspect_refuses_empty_and_non_finite_boxes(bbox):
    with pytest.raises(ValueError, match='bbox_xywh must be finite with positive width and height'):
        expand_to_aspect(torch.tensor(bbox, dtype=torch.float64))


def test_roi_offsets_are_the_papers_and_nested():
    paper = [[0, 0, 1], [0.1, 0, 1.5], [-0.1, 0, 1.25], [0, 0.1, 0.8], [0, -0.1, 0.65]]
    assert torch.equal(roi_offsets(5), torch.tensor(paper, dtype=torch.float64))
    for m in range(1, 10):
        assert torch.equal(roi_offsets(m), roi_offsets(9)[:m])
    assert len({tuple(row) for row in roi_offsets(9).tolist()}) == 9


@pytest.mark.parametrize('num_rois', [0, -1, 10])
def test_roi_offsets_refuse_other_counts(num_rois):
    with pytest.raises(ValueError, match=f'num_rois must be between 1 and 9, got {num_rois}'):
        roi_offsets(num_rois)


def test_random_roi_offsets_keep_the_base_box_and_the_range():
    offsets = random_roi_offsets(200, torch.Generator().manual_seed(0))
    assert torch.equal(offsets[0], roi_offsets(1)[0])
    assert offsets[:, :2].abs().max() <= 0.1 and offsets[1:, :2].std() > 0.04
    assert offsets[:, 2].min() >= 0.65 and offsets[:, 2].max() <= 1.5
    assert torch.equal(offsets, random_roi_offsets(200, torch.Generator().manual_seed(0)))


def test_make_rois_by_hand_and_batched():
    box = torch.tensor([100.0, -50.0, 200.0], dtype=torch.float64)
    expected = [[100, -50, 200], [120, -50, 300], [80, -50, 250], [100, -30, 160], [100, -70, 130]]
    torch.testing.assert_close(make_rois(box, roi_offsets(5)), torch.tensor(expected).double())
    boxes = random_boxes(4, 2)
    rois = make_rois(boxes, roi_offsets(9))
    assert rois.shape == (4, 2, 9, 3)
    torch.testing.assert_close(rois[3, 1], make_rois(boxes[3, 1], roi_offsets(9)))


def test_context_box_by_hand():
    rois = make_rois(torch.tensor([10.0, 20.0, 200.0]).double(), roi_offsets(5))
    # 1.5 b high; from -0.1 b - 1.25 b * 3/8 to 0.1 b + 1.5 b * 3/8 wide, 1.23125 b
    expected = torch.tensor([10 + 0.046875 * 200, 20, 300]).double()
    torch.testing.assert_close(context_box(rois, (256, 192), (384, 352)), expected)
    expected[2] = 1.23125 * 200 * 2  # where the width decides
    torch.testing.assert_close(context_box(rois, (256, 192), (256, 128)), expected)
    torch.testing.assert_close(context_box(rois[:1], (256, 192), (128, 96)), rois[0])


@pytest.mark.parametrize('context', [(384, 352), (256, 224), (128, 64)])
def test_rois_lie_in_their_context_and_touch_its_border(context):
    rois = make_rois(random_boxes(4), random_roi_offsets(7))
    places = rois_in_context(rois, (256, 192), context)
    assert places.min() >= -1e-12 and places.max() <= 1 + 1e-12
    spans = places[..., 2:].amax(1) - places[..., :2].amin(1)
    torch.testing.assert_close(spans.amax(-1), torch.ones(4).double())
    # From fractions back to the frame.
    whole = context_box(rois, (256, 192), context)[:, None]
    size = whole[..., 2:] * torch.tensor([context[1] / context[0], 1]).double()
    low, high = ((whole[..., :2] + (corner - 0.5) * size) for corner in places.split(2, -1))
    torch.testing.assert_close((low + high) / 2, rois[..., :2])
    torch.testing.assert_close(high - low, rois[..., 2:] * torch.tensor([0.75, 1]).double())


def test_encode_box_by_hand():
    encoded = encode_box(torch.tensor([[500.0, -250.0, 300.0]], dtype=torch.float64), 1000.0)
    torch.testing.assert_close(encoded, torch.tensor([[1.4, -0.7, 1.0]], dtype=torch.float64))


def test_encode_and_decode_are_inverse():
    boxes, focal = random_boxes(5, 5), torch.rand(5, dtype=torch.float64) * 2000 + 300
    torch.testing.assert_close(decode_box(encode_box(boxes, focal), focal), boxes, rtol=0, atol=1e-10)


def test_focal_length_belongs_to_the_person_also_when_rois_are_as_many():
    boxes, focal = random_boxes(3, 3), torch.tensor([300.0, 600.0, 1200.0], dtype=torch.float64)
    encoded = encode_box(boxes, focal)
    for n in range(3):
        torch.testing.assert_close(encoded[n], encode_box(boxes[n], focal[n]))


def test_half_precision_boxes_are_computed_in_float32():
    boxes = torch.tensor([[512.0, 256.0, 384.0]])
    assert torch.equal(encode_box(boxes.bfloat16(), 1000.0), encode_box(boxes, 1000.0))


def test_gradients_of_encoding():
    boxes = random_boxes(2, 3).requires_grad_()
    focal = torch.tensor([700.0, 900.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(encode_box, (boxes, focal))
    assert torch.autograd.gradcheck(decode_box, (boxes / 500, focal))


def test_crop_matrix_sends_the_box_to_the_borders_of_the_crop(transform_points):
    box, center = torch.tensor([30.0, -20.0, 128.0]).double(), torch.tensor([320.0, 240.0]).double()
    matrix = crop_matrix(box, center, (256, 192))
    corners = center + torch.tensor([[30 - 48, -20 - 64], [30.0, -20], [30 + 48, -20 + 64]]).double()
    expected = torch.tensor([[0.0, 0], [96, 128], [192, 256]], dtype=torch.float64)
    torch.testing.assert_close(transform_points(corners, matrix), expected)


def test_crop_matrix_is_a_similarity_with_roll_and_mirror(transform_points):
    torch.manual_seed(0)
    boxes = make_rois(random_boxes(6), roi_offsets(9))
    center = torch.rand(6, 1, 2, dtype=torch.float64) * 1000
    augmentation = (roll_matrix(torch.rand(6, dtype=torch.float64) * 6) @ mirror_matrix())[:, None]
    matrix = crop_matrix(boxes, center, (256, 192), augmentation)
    assert matrix.shape == (6, 9, 2, 3)
    torch.testing.assert_close(torch.linalg.det(matrix[..., :2]), -((256 / boxes[..., 2]) ** 2))
    points = torch.rand(6, 9, 20, 2, dtype=torch.float64) * 1000
    moved = transform_points(points, matrix)
    back = torch.linalg.solve(matrix[..., :2], moved.mT - matrix[..., 2:]).mT
    torch.testing.assert_close(back, points, rtol=0, atol=1e-9)
    torch.testing.assert_close(
        torch.cdist(moved, moved), torch.cdist(points, points) * 256 / boxes[..., 2:, None]
    )


def test_crop_matrix_equals_its_three_steps(transform_points):
    torch.manual_seed(1)
    box, points = random_boxes(), torch.rand(7, 2, dtype=torch.float64) * 500
    center = torch.tensor([333.0, 222.0], dtype=torch.float64)
    augmentation = roll_matrix(0.4) @ mirror_matrix()
    augmented = (points - center) @ augmentation[:2, :2].T
    expected = (augmented - box[:2]) * 128 / box[2] + torch.tensor([48.0, 64.0])
    matrix = crop_matrix(box, center, (128, 96), augmentation)
    torch.testing.assert_close(transform_points(points, matrix), expected, rtol=0, atol=1e-9)


def test_a_drawn_marker_lands_where_the_crop_matrix_says(transform_points):
    image = np.zeros((240, 320), np.float32)
    image[97, 181] = 1
    image = cv2.GaussianBlur(image, (0, 0), 3)
    box, center = torch.tensor([10.0, -15.0, 100.0]).double(), torch.tensor([160.0, 120.0]).double()
    matrix = crop_matrix(box, center, (256, 192), roll_matrix(0.5) @ mirror_matrix())
    crop = cv2.warpAffine(image, matrix.numpy(), (192, 256), flags=cv2.INTER_LINEAR)
    rows, columns = np.mgrid[:256, :192]
    centroid = np.array([(columns * crop).sum(), (rows * crop).sum()]) / crop.sum()
    expected = transform_points(torch.tensor([[181.0, 97.0]]).double(), matrix)[0].numpy()
    np.testing.assert_allclose(centroid, expected, atol=0.05)


@pytest.mark.parametrize('box', [[0, 0, 0], [0, 0, -5], [float('nan'), 0, 10]])
def test_crop_matrix_refuses_bad_boxes(box):
    with pytest.raises(ValueError, match='box must be finite with positive size'):
        crop_matrix(torch.tensor(box).double(), torch.zeros(2).double(), (256, 192))
