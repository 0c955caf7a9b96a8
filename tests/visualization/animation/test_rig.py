import numpy as np
import pytest

from mmroi.body_models.body_files import OPEN_BODY, load_body_file
from mmroi.visualization.animation import JOINT_NAMES, Rig


@pytest.fixture
def rig(body):
    return Rig.from_body(body, np.eye(10)[0])


def test_it_is_the_unposed_body(rig, body):
    arrays = load_body_file(OPEN_BODY)
    vertices = arrays['v_template'] + arrays['shapedirs'][..., 0]
    np.testing.assert_allclose(rig.vertices, vertices, atol=1e-6)
    np.testing.assert_allclose(rig.joints, arrays['J_regressor'] @ vertices, atol=1e-5)
    np.testing.assert_allclose(
        rig.weights, arrays['weights'] / arrays['weights'].sum(1, keepdims=True), atol=1e-6
    )
    np.testing.assert_array_equal(rig.faces, body.faces)
    # vertices lie near the joints that move them
    near = np.linalg.norm(rig.vertices[:, None] - rig.joints, axis=-1)
    assert np.median((near * rig.weights).sum(1)) < 0.15


def test_offsets_add_up_to_the_joints(rig):
    offsets, joints = rig.offsets(), np.zeros((24, 3))
    for joint, parent in enumerate(rig.parents):
        joints[joint] = offsets[joint] + (joints[parent] if parent >= 0 else 0)
    np.testing.assert_allclose(joints, rig.joints)
    assert len(JOINT_NAMES) == len(set(JOINT_NAMES)) == 24
