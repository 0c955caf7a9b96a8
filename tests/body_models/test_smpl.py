import sys
from pathlib import Path

import numpy as np
import pytest
import roma
import smplx
import torch

from mmroi.body_models import SMPL
from mmroi.registry import MODELS

ROTATIONS = ('global_orient', 'body_pose')


def random_inputs(count: int = 3, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        'global_orient': torch.randn(count, 3, generator=generator),
        'body_pose': 0.4 * torch.randn(count, 69, generator=generator),
        'betas': torch.randn(count, 10, generator=generator),
    }


@pytest.mark.parametrize('layer', ['mmroi', 'smplx'])
def test_equals_smplx(layer: str, smpl_folder: Path) -> None:
    """On a file of the official layout."""
    reference = smplx.SMPL(str(smpl_folder / 'SMPL_NEUTRAL.pkl'), batch_size=3)
    smpl = SMPL(smpl_folder, layer=layer)
    inputs, transl = random_inputs(), torch.tensor([[0.1, 0.2, 3.0]]).repeat(3, 1)
    expected = reference(**inputs, transl=0 * transl)
    output = smpl(**inputs)
    torch.testing.assert_close(output.vertices, expected.vertices, atol=1e-6, rtol=0)
    torch.testing.assert_close(output.joints[:, :45], expected.joints, atol=1e-6, rtol=0)
    for moved, points in zip(smpl(**inputs, transl=transl), output, strict=True):
        torch.testing.assert_close(moved, points + transl[:, None])
    assert np.array_equal(smpl.faces, reference.faces.astype(np.int64))
    assert smpl.parents.tolist() == reference.parents.tolist()


def test_layer_of_smplx_gives_exactly_its_numbers(smpl_folder: Path) -> None:
    reference = smplx.SMPL(str(smpl_folder / 'SMPL_FEMALE.pkl'), batch_size=3)
    smpl = SMPL(smpl_folder, 'female', layer='smplx')
    inputs = random_inputs()
    rotations = {key: roma.rotvec_to_rotmat(inputs.pop(key).unflatten(1, (-1, 3))) for key in ROTATIONS}
    expected = reference(**inputs, **rotations, pose2rot=False)
    assert torch.equal(smpl(**inputs, **rotations).vertices, expected.vertices)
    assert torch.equal(smpl(**inputs, **rotations).joints[:, :45], expected.joints)
    assert torch.equal(smpl.forward_joints(**inputs, **rotations).joints[:, :45], expected.joints)
    assert not smpl.state_dict()


def test_layer_of_smplx_without_it_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'smplx', None)
    monkeypatch.setitem(sys.modules, 'smplx.lbs', None)
    with pytest.raises(ImportError, match=r"needs smplx.*pip install 'smplx>=0\.1\.28,<0\.2'"):
        SMPL(layer='smplx')
    with pytest.raises(ValueError, match="layer must be 'mmroi' or 'smplx', got 'own'"):
        SMPL(layer='own')


def test_joints_alone_are_those_of_the_mesh(smpl: SMPL) -> None:
    inputs = random_inputs(8)
    mesh, joints = smpl(**inputs), smpl.forward_joints(**inputs)
    torch.testing.assert_close(joints.joints, mesh.joints, atol=1e-6, rtol=0)
    torch.testing.assert_close(joints.joints_h36m, mesh.joints_h36m, atol=1e-6, rtol=0)


def test_joints_alone_have_the_gradients_of_the_mesh(smpl: SMPL) -> None:
    weights = torch.randn(8, 54, 3, generator=torch.Generator().manual_seed(1))
    gradients = []
    for pose in (smpl, smpl.forward_joints):
        inputs = {key: value.requires_grad_() for key, value in random_inputs(8).items()}
        (pose(**inputs).joints * weights).sum().backward()
        gradients.append([value.grad for value in inputs.values()])
    for mesh, joints in zip(*gradients, strict=True):
        torch.testing.assert_close(joints, mesh, atol=1e-5, rtol=1e-5)


