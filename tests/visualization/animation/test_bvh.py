import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmroi.visualization.animation import JOINT_NAMES, Rig, write_bvh
from mmroi.visualization.animation.bvh import euler_angles

from .conftest import FPS, Bvh


@pytest.fixture
def bvh(clip, body, tmp_path):
    write_bvh(tmp_path / 'ä.bvh', clip, Rig.from_body(body, clip.betas))
    return Bvh((tmp_path / 'ä.bvh').read_text(encoding='ascii'))


def test_the_posed_skeleton_has_the_joints_of_the_body(bvh, pose):
    joints = bvh.joints()
    expected = pose()[1] * (1, -1, -1)
    assert sorted(joints) == sorted(JOINT_NAMES)
    for number, name in enumerate(JOINT_NAMES):
        np.testing.assert_allclose(joints[name], expected[:, number], atol=1e-4)
    assert np.abs(joints['L_Hand'][0] - joints['L_Hand'][-1]).max() > 0.3


def test_layout(bvh, body):
    assert bvh.frame_time == pytest.approx(1 / FPS) and len(bvh.rows) == 9
    assert bvh.names[0] == 'Pelvis' and bvh.offsets[0] == [0, 0, 0]
    parents = {
        name: bvh.names[parent] for name, parent in zip(bvh.names, bvh.parents, strict=True) if parent >= 0
    }
    for number, name in enumerate(JOINT_NAMES[1:], 1):
        assert parents[name] == JOINT_NAMES[body.parents[number]]
    assert bvh.sites == 5  # head, hands and feet
    assert [len(channels) for channels in bvh.channels] == [6] + 23 * [3]


def test_angles_by_hand_and_back():
    turn = Rotation.from_euler('ZXY', [[20, 30, 40]], degrees=True).as_matrix()[:, None]
    np.testing.assert_allclose(euler_angles(turn), [[[20, 30, 40]]])
    locked = Rotation.from_euler('ZXY', [[20, 90, 40]], degrees=True).as_matrix()[:, None]
    angles = euler_angles(locked)
    back = Rotation.from_euler('ZXY', angles[0], degrees=True).as_matrix()
    np.testing.assert_allclose(back, locked[0], atol=1e-9)


@pytest.mark.parametrize('axis', range(3))
def test_angles_do_not_jump_over_three_turns(axis):
    vectors = np.zeros((200, 3))
    vectors[:, axis] = np.linspace(0, 6 * np.pi, 200)
    turns = Rotation.from_rotvec(vectors).as_matrix()[:, None]
    angles = euler_angles(turns)
    assert np.abs(np.diff(angles, axis=0)).max() < 6
    back = Rotation.from_euler('ZXY', angles[:, 0], degrees=True).as_matrix()
    np.testing.assert_allclose(back, turns[:, 0], atol=1e-9)
