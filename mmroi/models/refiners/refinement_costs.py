"""What refinement weighs against each other: keypoints, the network's pose, shape and cameras, and priors."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from mmroi.body_models import SMPL
from mmroi.body_models.joint_kinematics import JointKinematics
from mmroi.models.refiners.body_state import BETAS, CAMERA, NUM_JOINTS, POSE, BodyState
from mmroi.models.refiners.pose_errors import PoseErrors
from mmroi.models.refiners.pose_prior import PosePrior
from mmroi.models.refiners.quadratic import Quadratic, cauchy, geman_mcclure
from mmroi.models.refiners.tangent import log_with_jacobian

_ROI_SCALE = 3.0  # standard deviations at which the camera of a RoI counts as wrong
_NEAREST = 0.1  # meters in front of the camera


@dataclass(frozen=True)
class Evidence:
    """What is known of N persons; pixels relative to the principal point.

    Attributes:
        keypoints: (N, K, 3) x, y and confidence.
        size: (N,) size of the person in the image, pixels.
        rotations: The network's (N, 24, 3, 3).
        betas: The network's (N, B).
        local_cameras: The network's (N, M, 3).
        boxes: (N, M, 3).
        focal_length: (N,) pixels.
    """

    keypoints: Tensor
    size: Tensor
    rotations: Tensor
    betas: Tensor
    local_cameras: Tensor
    boxes: Tensor
    focal_length: Tensor

    def __getitem__(self, rows: Tensor) -> Evidence:
        """Evidence of some of the persons."""
        return Evidence(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


class RefinementCosts(nn.Module):
    """Cost of bodies, with its gradient and Gauss-Newton Hessian; all derivatives are exact.

    Every residual is divided by the standard deviation that is expected of it, so all weights have the same
    meaning. See :class:`KeypointRefiner` for the arguments.
    """

    def __init__(
        self,
        body: SMPL,
        joints: list[int],
        prior: PosePrior,
        errors: PoseErrors,
        keypoint_sigma: float,
        outlier: float,
        roi_weight: float,
        depth_sigma: float,
        offset_sigma: float,
        shape_weight: float,
        shape_prior_weight: float,
    ) -> None:
        super().__init__()
        self.kinematics = JointKinematics(body, joints)
        self.prior, self.errors = prior, errors
        self.keypoint_sigma, self.outlier_scale = keypoint_sigma, outlier / keypoint_sigma
        self.roi_weight, self.depth_sigma, self.offset_sigma = roi_weight, depth_sigma, offset_sigma
        self.shape_weight, self.shape_prior_weight = shape_weight, shape_prior_weight

    def forward(self, state: BodyState, evidence: Evidence) -> Quadratic:
        """Compute the costs.

        Args:
            state: N bodies.
            evidence: Of the same persons.

        Returns:
            Quadratic: Costs of the N persons.
        """
        size = state.betas.shape[1] + 3 * NUM_JOINTS + 3
        quadratic = Quadratic.zeros(len(state), size, state.betas)
        self._add_keypoints(quadratic, state, evidence)
        self.errors.add_to(quadratic, state, evidence.rotations)
        self.prior.add_to(quadratic, *log_with_jacobian(state.rotations[:, 1:]))
        self._add_shape(quadratic, state, evidence)
        self._add_cameras(quadratic, state, evidence)
        return quadratic

    def network_information(self, state: BodyState, evidence: Evidence) -> Tensor:
        """Compute the information (N, D, D) about bodies of which nothing but the network is known.

        Args:
            state: What the network predicts.
            evidence: The same persons.
        """
        size = state.betas.shape[1] + 3 * NUM_JOINTS + 3
        quadratic = Quadratic.zeros(len(state), size, state.betas)
        quadratic.hessian[:, POSE, POSE] += self.errors.precision
        self._add_shape(quadratic, state, evidence)
        self._add_cameras(quadratic, state, evidence)
        return quadratic.hessian

    def project(self, state: BodyState, focal_length: Tensor) -> Tensor:
        """Project the joints, (N, K, 2) pixels; NaN behind the camera."""
        points = self.kinematics(state.rotations, state.betas) + state.translation[:, None]
        pixels = focal_length[:, None, None] * points[..., :2] / points[..., 2:]
        return pixels.where(points[..., 2:] > _NEAREST, torch.nan)

    def _add_keypoints(self, quadratic: Quadratic, state: BodyState, evidence: Evidence) -> None:
        points, by_pose, by_shape = self.kinematics.with_jacobian(state.rotations, state.betas)
        points = points + state.translation[:, None]
        depth = points[..., 2].clamp(min=_NEAREST)
        seen = (evidence.keypoints[..., 2] > 0) & (points[..., 2] > _NEAREST)
        scale = evidence.focal_length[:, None] / depth
        pixels = scale[..., None] * points[..., :2]
        unit = 1 / (self.keypoint_sigma * evidence.size)[:, None]
        residuals = ((pixels - evidence.keypoints[..., :2]) * unit[..., None]).where(seen[..., None], 0)
        by_camera = state.translation_jacobian()[:, None].expand(-1, points.shape[1], -1, -1)
        by_step = torch.cat((by_pose.flatten(3), by_shape, by_camera), dim=-1)  # of the points
        projection = points.new_zeros(*points.shape[:2], 2, 3)
        projection[..., 0, 0] = projection[..., 1, 1] = scale
        projection[..., 2] = -pixels / depth[..., None]
        jacobian = (projection * unit[..., None, None]) @ by_step
        confidence = evidence.keypoints[..., 2]
        loss = geman_mcclure(residuals.square().sum(-1), self.outlier_scale)
        # Points behind the camera cost as much as outliers.
        value = torch.where(points[..., 2] > _NEAREST, loss.value, self.outlier_scale**2)
        weights = (loss.weight * confidence * seen)[..., None].expand(-1, -1, 2)
        quadratic.add_residuals(
            slice(None),
            residuals.flatten(1),
            jacobian.flatten(1, 2),
            (value * confidence).sum(1),
            weights.flatten(1),
        )

    def _add_shape(self, quadratic: Quadratic, state: BodyState, evidence: Evidence) -> None:
        identity = torch.eye(state.betas.shape[1], dtype=state.betas.dtype, device=state.betas.device)
        for weight, center in (
            (self.shape_weight, evidence.betas),
            (self.shape_prior_weight, torch.zeros_like(evidence.betas)),
        ):
            residuals = state.betas - center
            cost = weight / 2 * residuals.square().sum(1)
            quadratic.add(BETAS, cost, weight * residuals, weight * identity)

    def _add_cameras(self, quadratic: Quadratic, state: BodyState, evidence: Evidence) -> None:
        boxes, local = evidence.boxes, evidence.local_cameras
        depth = state.translation[:, None, 2:]  # (N, 1, 1)
        focal = evidence.focal_length[:, None]
        # The local camera of each box that shows what the full camera shows.
        offsets = state.translation[:, None, :2] - boxes[..., :2] * (depth / focal[..., None])
        log_depths = (2 * focal / (boxes[..., 2] * local[..., 0])).log()
        residuals = torch.cat(
            (
                (offsets - local[..., 1:]) / self.offset_sigma,
                (state.camera[:, None, 2:] - log_depths[..., None]) / self.depth_sigma,
            ),
            dim=-1,
        )
        jacobian = residuals.new_zeros(*residuals.shape, 3)
        jacobian[..., 0, 0] = jacobian[..., 1, 1] = depth[..., 0] / self.offset_sigma
        jacobian[..., :2, 2] = offsets / self.offset_sigma
        jacobian[..., 2, 2] = 1 / self.depth_sigma
        loss = cauchy(residuals.square().sum(-1), _ROI_SCALE)
        # The RoIs see the same pixels and err together: all of them count as one observation.
        share = self.roi_weight / residuals.shape[1]
        weights = (share * loss.weight).repeat_interleave(3, dim=1)
        quadratic.add_residuals(
            CAMERA, residuals.flatten(1), jacobian.flatten(1, 2), share * loss.value.sum(1), weights
        )
