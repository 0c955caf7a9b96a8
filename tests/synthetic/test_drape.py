import numpy as np
import pytest

from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.drape import Drape, drape_mesh
from mmroi.synthetic.fabric import Fabric


@pytest.fixture(scope='module')
def body():
    return StudioBody()


@pytest.fixture(scope='module')
def skirt(body):
    joints = body.rest_joints
    drape = Drape(Fabric('plain', np.ones((2, 3))), joints[1, 1] + 0.1, joints[4, 1], 0.02, 0.03)
    mesh = drape_mesh(drape, body.rest_vertices, body.rest_vertices, np.array([1.0, 0, 0]))
    return drape, mesh


def test_the_faces_look_outwards(skirt):
    _, mesh = skirt
    corners = mesh.vertices[mesh.faces].astype(float)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = corners.mean(1) - mesh.vertices.mean(0)
    horizontal = (normals * outward)[:, [0, 2]].sum(1)
    assert (horizontal > 0).mean() > 0.98


def test_it_is_a_tube_around_both_legs(body, skirt):
    drape, mesh = skirt
    assert mesh.vertices.shape == mesh.rest.shape
    assert mesh.vertices[:, 1].max() == pytest.approx(drape.top, abs=0.04)
    assert mesh.vertices[:, 1].min() == pytest.approx(drape.hem, abs=0.04)
    edges = np.sort(np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), 1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert set(counts) == {1, 2} and (counts == 1).sum() == 2 * 36  # open at the waist and at the hem
    # At the height of a ring the legs lie inside.
    level = (drape.top + 2 * drape.hem) / 3
    ring = mesh.vertices[np.abs(mesh.vertices[:, 1] - level) < 0.03]
    legs = body.rest_vertices[np.abs(body.rest_vertices[:, 1] - level) < 0.01]
    legs = legs[np.abs(legs[:, 0]) < 0.3]
    for axis in (0, 2):
        assert ring[:, axis].min() < legs[:, axis].min() and legs[:, axis].max() < ring[:, axis].max()
