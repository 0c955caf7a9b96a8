import numpy as np
import pytest
import trimesh

from mmroi.body_models import SMPL
from mmroi.geometry import rot6d_to_matrix

FOCAL, CENTER, SIZE = 300.0, (100.0, 80.0), (160, 200)


@pytest.fixture(scope='session')
def body():
    """Vertices of a standing person 3 m before the camera, and faces."""
    smpl = SMPL()
    pose = rot6d_to_matrix(smpl.mean_pose6d.reshape(1, 24, 6))
    vertices = smpl(pose[:, 0], pose[:, 1:], smpl.mean_betas[None]).vertices[0].numpy()
    return vertices + np.array([0, 0.1, 4.0]), smpl.faces


@pytest.fixture(scope='session')
def ball():
    """ball(centre, radius) -> vertices and faces of a ball with outward normals."""

    def make(centre, radius=0.3):
        sphere = trimesh.creation.icosphere(subdivisions=3, radius=radius)
        return sphere.vertices + np.asarray(centre), sphere.faces

    return make
