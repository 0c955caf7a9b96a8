"""How a network's poses err: which joints, how much, and together with which others.

If the root is turned too far, hips and spine usually make up for it; if a thigh is, the knee does. Refinement
that knows this moves them together, where independent joints would drift apart.
"""

from functools import cache
from pathlib import Path

import numpy as np
import roma
import torch
from torch import Tensor, nn

from mmroi.fileio.npz_io import LazyNpz
from mmroi.models.refiners.body_state import POSE, BodyState
from mmroi.models.refiners.pose_prior import block_diagonal
from mmroi.models.refiners.quadratic import Quadratic, cauchy
from mmroi.models.refiners.tangent import log_with_jacobian

POSE_ERRORS = Path(__file__).parent / 'assets' / 'pose_errors.npz'
_SIZE = POSE.stop
_LARGEST = 1.2  # radians: roots that are turned further are mistaken for another view, no usual error
_SLACK = np.radians(3.0)
# Of the heavy tail, in standard deviations. Networks err little in most people and much in some: as with the
# errors of a multivariate t, who needs a small change is held, and who needs a large one is let go.
_SCALE = 0.2


class PoseErrors(nn.Module):
    """Cost of the distance from a network's pose, with correlations between all joints.

    Args:
        path: File of ``tools/dataset_tools/build_pose_prior.py``; by default the shipped one.
        weight: Of the squared distance.
        dtype: Of all computations.
    """

    precision: Tensor

    def __init__(
        self, path: str | Path | None = None, weight: float = 1.0, dtype: torch.dtype = torch.float64
    ) -> None:
        super().__init__()
        self.weight = weight
        precision = torch.linalg.inv(_read(Path(path) if path else POSE_ERRORS))
        self.register_buffer('precision', precision.to(dtype), persistent=False)

    def add_to(self, quadratic: Quadratic, state: BodyState, rotations: Tensor) -> None:
        """Add the cost of states.

        Args:
            quadratic: Of N persons.
            state: Their bodies.
            rotations: The network's (N, 24, 3, 3).
        """
        vectors, jacobian = log_with_jacobian(rotations.mT @ state.rotations)
        errors, chain = vectors.flatten(1), block_diagonal(jacobian)
        whitened = errors @ self.precision
        loss = cauchy((whitened * errors).sum(1), _SCALE * _SIZE**0.5)
        weight = self.weight * loss.weight[:, None]
        gradient = weight * (chain.mT @ whitened[..., None])[..., 0]
        hessian = weight[..., None] * (chain.mT @ self.precision @ chain)
        quadratic.add(POSE, self.weight / 2 * loss.value, gradient, hessian)


def fit_pose_errors(predicted: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
    """Measure how the poses of a network err.

    Args:
        predicted: Rotation matrices (N, 24, 3, 3) of people that the network was not trained on.
        true: The same of the annotations.

    Returns:
        ``covariance`` (72, 72) of the rotation vectors from predicted to true joint rotations, radians,
        without people whose root is turned by more than 69 degrees.

    Raises:
        ValueError: If fewer people than 72 are left.
    """
    turns = torch.tensor(predicted, dtype=torch.float64).mT @ torch.tensor(true, dtype=torch.float64)
    errors = roma.rotmat_to_rotvec(turns)
    errors = errors[errors[:, 0].norm(dim=-1) < _LARGEST].flatten(1)
    if len(errors) < _SIZE:
        raise ValueError(f'{len(errors)} people are too few to measure {_SIZE} correlated errors')
    covariance = errors.T @ errors / len(errors) + _SLACK**2 * torch.eye(_SIZE, dtype=torch.float64)
    return dict(covariance=covariance.numpy().astype(np.float32))


@cache
def _read(path: Path) -> Tensor:
    file = LazyNpz(path)
    if 'covariance' not in file.keys():
        raise ValueError(
            f'{path} lacks covariance, so it does not describe errors of poses: build it with '
            'mmroi build-pose-prior --errors'
        )
    return torch.tensor(file.read('covariance'), dtype=torch.float64)
