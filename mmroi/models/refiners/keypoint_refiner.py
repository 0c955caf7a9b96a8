"""``KeypointRefiner`` fits pose, shape and camera of each person to 2D keypoints, starting from a network."""

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mmroi.body_models import SMPL
from mmroi.geometry.precision import without_autocast
from mmroi.models.refiners.body_state import BodyState, pose_state
from mmroi.models.refiners.joint_deviations import JointDeviations
from mmroi.models.refiners.levenberg_marquardt import minimize
from mmroi.models.refiners.pose_errors import PoseErrors
from mmroi.models.refiners.pose_prior import PosePrior
from mmroi.models.refiners.refinement_costs import Evidence, RefinementCosts
from mmroi.registry import MODELS
from mmroi.structures import COCO_17, SMPL_54, Predictions

REFINED = 'refined'
FEW_KEYPOINTS = 'kept: too few keypoints'
OTHER_PERSON = 'kept: the keypoints do not fit the person'
BEHIND_CAMERA = 'kept: the person is behind the camera'
NOT_CONVERGED = 'kept: the optimization did not converge'

_COCO_JOINTS = tuple(SMPL_54.index(name) for name in COCO_17)
_NEAREST = 0.1  # meters
# Of deviations after refinement: the weights of the cost are those that give the best bodies, not those that
# are likely. Without it, 90 % intervals cover 78 % (docs/refinement.md).
_WIDER = 1.4
# How sure the network was of a joint still tells where it is wrong after refinement, by this power: with it,
# deviations and errors correlate best (docs/uncertainty.md).
_NETWORKS_SHARE = 0.3
_MAX_CONFIDENCE = 1.0  # COCO's visibility is 2


class Refinement(NamedTuple):
    """Result of refinement.

    Attributes:
        predictions: Bodies and cameras of N persons; those that were kept are unchanged.
        statuses: What happened to each person: ``REFINED``, or why the start was kept.
        before: (N,) median distance of the projected joints from the keypoints at the start, pixels; NaN if
            there is no keypoint.
        after: (N,) the same for the returned bodies.
        distances: (N, 54) distances of the returned joints from the keypoints, pixels; NaN without a
            keypoint, infinite behind the camera.
        state: The returned bodies as the unknowns of refinement.
        information: (N, D, D) inverse covariance of a step from ``state``: the Gauss-Newton Hessian of the
            cost. For people who were kept, that of the network's usual errors. NaN behind the camera.
        joint_std: (N, 24) what follows for SMPL's joints relative to Human3.6M's pelvis: the standard
            deviation of each coordinate, meters.
    """

    predictions: Predictions
    statuses: list[str]
    before: Tensor
    after: Tensor
    distances: Tensor
    state: BodyState
    information: Tensor
    joint_std: Tensor


@dataclass(frozen=True)
class _Usable:
    """Which persons can be refined, and why the others cannot."""

    rows: Tensor
    statuses: list[str]


