"""How poses err: measured errors come back."""

import numpy as np
import pytest
import roma
import torch

from mmroi.models.refiners.pose_errors import fit_pose_errors


def test_correlated_errors_are_found_and_flipped_people_are_not():
    rng = np.random.default_rng(0)
    common = rng.normal(0, 0.2, (4000, 1, 3))
    vectors = np.zeros((4000, 24, 3))
    vectors[:, [0]], vectors[:, [3]] = common, -common  # the spine makes up for the root
    vectors[::10, 0] = 3.0, 0, 0
    true = roma.rotvec_to_rotmat(torch.from_numpy(vectors)).numpy()
    covariance = fit_pose_errors(np.broadcast_to(np.eye(3), true.shape), true)['covariance']
    floor = np.radians(3) ** 2
    assert covariance[0, 0] - floor == pytest.approx(0.04, rel=0.1)
    assert covariance[0, 9] == pytest.approx(-0.04, rel=0.1)
    assert covariance[30, 30] == pytest.approx(floor) and covariance[0, 30] == 0


def test_too_few_people():
    eye = np.broadcast_to(np.eye(3), (50, 24, 3, 3))
    with pytest.raises(ValueError, match='50 people are too few'):
        fit_pose_errors(eye, eye)
