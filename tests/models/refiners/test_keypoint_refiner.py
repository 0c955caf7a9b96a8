"""Refinement of people: what it gains, what it refuses, and SciPy's minimum."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import roma
import torch
from scipy.optimize import least_squares
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.geometry import full_to_local, project
from mmroi.models.refiners import REFINED, KeypointRefiner, Refinement
from mmroi.models.refiners.keypoint_refiner import (
    BEHIND_CAMERA,
    FEW_KEYPOINTS,
    NOT_CONVERGED,
    OTHER_PERSON,
)
from mmroi.models.refiners.pose_errors import _SCALE as REGRESSION_SCALE
from mmroi.models.refiners.pose_errors import POSE_ERRORS
from mmroi.registry import MODELS
from mmroi.structures import Predictions

REGRESSION_WEIGHT = inspect.signature(KeypointRefiner).parameters['regression_weight'].default


def refine(crowd, refiner: KeypointRefiner, keypoints: Tensor | None = None) -> Refinement:  # noqa: ANN001
    keypoints = crowd.keypoints if keypoints is None else keypoints
    return refiner(crowd.predictions, keypoints, crowd.boxes, crowd.focal_length)


@pytest.fixture(scope='module')
def refiner(crowd) -> KeypointRefiner:  # noqa: ANN001
    return KeypointRefiner(crowd.body)


def errors(crowd, predictions: Predictions) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN001
    """Errors in 3D (relative to the root), in 2D at the keypoints, and of the camera."""
    true = SMPL().double().forward_joints(crowd.rotations[:, :1], crowd.rotations[:, 1:], crowd.betas).joints
    found = predictions.joints3d.double()
    bodies = ((found - found[:, :1]) - (true - true[:, :1]))[:, :24].norm(dim=-1).mean(1)
    pixels = project(found, predictions.camera_translation.double(), crowd.focal_length)
    seen = crowd.keypoints[..., 2]
    flat = ((pixels - crowd.keypoints[..., :2]).norm(dim=-1) * seen).sum(1) / seen.sum(1)
    return bodies, flat, (predictions.camera_translation.double() - crowd.translation).norm(dim=1)


def test_people_get_closer_in_3d_in_2d_and_in_depth(crowd, refiner: KeypointRefiner) -> None:  # noqa: ANN001
    refined = refine(crowd, refiner)
    assert refined.statuses == [REFINED] * 6
    before, after = errors(crowd, crowd.predictions), errors(crowd, refined.predictions)
    assert after[0].mean() < 0.8 * before[0].mean()
    assert (after[1] < 0.3 * before[1]).all()
    assert after[2].mean() < 0.6 * before[2].mean()
    assert (refined.after < refined.before).all()


def test_all_parts_of_the_predictions_agree(crowd, refiner: KeypointRefiner) -> None:  # noqa: ANN001
    found = refine(crowd, refiner).predictions
    body = crowd.body(found.global_orient, found.body_pose, found.betas)
    torch.testing.assert_close(found.joints3d, body.joints)
    torch.testing.assert_close(found.vertices, body.vertices)
    torch.testing.assert_close(found.full_cameras, found.camera_translation[:, None].expand(-1, 5, -1))
    local = full_to_local(found.full_cameras.double(), crowd.boxes, crowd.focal_length[:, None])
    torch.testing.assert_close(found.local_cameras.double(), local, atol=1e-5, rtol=1e-5)
    eye = torch.eye(3).expand(6, 24, 3, 3)
    torch.testing.assert_close(found.rotations @ found.rotations.mT, eye, atol=1e-5, rtol=0)


def test_people_do_not_depend_on_each_other(crowd, refiner: KeypointRefiner) -> None:  # noqa: ANN001
    together = refine(crowd, refiner).predictions
    rows = slice(2, 3)
    alone = refiner(
        crowd.predictions[rows], crowd.keypoints[rows], crowd.boxes[rows], crowd.focal_length[rows]
    )
    torch.testing.assert_close(alone.predictions.joints3d, together.joints3d[rows], atol=1e-5, rtol=0)


def test_one_wrong_keypoint_is_ignored(crowd, refiner: KeypointRefiner) -> None:  # noqa: ANN001
    keypoints = crowd.keypoints.clone()
    keypoints[:, 20, :2] += 150  # the left wrist
    found, right = refine(crowd, refiner, keypoints), refine(crowd, refiner)
    assert found.statuses == [REFINED] * 6
    others = [j for j in range(24) if j not in (18, 20, 22)]
    moved = (found.predictions.joints3d - right.predictions.joints3d)[:, others].norm(dim=-1)
    assert moved.mean() < 0.02


def test_joints_beyond_coco_are_used_too(crowd, refiner: KeypointRefiner) -> None:  # noqa: ANN001
    keypoints = crowd.keypoints.clone()
    keypoints[..., 2] = 1
    fewer, more = refine(crowd, refiner), refine(crowd, refiner, keypoints)
    assert errors(crowd, more.predictions)[0].mean() < errors(crowd, fewer.predictions)[0].mean()


def _few(keypoints: Tensor) -> None:
    keypoints[0, 10:, 2] = 0


def _not_finite(keypoints: Tensor) -> None:
    keypoints[0, ::2], keypoints[0, 1::2, 2] = torch.nan, torch.inf
    keypoints[0, 1::2, 0] = torch.inf


def _unsure(keypoints: Tensor) -> None:
    keypoints[0, :, 2] = 0


def _neighbor(keypoints: Tensor) -> None:
    keypoints[0, :, 0] += 400


def _sharing_the_box(keypoints: Tensor) -> None:
    keypoints[0, :, 0] += 90


def _scrambled(keypoints: Tensor) -> None:
    keypoints[0, :, :2] = keypoints[0, torch.randperm(54, generator=torch.Generator().manual_seed(0)), :2]


def _shrunk(keypoints: Tensor) -> None:
    center = keypoints[0, keypoints[0, :, 2] > 0, :2].mean(0)
    keypoints[0, :, :2] = center + 0.1 * (keypoints[0, :, :2] - center)


@pytest.mark.parametrize(
    ('spoil', 'status'),
    [
        (_few, FEW_KEYPOINTS),
        (_not_finite, FEW_KEYPOINTS),
        (_unsure, FEW_KEYPOINTS),
        (_neighbor, OTHER_PERSON),
        (_sharing_the_box, OTHER_PERSON),
        (_scrambled, OTHER_PERSON),
        (_shrunk, OTHER_PERSON),
    ],
)
def test_bad_keypoints_keep_the_start_of_their_person_alone(
    crowd,
    refiner: KeypointRefiner,
    spoil,
    status: str,  # noqa: ANN001
) -> None:
    keypoints = crowd.keypoints.clone()
    spoil(keypoints)
    found = refine(crowd, refiner, keypoints)
    assert found.statuses == [status] + [REFINED] * 5
    for name in Predictions.names():
        assert torch.equal(getattr(found.predictions, name)[0], getattr(crowd.predictions, name)[0]), name
    assert torch.equal(found.before[:1].nan_to_num(), found.after[:1].nan_to_num())
    assert (found.after[1:] < found.before[1:]).all()


def test_distances_and_certainty_of_each_joint(crowd, refiner: KeypointRefiner) -> None:  # noqa: ANN001
    keypoints = crowd.keypoints.clone()
    keypoints[0, :, 2] = 0  # nothing but the network
    found = refine(crowd, refiner, keypoints)
    seen = keypoints[..., 2] > 0
    assert torch.equal(found.distances.isnan(), ~seen)
    pixels = project(
        found.predictions.joints3d.double(),
        found.predictions.camera_translation.double(),
        crowd.focal_length,
    )
    off = (pixels - keypoints[..., :2]).norm(dim=-1)
    torch.testing.assert_close(found.distances[seen], off[seen], atol=0.02, rtol=0)
    torch.testing.assert_close(found.after[1:], found.distances.nanmedian(1).values[1:])
    assert found.joint_std.shape == (6, 24) and (found.joint_std > 0).all()
    assert found.joint_std[1:].mean() < found.joint_std[0].mean()
    wrist, hidden = 20, keypoints.clone()
    hidden[1, wrist, 2] = 0
    unsure = refine(crowd, refiner, hidden).joint_std
    assert unsure[1, wrist] > 1.1 * found.joint_std[1, wrist]
    joints = crowd.body.double().forward_joints(
        found.state.rotations[:, :1], found.state.rotations[:, 1:], found.state.betas
    )
    crowd.body.float()
    torch.testing.assert_close(joints.joints.float(), found.predictions.joints3d, atol=1e-4, rtol=0)


def test_a_person_behind_the_camera_is_kept(crowd, refiner: KeypointRefiner) -> None:  # noqa: ANN001
    translation = crowd.predictions.camera_translation * torch.tensor([1.0, 1, -1])
    behind = replace(crowd.predictions, camera_translation=translation)
    found = refiner(behind, crowd.keypoints, crowd.boxes, crowd.focal_length)
    assert found.statuses == [BEHIND_CAMERA] * 6
    assert torch.equal(found.predictions.vertices, behind.vertices)
    assert found.information.isnan().any() and found.joint_std.isnan().all()


def test_a_fit_that_does_not_converge_keeps_the_start(crowd) -> None:  # noqa: ANN001
    found = refine(crowd, KeypointRefiner(crowd.body, max_iterations=1))
    assert found.statuses == [NOT_CONVERGED] * 6
    assert torch.equal(found.predictions.betas, crowd.predictions.betas)


def test_keypoints_of_another_convention_are_refused(crowd, refiner: KeypointRefiner) -> None:  # noqa: ANN001
    with pytest.raises(ValueError, match=r"\(6, 54, 3\).*'smpl_54'.*convert_keypoints.*\(6, 17, 3\)"):
        refine(crowd, refiner, crowd.keypoints[:, :17])


def test_nobody_is_nobody(crowd, refiner: KeypointRefiner) -> None:  # noqa: ANN001
    none = slice(0, 0)
    found = refiner(
        crowd.predictions[none], crowd.keypoints[none], crowd.boxes[none], crowd.focal_length[none]
    )
    assert len(found.predictions) == 0 and found.statuses == []


def test_it_is_built_from_a_config_and_has_no_weights() -> None:
    built = MODELS.build(dict(type='KeypointRefiner', body_model=dict(type='SMPL'), roi_weight=0.0))
    assert isinstance(built, KeypointRefiner) and not built.state_dict()


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(roi_weight=-1.0), 'roi_weight must be a zero or positive number, not -1.0'),
        (dict(outlier=0), 'outlier must be a positive number, not 0'),
        (dict(max_iterations=0), 'max_iterations must be a positive number, not 0'),
        (dict(prior_weight='a'), "prior_weight must be a zero or positive number, not 'a'"),
        (dict(tolerance=float('nan')), 'tolerance must be a positive number, not nan'),
    ],
)
def test_options_out_of_range_are_refused(crowd, options: dict, message: str) -> None:  # noqa: ANN001
    with pytest.raises(ValueError, match=f'KeypointRefiner: {message}'):
        KeypointRefiner(crowd.body, **options)


def test_a_missing_or_foreign_prior_is_named(crowd, tmp_path) -> None:  # noqa: ANN001
    with pytest.raises(FileNotFoundError, match='nowhere.npz'):
        KeypointRefiner(crowd.body, prior=str(tmp_path / 'nowhere.npz'))
    foreign = tmp_path / 'foreign.npz'
    np.savez(foreign, means=np.zeros(3))
    with pytest.raises(ValueError, match='foreign.npz is no pose prior, it lacks covariances'):
        KeypointRefiner(crowd.body, prior=str(foreign))
    with pytest.raises(ValueError, match='foreign.npz lacks covariance'):
        KeypointRefiner(crowd.body, errors=str(foreign))


def test_scipy_finds_the_same_minimum(crowd) -> None:  # noqa: ANN001
    """The same cost as plain residuals, posed by the body model itself, with a numeric Jacobian."""
    options = dict(prior_weight=0.0, limit_weight=0.0, max_iterations=200, tolerance=1e-10)
    refiner = KeypointRefiner(crowd.body, **options)
    row, keypoints = slice(0, 1), crowd.keypoints.clone()
    keypoints[..., :2] += 4 * torch.sin(torch.arange(54.0))[:, None]
    found = refiner(crowd.predictions[row], keypoints[row], crowd.boxes[row], crowd.focal_length[row])
    assert found.statuses == [REFINED]
    problem = _Problem(crowd, keypoints[0])
    solved = least_squares(problem, problem.start, problem.jacobian, xtol=1e-10, ftol=1e-10, gtol=1e-10)
    joints, translation = problem.pose(torch.from_numpy(solved.x[None]))
    torch.testing.assert_close(found.predictions.camera_translation.double(), translation, atol=2e-3, rtol=0)
    torch.testing.assert_close(found.predictions.joints3d.double(), joints, atol=1e-3, rtol=0)


class _Problem:
    """Residuals whose squares add up to twice the cost, written from its description."""

    def __init__(self, crowd, keypoints: Tensor) -> None:  # noqa: ANN001
        self.body = SMPL().double()
        self.rotations = crowd.predictions.rotations[:1].double()
        self.betas = crowd.predictions.betas[0].double()
        self.local, self.boxes = crowd.predictions.local_cameras[0].double(), crowd.boxes[0]
        self.keypoints = keypoints[keypoints[:, 2] > 0, :2]
        self.seen = keypoints[:, 2] > 0
        with np.load(POSE_ERRORS) as file:
            precision = torch.linalg.inv(torch.tensor(file['covariance'], dtype=torch.float64))
        self.factor = torch.linalg.cholesky(precision)
        x, y, z = crowd.predictions.camera_translation[0].double().tolist()
        self.start = np.concatenate([np.zeros(72), self.betas.numpy(), [x / z, y / z, np.log(z)]])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.residuals(torch.from_numpy(x[None]))[0].numpy()

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        steps = 1e-6 * torch.eye(len(x), dtype=torch.float64)
        steps = torch.from_numpy(x) + torch.cat((steps, -steps))
        forward, backward = self.residuals(steps).chunk(2)
        return ((forward - backward) / 2e-6).T.numpy()

    def pose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        rotations = self.rotations @ roma.rotvec_to_rotmat(x[:, :72].unflatten(1, (24, 3)))
        joints = self.body.forward_joints(rotations[:, :1], rotations[:, 1:], x[:, 72:82]).joints
        depth = x[:, 84:].exp()
        return joints, torch.cat((x[:, 82:84] * depth, depth), dim=1)

    def residuals(self, x: Tensor) -> Tensor:
        joints, translation = self.pose(x)
        points = joints[:, self.seen] + translation[:, None]
        off = (600.0 * points[..., :2] / points[..., 2:] - self.keypoints) / (0.01 * self.boxes[0, 2])
        off = off / (1 + off.square().sum(-1, keepdim=True) / 8.0**2).sqrt()  # Geman-McClure
        pose = self._cauchy(x[:, :72] @ self.factor, REGRESSION_SCALE * 72**0.5)
        depth = translation[:, None, 2:]
        offsets = translation[:, None, :2] - self.boxes[:, :2] * depth / 600.0 - self.local[:, 1:]
        depths = depth.log() - (1200.0 / (self.boxes[:, 2:] * self.local[:, :1])).log()
        cameras = self._cauchy(torch.cat((offsets / 0.2, depths / 0.15), dim=-1), 3.0) / 5**0.5
        shape = torch.cat((0.5**0.5 * (x[:, 72:82] - self.betas), x[:, 72:82]), dim=1)
        return torch.cat((off.flatten(1), REGRESSION_WEIGHT**0.5 * pose, shape, cameras.flatten(1)), dim=1)

    @staticmethod
    def _cauchy(residuals: Tensor, scale: float) -> Tensor:
        squares = residuals.square().sum(-1, keepdim=True) + 1e-12
        return residuals * (scale**2 * torch.log1p(squares / scale**2) / squares).sqrt()


def test_deviations_of_the_network_are_combined_with_what_keypoints_leave_open(
    crowd,  # noqa: ANN001
    refiner: KeypointRefiner,
) -> None:
    keypoints = crowd.keypoints.clone()
    keypoints[0, :, 2] = 0  # this person stays as the network says
    own = torch.linspace(0.02, 0.2, 24).repeat(6, 1)
    known = crowd._replace(predictions=replace(crowd.predictions, joints_std=own))
    found = refine(known, refiner, keypoints)
    assert found.statuses[1:] == [REFINED] * 5
    combined = found.predictions.joints_std
    assert combined is not None and torch.equal(combined[0], own[0])
    expected = own[1:] ** 0.3 * found.joint_std[1:].float() ** 0.7
    torch.testing.assert_close(combined[1:], expected)
    assert refine(crowd, refiner, keypoints).predictions.joints_std is None
