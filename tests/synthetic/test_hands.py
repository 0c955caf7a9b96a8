import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.hands import HandCurler


@pytest.fixture(scope='module')
def body():
    return StudioBody()


@pytest.fixture(scope='module')
def curler(body):
    return HandCurler(body)


@pytest.mark.parametrize('joint, side', [(22, 1.0), (23, -1.0)])
def test_fingers_bend_towards_the_palm_and_keep_their_length(body, curler, joint, side):
    index, move = curler.bend(joint, np.pi / 2, 0.0)
    before, after = body.rest_vertices[index], body.rest_vertices[index] + move
    assert (side * before[:, 0] > side * body.rest_joints[joint, 0]).all()
    tip = np.argmax(side * before[:, 0])
    start = body.rest_joints[joint] + (side * 0.012, 0, 0)
    finger, bent = before[tip] - start, after[tip] - start
    # The chord of a quarter of a circle is 2 sqrt(2) / pi of its length, and lies at half the angle.
    assert np.linalg.norm(bent[:2]) == pytest.approx(0.9 * np.linalg.norm(finger[:2]), rel=0.1)
    angle = np.arctan2(-bent[1], side * bent[0]) - np.arctan2(-finger[1], side * finger[0])
    assert angle == pytest.approx(np.pi / 4, abs=0.15)


def test_a_small_angle_hardly_moves_anything(curler):
    _, move = curler.bend(22, 0.0, 0.0)
    assert np.abs(move).max() < 3e-3


def test_only_fingers_move_and_they_turn_with_the_body(body, curler):
    rotations = np.tile(np.eye(3), (24, 1, 1))
    still = curler.curl(np.random.default_rng(0), body.rest_vertices, rotations) - body.rest_vertices
    moved = np.linalg.norm(still, axis=1) > 1e-6
    assert 200 < moved.sum() < 1500
    assert (np.abs(body.rest_vertices[moved, 0]) > body.rest_joints[22, 0]).all()
    turn = Rotation.random(random_state=1).as_matrix()
    rotations[0] = turn
    turned = (body.rest_vertices @ turn.T).astype(np.float32)
    again = curler.curl(np.random.default_rng(0), turned, rotations) - turned
    np.testing.assert_allclose(again, still @ turn.T, atol=1e-5)
