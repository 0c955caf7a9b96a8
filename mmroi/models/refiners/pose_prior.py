"""Which poses people take: a mixture of Gaussians over rotation vectors, and limits."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mmroi.fileio.npz_io import LazyNpz
from mmroi.models.refiners.body_state import BODY_POSE
from mmroi.models.refiners.quadratic import Quadratic

POSE_PRIOR = Path(__file__).parent / 'assets' / 'pose_prior.npz'
_MEMBERS = ('means', 'covariances', 'weights', 'lower', 'upper')
_SLACK = np.radians(5.0)  # standard deviation beyond a limit


class PosePrior(nn.Module):
    """Cost of unusual poses and of joints beyond their limits.

    The cost of a mixture is that of its best component, as in SMPLify (Bogo et al., ECCV 2016).

    Args:
        path: File of ``tools/dataset_tools/build_pose_prior.py``; by default the shipped one, which knows the
            poses of the synthetic studio.
        weight: Of the negative log-likelihood.
        limit_weight: Of the squared distance to the limits, in units of 5 degrees.
        dtype: Of all computations.
    """

    means: Tensor
    precisions: Tensor
    offsets: Tensor
    lower: Tensor
    upper: Tensor

    def __init__(
        self,
        path: str | Path | None = None,
        weight: float = 0.3,
        limit_weight: float = 1.0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        self.weight, self.limit_weight = weight, limit_weight
        for name, value in _read(Path(path) if path else POSE_PRIOR).items():
            self.register_buffer(name, value.to(dtype), persistent=False)

    def add_to(self, quadratic: Quadratic, vectors: Tensor, jacobian: Tensor) -> None:
        """Add the cost of poses.

        Args:
            quadratic: Of N persons.
            vectors: (N, 23, 3) rotation vectors of the body joints.
            jacobian: (N, 23, 3, 3) of :func:`log_with_jacobian`.
        """
        pose = vectors.flatten(1)
        differences = pose[:, None] - self.means
        costs = (differences[..., None, :] @ self.precisions @ differences[..., None])[..., 0, 0] / 2
        cost, best = (costs + self.offsets).min(dim=1)
        hessian = self.weight * self.precisions[best]
        chosen = differences.gather(1, best[:, None, None].expand(-1, 1, pose.shape[1]))[:, 0]
        gradient = (hessian @ chosen[..., None])[..., 0]
        beyond = ((pose - self.upper).clamp(min=0) + (pose - self.lower).clamp(max=0)) / _SLACK
        cost = self.weight * cost + self.limit_weight / 2 * beyond.square().sum(1)
        gradient = gradient + self.limit_weight / _SLACK * beyond
        hessian = hessian + torch.diag_embed((beyond != 0) * (self.limit_weight / _SLACK**2))
        chain = block_diagonal(jacobian)
        quadratic.add(BODY_POSE, cost, (chain.mT @ gradient[..., None])[..., 0], chain.mT @ hessian @ chain)


@cache
def _read(path: Path) -> dict[str, Tensor]:
    file = LazyNpz(path)
    if missing := [name for name in _MEMBERS if name not in file.keys()]:
        raise ValueError(
            f'{path} is no pose prior, it lacks {", ".join(missing)}: build one with mmroi build-pose-prior'
        )
    arrays = {name: torch.tensor(file.read(name), dtype=torch.float64) for name in _MEMBERS}
    covariances, weights = arrays.pop('covariances'), arrays.pop('weights')
    offsets = torch.logdet(covariances) / 2 - weights.log()
    return dict(arrays, precisions=torch.linalg.inv(covariances), offsets=offsets - offsets.min())


def block_diagonal(blocks: Tensor) -> Tensor:
    """Build matrices (N, 3 K, 3 K) of blocks (N, K, 3, 3)."""
    size = blocks.shape[1]
    matrices = blocks.new_zeros(len(blocks), size, 3, size, 3)
    rows = torch.arange(size, device=blocks.device)
    matrices[:, rows, :, rows] = blocks.transpose(0, 1)
    return matrices.flatten(3, 4).flatten(1, 2)
