import numpy as np
import pytest

from mmroi.visualization import check_labels

FOCAL = 300.0


def test_labels_that_agree(smpl, person, augmented):
    sample = augmented(person)
    check = check_labels(sample, smpl)
    assert check.residual < 1e-3 and check.mesh_residual < 1e-3 and check.inside > 0.7
    assert 2 < check.size < 2.8  # arms stretched out
    assert not any(check.faults.values())
    assert check.box_size == person['bbox_xywh'][2:].max()
    np.testing.assert_allclose(check.projected[:, :2], sample['keypoints2d'][:, :2], atol=1e-3)
    # The mesh hangs at the label's pelvis.
    low, high = check.vertices.min(0), check.vertices.max(0)
    assert (low < sample['pelvis']).all() and (sample['pelvis'] < high).all()


def test_shifted_keypoints_have_the_residual_of_the_shift(smpl, person, augmented):
    person['keypoints2d'] = person['keypoints2d'] + np.float32((15, -20, 0))
    check = check_labels(augmented(person), smpl)
    assert check.residual == pytest.approx(25, abs=1e-3) == check.mesh_residual
    assert check.faults == dict(size=False, residual=True, mesh_residual=True, inside=False)


def test_wrong_focal_length_moves_points_away_from_the_principal_point(smpl, person, augmented):
    expected = 0.5 * np.linalg.norm(person['keypoints2d'][:, :2] - person['principal_point'], axis=1).mean()
    person['focal_length'] = 1.5 * FOCAL
    assert check_labels(augmented(person), smpl).residual == pytest.approx(expected, rel=1e-4)


def test_two_focal_lengths(smpl, person_of_two, augmented):
    sample = augmented(person_of_two)
    check = check_labels(sample, smpl)
    assert check.residual < 1e-3 and check.mesh_residual < 1e-3 and not any(check.faults.values())
    np.testing.assert_allclose(check.projected[:, :2], sample['keypoints2d'][:, :2], atol=1e-3)
    width, height = person_of_two['bbox_xywh'][2:]
    stretched = width * (360 / 240) ** 0.5, height * (240 / 360) ** 0.5
    assert check.box_size == pytest.approx(max(stretched))
    person_of_two['focal_length'] = FOCAL  # the mean of the two
    assert check_labels(augmented(person_of_two), smpl).residual > 5


def test_wrong_pose_shows_in_the_mesh_only(smpl, person, augmented):
    person['body_pose'] = person['body_pose'] + np.float32((0, 0, 0.5))
    check = check_labels(augmented(person), smpl)
    assert check.faults == dict(size=False, residual=False, mesh_residual=True, inside=False)


def test_only_known_joints_count(smpl, person, augmented):
    person['keypoints2d'] = person['keypoints2d'].copy()
    person['keypoints2d'][10:, :2] += 100
    person['keypoints2d'][10:, 2] = 0
    assert check_labels(augmented(person), smpl).residual < 1e-3


def test_wrong_units_and_wrong_box(smpl, person, augmented):
    person['keypoints3d'] = person['keypoints3d'] * np.float32((1000, 1000, 1000, 1))
    person['bbox_xywh'] = np.array((0.0, 0.0, 20.0, 30.0))
    check = check_labels(augmented(person), smpl)
    assert check.size > 1000 and check.residual < 1e-3  # a residual does not tell the unit
    assert check.faults['size'] and check.faults['inside']


def test_without_labels_there_are_no_figures(smpl, person, augmented):
    relative = dict(person, keypoints3d=person['keypoints3d'].copy(), has_transl=False)
    relative['keypoints3d'][:, :3] -= relative['keypoints3d'][0, :3]
    check = check_labels(augmented(relative), smpl)
    assert check.vertices is None and check.size > 1.4
    assert np.isnan([check.residual, check.mesh_residual]).all() and not any(check.faults.values())
    bare = dict(
        person,
        has_smpl=False,
        keypoints2d=np.zeros((54, 3), np.float32),
        keypoints3d=np.zeros((54, 4), np.float32),
    )
    check = check_labels(augmented(bare), smpl)
    assert np.isnan([check.size, check.residual, check.mesh_residual, check.inside]).all()
    assert not any(check.faults.values())
