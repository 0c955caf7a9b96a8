import numpy as np
import pytest
import torch

from mmroi.visualization.animation import Rig, write_amass

from .conftest import FPS

TO_WORLD = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # x right, y away from the camera, z up


@pytest.fixture
def arrays(clip, body, tmp_path):
    write_amass(tmp_path / 'a.npz', clip, Rig.from_body(body, clip.betas))
    with np.load(tmp_path / 'a.npz', allow_pickle=False) as file:
        return dict(file)


def test_it_has_what_amass_documents(arrays):
    shapes = {name: array.shape for name, array in arrays.items()}
    assert shapes == dict(
        poses=(9, 156), betas=(16,), trans=(9, 3), dmpls=(9, 8), mocap_framerate=(), gender=(), body_model=()
    )
    assert arrays['mocap_framerate'] == FPS and str(arrays['gender']) == 'neutral'
    assert not arrays['poses'][:, 66:].any() and not arrays['betas'][10:].any()
    assert {arrays[name].dtype for name in ('poses', 'betas', 'trans')} == {np.dtype(np.float64)}


def test_smpl_poses_the_same_body_from_it(arrays, body, pose, parameters):
    poses = torch.tensor(arrays['poses'][:, :72], dtype=torch.float32)
    poses[:, 66:] = torch.tensor(parameters[0][:, 22:]).flatten(1)  # hands, which SMPL+H does not have
    betas, trans = (torch.tensor(arrays[name], dtype=torch.float32) for name in ('betas', 'trans'))
    posed = body(poses[:, :3], poses[:, 3:], betas[None, :10], trans)
    vertices, joints = pose()
    np.testing.assert_allclose(posed.vertices.numpy(), vertices @ TO_WORLD.T, atol=1e-4)
    np.testing.assert_allclose(posed.joints[:, :24].numpy(), joints @ TO_WORLD.T, atol=1e-4)
    head, feet = posed.joints[0, 15], posed.joints[0, 7]
    assert head[2] > feet[2] + 1  # z is up
