import pytest
import torch

from mmroi.models.losses import VolumeLoss
from mmroi.structures import SMPL_54

BOX = torch.tensor([[[100.0, 50.0, 200.0]]]).double()
NONE, ALL = torch.zeros(1), torch.ones(1)
HIPS = SMPL_54.index('right_hip_extra'), SMPL_54.index('left_hip_extra')
BODY = torch.zeros(1, 54, 3)
BODY[0, 0], BODY[0, HIPS] = torch.tensor([0.0, 0.0, 7.0]), torch.tensor([0.0, 0.0, 7.1])


def case():
    """Two joints of smpl_54: one at the middle of the box in the pelvis's depth, one off it."""
    pixels, points = torch.zeros(1, 54, 3), torch.zeros(1, 54, 4)
    pixels[0, 0], pixels[0, 4] = torch.tensor([100.0, 50.0, 1.0]), torch.tensor([150.0, 0.0, 1.0])
    points[0, 0], points[0, 4] = torch.tensor([0.0, 0.0, 5.0, 1.0]), torch.tensor([0.3, 0.1, 5.4, 1.0])
    return pixels, points


def loss(uvd, pixels, points, has2d=ALL, has3d=ALL, **options):
    return VolumeLoss(1.0, joints=(0, 4), **options)(uvd, BODY, BOX, 1.0, pixels, points, has2d, has3d)


def test_by_hand():
    pixels, points = case()
    truth = torch.tensor([[[0.0, 0.0, 0.0], [0.25, -0.25, 0.2]]])
    assert loss(truth, pixels, points) == pytest.approx(0, abs=1e-6)
    moved = truth + torch.tensor([[[0.1, 0.0, 0.0], [0.0, 0.2, -0.3]]])
    assert loss(moved, pixels, points) == pytest.approx(0.6 / 6)
    assert loss(moved, pixels, points, has3d=NONE) == pytest.approx(0.3 / 4)
    assert loss(moved, pixels, points, has2d=NONE) == pytest.approx(0.3 / 2)
    in_cells = VolumeLoss(64.0, joints=(0, 4))
    assert in_cells(moved, BODY, BOX, 1.0, pixels, points, ALL, ALL) == pytest.approx(6.4)


def test_deeper_volume():
    pixels, points = case()
    truth = torch.tensor([[[0.0, 0.0, 0.0], [0.25, -0.25, 0.1]]])
    assert loss(truth, pixels, points, depth=4.0) == pytest.approx(0, abs=1e-6)


def test_what_lies_outside_or_is_not_labeled_does_not_count():
    pixels, points = case()
    uvd = torch.zeros(1, 2, 3, requires_grad=True)
    pixels[0, 4, 0] = 201.0  # right of the box
    points[0, 4, 2] = 6.1  # behind the volume
    value = loss(uvd, pixels, points)
    assert value.item() == pytest.approx(0.25 / 4)  # v of the second joint
    pixels[0, 4], points[0, 4] = float('nan'), float('nan')
    pixels[0, 4, 2] = points[0, 4, 3] = 0
    value = loss(uvd, pixels, points)
    value.backward()
    assert value.item() == 0 and uvd.grad.isfinite().all()


def test_depth_needs_a_root():
    pixels, points = case()
    points[0, 0, 3] = 0
    far = torch.full((1, 2, 3), 9.0)
    far[..., :2] = torch.tensor([[[0.0, 0.0], [0.25, -0.25]]])
    assert loss(far, pixels, points) == pytest.approx(0, abs=1e-6)


def test_depth_of_a_set_that_labels_other_hips_is_aligned_there():
    """They lie 0.1 m behind the predicted pelvis; the joint is labeled 0.4 m behind them."""
    pixels, points = case()
    points[0, 0, 3] = 0
    points[0, HIPS] = torch.tensor([0.0, 0.0, 5.0, 1.0])
    truth = torch.tensor([[[0.0, 0.0, 9.0], [0.25, -0.25, 0.25]]])
    assert loss(truth, pixels, points) == pytest.approx(0, abs=1e-6)
    moved = truth + torch.tensor([0.0, 0.0, 0.1])
    assert loss(moved, pixels, points) == pytest.approx(0.1 / 5)


def test_whom_it_reaches():
    criterion = VolumeLoss(joints=(0, 4))
    none, joint, root = torch.zeros(1, 54), torch.zeros(1, 54), torch.zeros(1, 54)
    joint[0, 4] = 1
    root[0, [4, *HIPS]] = 1
    assert criterion.reaches(joint, none, NONE) and criterion.reaches(none, root, NONE)
    assert not criterion.reaches(none, joint, ALL)


def test_nothing_labeled_gives_a_zero_with_a_graph():
    pixels, points = case()
    uvd = torch.ones(1, 2, 3, requires_grad=True)
    value = loss(uvd, pixels, points, NONE, NONE)
    value.backward()
    assert value.item() == 0 and not uvd.grad.any()
