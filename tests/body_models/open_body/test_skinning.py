import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.body_models.open_body.skinning import _missing_offsets, fit_posedirs, joint_weights
from mmroi.structures import flip_indices


def test_weights_are_merged_by_joint_cut_and_symmetric() -> None:
    rng = np.random.default_rng(0)
    half = rng.uniform(size=(6, 48)) ** 4
    flip = np.array(flip_indices('smpl'))
    # Two bones for each joint; the second six vertices are the mirror images of the first six.
    bones = np.concatenate([half, half.reshape(6, 2, 24)[:, :, flip].reshape(6, 48)])
    mirror = np.concatenate([np.arange(6, 12), np.arange(6)])
    weights = joint_weights(bones, np.tile(np.arange(24), 2), mirror)
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_allclose(weights[mirror][:, flip], weights)
    assert ((weights > 0).sum(1) <= 5).all()
    merged = half.reshape(6, 2, 24).sum(1)
    assert np.array_equal(weights[:6].argmax(1), merged.argmax(1))


def test_offsets_turn_linear_blending_into_dual_quaternions() -> None:
    """A weight of 1/2 blends dual quaternions to half of the angle; linear blending loses the radius."""
    points, turn = np.random.default_rng(0).normal(size=(8, 3)), Rotation.from_rotvec([0, 0, np.pi / 2])
    offsets = _missing_offsets(points, np.full((8, 1), 0.5), turn)
    blended = 0.5 * (turn.as_matrix() + np.eye(3))
    half = Rotation.from_rotvec([0, 0, np.pi / 4])
    np.testing.assert_allclose((points + offsets) @ blended.T, half.apply(points), atol=1e-12)
    for share in (0.0, 1.0):
        assert np.abs(_missing_offsets(points, np.full((8, 1), share), turn)).max() < 1e-12


def test_pose_blend_shapes_equal_the_shipped_ones_up_to_the_draw(
    arrays: dict[str, np.ndarray], mirror: np.ndarray
) -> None:
    template, lines = arrays['v_template'].astype(np.float64), []
    posedirs = fit_posedirs(
        template,
        arrays['J_regressor'] @ template,
        arrays['weights'].astype(np.float64),
        mirror,
        np.random.default_rng(1),
        lines.append,
    )
    shipped = arrays['posedirs'].astype(np.float64)
    assert posedirs.shape == shipped.shape and len(lines) == 1
    # Other random poses than those of the shipped fit give nearly the same shapes.
    assert np.corrcoef(posedirs.ravel(), shipped.ravel())[0, 1] > 0.95