def test_more_shape_coefficients(arrays: dict[str, np.ndarray], tmp_path: Path, smpl: SMPL) -> None:
    """Files of SMPL 1.1.0 have 300: those that are zero change nothing, and the others do."""
    rng = np.random.default_rng(0)
    more = np.concatenate([arrays['shapedirs'], 1e-3 * rng.normal(size=(6890, 3, 290))], axis=2)
    np.savez(tmp_path / 'body.npz', **{**arrays, 'shapedirs': more.astype(np.float32)})
    inputs = random_inputs()
    wide = SMPL(tmp_path / 'body.npz', num_betas=300)
    padded = torch.nn.functional.pad(inputs['betas'], (0, 290))
    output = wide(inputs['global_orient'], inputs['body_pose'], padded)
    for mine, theirs in zip(output, smpl(**inputs), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=0)
    rest = torch.zeros(1, 3), torch.zeros(1, 69)
    last = torch.eye(300)[299:]
    moved = wide(*rest, last).vertices - wide(*rest, 0 * last).vertices
    np.testing.assert_allclose(moved[0], more[..., 299], atol=1e-6)
    assert wide.mean_betas.shape == (300,) and wide.rest_root(padded).shape == (3, 3)
    for number in (0, 11):
        with pytest.raises(
            ValueError,
            match=rf"'shapedirs' has 10 shape coefficients; num_betas must be 1 to 10, not {number}",
        ):
            SMPL(num_betas=number)
    with pytest.raises(ValueError, match=r'betas has shape \(3, 10\); expected \(N, 300\)'):
        wide(**inputs)


def test_double_precision(smpl: SMPL) -> None:
    inputs = {key: value.double() for key, value in random_inputs().items()}
    double = SMPL().double()(**inputs)
    assert {points.dtype for points in double} == {torch.float64}
    for mine, theirs in zip(double, smpl(**inputs), strict=True):
        torch.testing.assert_close(theirs, mine.float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize('layer', ['mmroi', 'smplx'])
def test_skinning_weights_are_those_of_the_file(layer: str, arrays: dict[str, np.ndarray]) -> None:
    weights = SMPL(layer=layer).skinning_weights
    np.testing.assert_allclose(weights, arrays['weights'], atol=1e-7)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)


def test_compiles_whole(smpl: SMPL) -> None:
    inputs = random_inputs(2)
    for pose in (smpl.forward, smpl.forward_joints):
        compiled = torch.compile(pose, backend='eager', fullgraph=True)
        for mine, theirs in zip(compiled(**inputs), pose(**inputs), strict=True):
            assert torch.equal(mine, theirs)


def test_regressed_joints(smpl: SMPL, arrays: dict[str, np.ndarray]) -> None:
    output = smpl(**random_inputs())
    vertices = output.vertices.double()
    extra = output.joints[:, 45:]
    for joints, key in ((extra, 'J_regressor_extra'), (output.joints_h36m, 'J_regressor_h36m')):
        expected = torch.einsum('jv,nvk->njk', torch.from_numpy(arrays[key]).double(), vertices)
        torch.testing.assert_close(joints.double(), expected, atol=2e-6, rtol=0)
    assert torch.equal(smpl.regress_h36m(output.vertices), output.joints_h36m)


def test_official_folder_gives_the_same(smpl: SMPL, smpl_folder: Path) -> None:
    inputs = random_inputs()
    loaded = MODELS.build(dict(type='SMPL', model_path=str(smpl_folder)))
    for mine, theirs in zip(smpl(**inputs), loaded(**inputs), strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-6, rtol=0)
    female = SMPL(smpl_folder, gender='female')
    assert female(**inputs).vertices.std() < loaded(**inputs).vertices.std()


