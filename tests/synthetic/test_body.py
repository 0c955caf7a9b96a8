import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mmroi.body_models.body_files import OPEN_BODY, load_body_file
from mmroi.synthetic.body import StudioBody, matrices_to_rotvecs


@pytest.fixture(scope='module')
def body():
    return StudioBody()


def test_posed_bodies_are_the_models_relative_to_the_root(body):
    rotations = Rotation.random(2 * 24, random_state=0).as_matrix().reshape(2, 24, 3, 3)
    betas = np.random.default_rng(0).normal(size=(2, 10)).astype(np.float32)
    posed = body.pose(rotations, betas)
    matrices = torch.from_numpy(rotations).float()
    with torch.no_grad():
        expected = body.model(matrices[:, 0], matrices[:, 1:], torch.from_numpy(betas))
    root = posed.rest_root[:, None]
    np.testing.assert_allclose(posed.vertices + root, expected.vertices.numpy(), atol=1e-5)
    np.testing.assert_allclose(posed.joints + root, expected.joints.numpy(), atol=1e-5)
    np.testing.assert_allclose(posed.joints[:, 0], 0, atol=1e-6)


def test_rest_pose_and_face(body):
    assert body.rest_joints.shape == (24, 3) and body.rest_vertices.shape == (6890, 3)
    face = body.face_landmarks
    assert face['left_eye'][0] > 0.01 and face['right_eye'][0] < -0.01
    assert face['nose'][2] > body.rest_joints[15, 2]


def test_fingerprint_changes_with_the_geometry(body, monkeypatch):
    assert body.fingerprint() == '559d1ecd48e45128'  # datasets and caches that exist have it
    arrays = load_body_file(OPEN_BODY)
    arrays['v_template'][0, 0] += 1e-6
    monkeypatch.setattr('mmroi.synthetic.body.load_body_file', lambda path: arrays)
    assert body.fingerprint() != '559d1ecd48e45128'


def test_rotation_vectors_keep_the_leading_shape():
    vectors = np.random.default_rng(0).uniform(-1, 1, size=(2, 3, 3)).astype(np.float32)
    matrices = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(2, 3, 3, 3)
    found = matrices_to_rotvecs(matrices)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, vectors, atol=1e-6)
