"""Refinement over time: what single frames say, and that people move smoothly, in a window of a video."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mmroi.models.refiners.body_state import BETAS, CAMERA, LEAST, NUM_JOINTS, POSE, BodyState
from mmroi.models.refiners.pose_prior import block_diagonal
from mmroi.models.refiners.tangent import log_with_jacobian

_RATE = 30.0  # frames per second that standard deviations are stated for
_STEPS = 2  # turns between frames are small, so the problem is almost linear


@dataclass(frozen=True)
class MotionWindow:
    """Fits the frames of a window together.

    The cost of each frame is its refinement near its minimum, ``information`` times the squared step away
    from it; the frames are tied by accelerations, which are white noise, and by the shape, which hardly
    changes. A motion of constant velocity costs nothing, so it does not lag.

    Args:
        turn: Standard deviation of the angular acceleration of each joint at 30 frames per second, rad/s².
        shift: That of the acceleration of the body, m/s².
        shape: Standard deviation of the change of a shape parameter from frame to frame.
    """

    turn: float = 20.0
    shift: float = 4.0
    shape: float = 0.02

    def __call__(self, states: BodyState, information: Tensor, times: Tensor) -> BodyState:
        """Fit T consecutive frames of one person.

        Args:
            states: Refined bodies of the frames.
            information: (T, D, D) of :class:`Refinement`.
            times: (T,) seconds, increasing.

        Returns:
            BodyState: Of the frames; a single one is left as it is.
        """
        count, size = information.shape[:2]
        if count == 1:
            return states
        current, moved = states, information.new_zeros(count, size)
        for _ in range(_STEPS):
            hessian = torch.block_diag(*information)
            hessian.diagonal().add_(LEAST)
            gradient = (information @ moved[..., None]).flatten()
            for residuals, jacobian in self._terms(current, times):
                hessian += jacobian.T @ jacobian
                gradient += jacobian.T @ residuals
            factor = torch.linalg.cholesky(hessian)
            step = -torch.cholesky_solve(gradient[:, None], factor)[:, 0].unflatten(0, (count, size))
            current, moved = current.step(step), moved + step
        return current

    def _terms(self, states: BodyState, times: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Residuals (R,) over their standard deviations, and Jacobians (R, T D)."""
        identity = torch.eye(states.betas.shape[1]).to(states.betas).expand(len(times) - 1, -1, -1)
        num_columns = 3 * NUM_JOINTS + states.betas.shape[1] + 3
        changes = _between_frames(-identity, identity, BETAS, num_columns)
        terms = [((states.betas.diff(dim=0) / self.shape).flatten(), changes.flatten(0, 1) / self.shape)]
        turns, ends = log_with_jacobian(states.rotations[:-1].mT @ states.rotations[1:])
        # The left Jacobian of a rotation vector is the right one of the inverse rotation.
        by_turns = _between_frames(-block_diagonal(ends.mT), block_diagonal(ends), POSE, num_columns)
        moves, by_camera = states.translation.diff(dim=0), states.translation_jacobian()
        by_moves = _between_frames(-by_camera[:-1], by_camera[1:], CAMERA, num_columns)
        intervals = times.diff()
        terms.append(_accelerations(turns.flatten(1), by_turns, intervals, self.turn))
        terms.append(_accelerations(moves, by_moves, intervals, self.shift))
        return terms


def _between_frames(by_first: Tensor, by_second: Tensor, at: slice, num_columns: int) -> Tensor:
    """Put the derivatives (T - 1, V, d) of differences by both frames into matrices (T - 1, V, T D)."""
    pairs, values = by_first.shape[:2]
    matrix = by_first.new_zeros(pairs, values, pairs + 1, num_columns)
    rows = torch.arange(pairs, device=matrix.device)
    matrix[rows, :, rows, at], matrix[rows, :, rows + 1, at] = by_first, by_second
    return matrix.flatten(2)


def _accelerations(
    differences: Tensor, jacobian: Tensor, intervals: Tensor, deviation: float
) -> tuple[Tensor, Tensor]:
    """Residuals of differences (T - 1, V) between frames; white noise does not depend on the frame rate."""
    between = (intervals[1:] + intervals[:-1]) / 2
    scale = (_RATE * between).sqrt() / (deviation * between)
    residuals = (differences / intervals[:, None]).diff(dim=0) * scale[:, None]
    velocities = (jacobian / intervals[:, None, None]).diff(dim=0) * scale[:, None, None]
    return residuals.flatten(), velocities.flatten(0, 1)
