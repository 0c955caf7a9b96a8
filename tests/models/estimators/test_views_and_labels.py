import numpy as np
import torch

from mmroi.geometry import axis_angle_to_matrix
from mmroi.models.estimators.views_and_labels import stack_labels, stack_views


def test_views_are_stacked_in_float64_with_the_shape_of_the_crops(people):
    samples = people(2, 3)
    views = stack_views(samples, torch.zeros(2, 3, 3, 64, 48))
    assert views.boxes.dtype == views.focal_length.dtype == torch.float64
    np.testing.assert_array_equal(views.boxes, [sample.boxes for sample in samples])
    assert views.focal_length.tolist() == [600, 600] and views.aspect == 0.75


def test_the_aspect_is_that_of_the_crops_behind_features(people):
    samples = people(2, 3)
    for sample in samples:
        sample.set_metainfo(dict(crop_size=(256, 192)))
    assert stack_views(samples, torch.zeros(2, 3, 1280, 4, 4)).aspect == 0.75


def test_person_ids_are_known_for_all_or_for_none(people):
    samples = people(2, 1)
    inputs = torch.zeros(2, 1, 3, 64, 48)
    samples[0].set_metainfo(dict(person_id=7))
    assert stack_views(samples, inputs).person_ids is None
    samples[1].set_metainfo(dict(person_id=9))
    assert stack_views(samples, inputs).person_ids.tolist() == [7, 9]


def test_labels_are_stacked_and_the_pose_becomes_matrices(people):
    samples = people(2, 1)
    labels = stack_labels(samples, torch.device('cpu'))
    for i, sample in enumerate(samples):
        truth = sample.gt_instances
        pose = torch.cat([truth.global_orient[:, None], truth.body_pose], 1)[0]
        torch.testing.assert_close(labels.rotations[i], axis_angle_to_matrix(pose))
        assert torch.equal(labels.keypoints2d[i], truth.keypoints2d[0])
    assert labels.has_smpl.tolist() == [1, 1] and labels.betas.shape == (2, 10)