@MODELS.register_module()
class KeypointRefiner(nn.Module):
    """Makes bodies and cameras agree with 2D keypoints, by Levenberg-Marquardt from what a network predicts.

    Unknowns are the pose, the shape and one full camera. The cost adds, each over its standard deviation:
    projected joints minus keypoints (Geman-McClure, times confidence); the distance of pose and shape from
    the network's, with the usual correlations of its errors; the distance of the camera from that of each
    RoI; and how unusual pose and shape are. Only joints are posed inside the loop, with an analytic Jacobian,
    in float64.

    A fit is returned if it converged and most keypoints lie on the body; else the start is, with the reason.

    Args:
        body_model: The body of the network, or its config.
        keypoint_sigma: Standard deviation of the keypoints, as a fraction of the height of the base RoI.
        outlier: Distance at which a keypoint counts as wrong, as such a fraction.
        min_confidence: Keypoints below it are not used.
        min_keypoints: Persons with fewer keypoints are kept as they are.
        min_inliers: Smallest share of the keypoints that must be closer than ``outlier`` in the end.
        max_start: Largest median distance of the network's joints from the keypoints, as such a fraction.
            Beyond it, network and keypoints mean different people who share the box.
        max_depth_change: Largest factor between the depths of a fit and of the network. On images of the
            studio it is below 2; keypoints much smaller than the person lead far away.
        regression_weight: Of the network's pose.
        prior_weight: Of the pose prior.
        limit_weight: Of the joint limits.
        roi_weight: Of the network's cameras. All RoIs together count as one observation, because their
            errors are almost the same.
        depth_sigma: Standard deviation of a network's depth, relative.
        offset_sigma: Standard deviation of a network's x and y, meters.
        shape_weight: Of the network's shape.
        shape_prior_weight: Of the mean shape.
        prior: File of the pose prior; by default the shipped one.
        errors: File of the usual errors of a network's poses; by default the shipped one.
        max_iterations: Maximum number of steps.
        tolerance: A fit has converged when a step lowers its cost by less than this fraction.

    Raises:
        FileNotFoundError: If ``prior`` or ``errors`` does not exist.
        ValueError: If a weight is negative, or a deviation, distance or limit is not positive.
    """

    def __init__(
        self,
        body_model: SMPL | dict[str, Any] | None = None,
        keypoint_sigma: float = 0.01,
        outlier: float = 0.08,
        min_confidence: float = 0.2,
        min_keypoints: int = 5,
        min_inliers: float = 0.6,
        max_start: float = 0.25,
        max_depth_change: float = 3.0,
        regression_weight: float = 8.0,
        prior_weight: float = 0.3,
        limit_weight: float = 1.0,
        roi_weight: float = 1.0,
        depth_sigma: float = 0.15,
        offset_sigma: float = 0.2,
        shape_weight: float = 0.5,
        shape_prior_weight: float = 1.0,
        prior: str | None = None,
        errors: str | None = None,
        max_iterations: int = 50,
        tolerance: float = 1e-3,
    ) -> None:
        super().__init__()
        positive = dict(
            keypoint_sigma=keypoint_sigma,
            outlier=outlier,
            max_start=max_start,
            depth_sigma=depth_sigma,
            offset_sigma=offset_sigma,
            max_iterations=max_iterations,
            tolerance=tolerance,
        )
        weights = dict(
            regression_weight=regression_weight,
            prior_weight=prior_weight,
            limit_weight=limit_weight,
            roi_weight=roi_weight,
            shape_weight=shape_weight,
            shape_prior_weight=shape_prior_weight,
        )
        for name, value in {**positive, **weights}.items():
            if not isinstance(value, int | float) or not value >= 0 or (name in positive and not value):
                what = 'positive' if name in positive else 'zero or positive'
                raise ValueError(f'KeypointRefiner: {name} must be a {what} number, not {value!r}')
        body = body_model if isinstance(body_model, SMPL) else MODELS.build(body_model or dict(type='SMPL'))
        self._body = [body]  # in a list: the network owns it
        self.outlier, self.min_confidence = outlier, min_confidence
        self.min_keypoints, self.min_inliers, self.max_start = min_keypoints, min_inliers, max_start
        self.max_depth_change = max_depth_change
        self.max_iterations, self.tolerance = max_iterations, tolerance
        options = dict(
            prior=PosePrior(prior, prior_weight, limit_weight),
            errors=PoseErrors(errors, regression_weight),
            keypoint_sigma=keypoint_sigma,
            outlier=outlier,
            roi_weight=roi_weight,
            depth_sigma=depth_sigma,
            offset_sigma=offset_sigma,
            shape_weight=shape_weight,
            shape_prior_weight=shape_prior_weight,
        )
        self.costs = RefinementCosts(body, list(range(len(SMPL_54))), **options)  # type: ignore[arg-type]
        self.coco_costs = RefinementCosts(body, list(_COCO_JOINTS), **options)  # type: ignore[arg-type]
        self.joint_deviations = JointDeviations(body)
        self.to(body.mean_betas.device)

    @property
    def body_model(self) -> SMPL:
        """The body of the network."""
        return self._body[0]

    @torch.no_grad()
    @without_autocast
    def forward(
        self, predictions: Predictions, keypoints: Tensor, boxes: Tensor, focal_length: Tensor
    ) -> Refinement:
        """Refine the predictions for N persons.

        Args:
            predictions: The network's.
            keypoints: (N, 54, 3) in ``smpl_54``: x, y in pixels relative to the principal point, and
                confidence; 0 or NaN where unknown.
            boxes: (N, M, 3) RoIs, pixels relative to the principal point.
            focal_length: (N,) pixels.

        Returns:
            Refinement: Of the N persons.

        Raises:
            ValueError: If the keypoints have another shape.
        """
        expected = (len(predictions), len(SMPL_54), 3)
        if tuple(keypoints.shape) != expected:
            raise ValueError(
                f'KeypointRefiner: keypoints must have shape {expected}, x, y and confidence of the joints '
                f"of 'smpl_54' (mmroi.structures.convert_keypoints converts), got {tuple(keypoints.shape)}"
            )
        device = next(self.buffers()).device
        evidence = Evidence(
            keypoints=self._clean(keypoints.to(device).double()),
            size=boxes[:, 0, 2].to(device).double(),
            rotations=predictions.rotations.to(device).double(),
            betas=predictions.betas.to(device).double(),
            local_cameras=predictions.local_cameras.to(device).double(),
            boxes=boxes.to(device).double(),
            focal_length=focal_length.to(device).double(),
        )
        translation = predictions.camera_translation.to(device).double()
        costs, evidence = self._choose_joints(evidence)
        start = BodyState.start(evidence.rotations, evidence.betas, translation)
        distances = _distances(costs, start, evidence)
        medians = _median(distances)
        usable = self._find_usable(evidence, translation, medians)
        rows, statuses = usable.rows, usable.statuses
        known = evidence[rows]
        found = minimize(
            lambda state, active: costs(state, known[active]),
            start[rows],
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
        )
        fitted = _distances(costs, found.state, known)
        inliers = (fitted < self.outlier * known.size[:, None]).sum(1)
        change = (found.state.translation[:, 2] / translation[rows, 2]).log().abs()
        fits = (inliers >= self.min_inliers * (~fitted.isnan()).sum(1)) & (
            change <= math.log(self.max_depth_change)
        )
        for row, converged, fit in zip(rows.tolist(), found.converged.tolist(), fits.tolist(), strict=True):
            statuses[row] = (REFINED if fit else OTHER_PERSON) if converged else NOT_CONVERGED
        taken = found.converged & fits
        rows, refined, fitted = rows[taken], found.state[taken], fitted[taken]
        state = start.put(rows, refined)
        information = costs.network_information(start, evidence)
        information = information.index_copy(0, rows, costs(refined, evidence[rows]).hessian)
        joint_std = self.joint_deviations(state, information)
        joint_std = joint_std.index_copy(0, rows, _WIDER * joint_std[rows])
        return Refinement(
            predictions=_widen(self._pose(predictions, rows, refined, evidence[rows]), rows, joint_std),
            statuses=statuses,
            before=medians,
            after=medians.index_copy(0, rows, _median(fitted)),
            distances=self._of_all_joints(distances.index_copy(0, rows, fitted)),
            state=state,
            information=information,
            joint_std=joint_std,
        )

    def _clean(self, keypoints: Tensor) -> Tensor:
        """Set the confidence of what cannot be used to 0, with finite coordinates."""
        confidence = keypoints[..., 2:].nan_to_num(0.0, 0.0, 0.0).clamp(max=_MAX_CONFIDENCE)
        good = keypoints[..., :2].isfinite().all(-1, keepdim=True) & (confidence >= self.min_confidence)
        good = good & (confidence > 0)
        return torch.cat((keypoints[..., :2].where(good, 0), confidence.where(good, 0)), dim=-1)

    def _choose_joints(self, evidence: Evidence) -> tuple[RefinementCosts, Evidence]:
        """Leave out the joints that no detector of COCO's keypoints finds, if nobody has them."""
        coco = torch.tensor(_COCO_JOINTS, device=evidence.keypoints.device)
        others = evidence.keypoints[..., 2].index_fill(1, coco, 0)
        if others.any():
            return self.costs, evidence
        values = vars(evidence)
        return self.coco_costs, Evidence(**dict(values, keypoints=evidence.keypoints[:, coco]))

    def _of_all_joints(self, values: Tensor) -> Tensor:
        """Put values (N, K) of the joints that were chosen among all 54; NaN elsewhere."""
        if values.shape[1] == len(SMPL_54):
            return values
        every = values.new_full((len(values), len(SMPL_54)), torch.nan)
        return every.index_copy(1, torch.tensor(_COCO_JOINTS, device=values.device), values)

    def _find_usable(self, evidence: Evidence, translation: Tensor, medians: Tensor) -> _Usable:
        seen = evidence.keypoints[..., 2] > 0
        x, y, size = evidence.boxes[:, 0].unbind(-1)
        offset = (evidence.keypoints[..., :2] - torch.stack((x, y), dim=-1)[:, None]).abs().amax(-1)
        inside = (seen & (offset <= size[:, None] / 2)).sum(1)
        few = seen.sum(1) < self.min_keypoints
        other = (inside < self.min_inliers * seen.sum(1)) | (medians > self.max_start * size)
        behind = ~(translation[:, 2] > _NEAREST)
        reasons = ((behind, BEHIND_CAMERA), (few, FEW_KEYPOINTS), (other, OTHER_PERSON))
        statuses = [
            next((text for flags, text in reasons if flags[row]), REFINED) for row in range(len(translation))
        ]
        return _Usable(torch.nonzero(~(few | other | behind)).flatten(), statuses)

    def _pose(
        self, predictions: Predictions, rows: Tensor, state: BodyState, evidence: Evidence
    ) -> Predictions:
        """Replace the predictions of some persons."""
        if not len(rows):
            return predictions
        posed = pose_state(self.body_model, state, evidence.boxes, evidence.focal_length)
        fields, rows = posed.to_dict(), rows.to(predictions.betas.device)
        merged = {
            name: old.index_copy(0, rows, fields[name].to(old))
            for name, old in predictions.to_dict().items()
            if name in fields
        }
        return replace(predictions, **merged)


def _widen(predictions: Predictions, rows: Tensor, joint_std: Tensor) -> Predictions:
    """Replace the network's deviations of joints, if it says them, by those that hold for refined persons."""
    if predictions.joints_std is None:
        return predictions
    own = predictions.joints_std
    chosen = rows.to(own.device)
    refined = joint_std[rows].to(own)
    combined = own[chosen] ** _NETWORKS_SHARE * refined ** (1 - _NETWORKS_SHARE)
    return replace(predictions, joints_std=own.index_copy(0, chosen, combined))


def _distances(costs: RefinementCosts, state: BodyState, evidence: Evidence) -> Tensor:
    """Distances (N, K) of joints from keypoints, pixels; NaN without a keypoint, infinite if behind."""
    pixels = costs.project(state, evidence.focal_length)
    distances = (pixels - evidence.keypoints[..., :2]).norm(dim=-1).nan_to_num(torch.inf)
    return distances.where(evidence.keypoints[..., 2] > 0, torch.nan)


def _median(distances: Tensor) -> Tensor:
    return distances.nanmedian(dim=1).values