def test_is_exported_for_any_number_of_bodies(smpl: SMPL) -> None:
    people = {0: torch.export.Dim('N', min=1)}
    arguments = tuple(random_inputs(2).values())
    program = torch.export.export(smpl, arguments, dynamic_shapes=(people,) * 3)
    for count in (1, 5):
        arguments = tuple(random_inputs(count).values())
        for found, expected in zip(program.module()(*arguments), smpl(*arguments), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize('root_shape', [(3,), (3, 3), (1, 3, 3)])
@pytest.mark.parametrize('pose_shape', [(69,), (23, 3), (23, 3, 3)])
def test_all_forms_of_rotations_agree(smpl: SMPL, root_shape: tuple, pose_shape: tuple) -> None:
    inputs = random_inputs(2)
    root, pose = inputs['global_orient'], inputs['body_pose'].reshape(2, 23, 3)
    if len(root_shape) > 1:
        root = roma.rotvec_to_rotmat(root)
    if len(pose_shape) == 3:
        pose = roma.rotvec_to_rotmat(pose)
    output = smpl(root.reshape(2, *root_shape), pose.reshape(2, *pose_shape), inputs['betas'])
    torch.testing.assert_close(output.vertices, smpl(**inputs).vertices, atol=2e-6, rtol=0)


def test_one_shape_for_all_poses(smpl: SMPL) -> None:
    inputs = random_inputs()
    betas = inputs.pop('betas')[:1]
    expected = smpl(**inputs, betas=betas.repeat(3, 1)).vertices
    assert torch.equal(smpl(**inputs, betas=betas).vertices, expected)


def test_wrong_rotation_shape_is_an_error(smpl: SMPL) -> None:
    with pytest.raises(ValueError, match='body_pose.*23'):
        smpl(torch.zeros(2, 3), torch.zeros(2, 72), torch.zeros(2, 10))
    with pytest.raises(ValueError, match='global_orient'):
        smpl(torch.zeros(2, 6), torch.zeros(2, 69), torch.zeros(2, 10))
    with pytest.raises(ValueError, match='body_pose has shape'):
        smpl.forward_joints(torch.zeros(1, 3), torch.zeros(1, 21, 3), torch.zeros(1, 10))


def test_turns_about_the_rest_root(smpl: SMPL) -> None:
    inputs = random_inputs()
    turned = smpl(**inputs).vertices
    inputs['global_orient'], root = torch.zeros(3, 3), smpl.rest_root(inputs['betas'])
    matrix = roma.rotvec_to_rotmat(random_inputs()['global_orient'])
    unturned = smpl(**inputs)
    torch.testing.assert_close(unturned.joints[:, 0], root, atol=1e-6, rtol=0)
    expected = torch.einsum('nij,nvj->nvi', matrix, unturned.vertices - root[:, None]) + root[:, None]
    torch.testing.assert_close(turned, expected, atol=3e-6, rtol=0)


def test_gradients_reach_pose_shape_and_translation(smpl: SMPL) -> None:
    inputs = {key: value.requires_grad_() for key, value in random_inputs(1).items()}
    inputs['transl'] = torch.zeros(1, 3, requires_grad=True)
    output = smpl(**inputs)
    (output.joints.square().sum() + output.joints_h36m.square().sum()).backward()
    for key, value in inputs.items():
        assert torch.isfinite(value.grad).all() and (value.grad != 0).any(), key
    # beta 0's derivative against a central difference
    step = torch.zeros(1, 10)
    step[0, 0] = 0.05

    def energy(betas: torch.Tensor) -> float:
        joints = smpl(inputs['global_orient'], inputs['body_pose'], betas)
        return (joints.joints.double().square().sum() + joints.joints_h36m.double().square().sum()).item()

    numeric = (energy(inputs['betas'] + step) - energy(inputs['betas'] - step)) / 0.1
    assert numeric == pytest.approx(inputs['betas'].grad[0, 0].item(), rel=1e-3)


def test_zero_pose_has_a_finite_gradient(smpl: SMPL) -> None:
    pose = torch.zeros(1, 69, requires_grad=True)
    smpl(torch.zeros(1, 3), pose, torch.zeros(1, 10)).vertices.square().sum().backward()
    assert torch.isfinite(pose.grad).all()


def test_float32_under_autocast(smpl: SMPL) -> None:
    inputs = random_inputs()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        output = smpl(**{key: value.bfloat16().float() for key, value in inputs.items()})
        root = smpl.rest_root(inputs['betas'])
    assert output.vertices.dtype == root.dtype == torch.float32
    plain = smpl(**{key: value.bfloat16().float() for key, value in inputs.items()})
    assert torch.equal(output.vertices, plain.vertices)
    assert torch.equal(root, smpl.rest_root(inputs['betas']))


def test_nothing_enters_checkpoints(smpl: SMPL) -> None:
    assert not smpl.state_dict() and not list(smpl.parameters())


def test_mean_parameters_stand_upright_before_a_camera(smpl: SMPL) -> None:
    matrices = roma.special_gramschmidt(smpl.mean_pose6d.reshape(24, 3, 2))
    torch.testing.assert_close(matrices[0], torch.diag(torch.tensor([1.0, -1.0, -1.0])), atol=1e-6, rtol=0)
    joints = smpl(matrices[None, :1], matrices[None, 1:], smpl.mean_betas[None]).joints[0]
    assert joints[15, 1] < joints[0, 1] < joints[7, 1]  # y points down: head, pelvis, ankle
    assert joints[20, 1] > joints[16, 1] + 0.3  # hands hang
    assert joints[16, 0] > joints[17, 0]  # left shoulder at the image's right
    assert joints[24, 2] < joints[0, 2]  # the nose is nearer to the camera
    assert torch.equal(smpl.mean_camera, torch.tensor([0.9, 0.0, 0.0]))
