"""Linear blend skinning, written from the equations of the SMPL paper.

M. Loper, N. Mahmood, J. Romero, G. Pons-Moll and M. J. Black: SMPL: A Skinned Multi-Person Linear Model,
SIGGRAPH Asia 2015. Numbers in parentheses are those of its equations. Nothing here waits for the device or
depends on values, so it can be compiled, exported and captured in a CUDA graph.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn


class Skeleton(nn.Module):
    """A kinematic tree whose rest joints are linear in the shape (10), posed level by level (4).

    Args:
        arrays: ``v_template`` (V, 3), ``shapedirs`` (V, 3, B or more), ``J_regressor`` (J, V) and
            ``kintree_table`` (2, J), as :func:`load_body_file` returns them.
        num_betas: B.
        dtype: Of all computations.

    Raises:
        ValueError: If the joints are not sorted by their depth in the tree, as SMPL's are.
    """

    mean: Tensor
    directions: Tensor
    parents: Tensor
    above: Tensor
    ancestors: Tensor

    def __init__(
        self, arrays: Mapping[str, np.ndarray], num_betas: int = 10, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        parents = [int(parent) for parent in arrays['kintree_table'][0, 1:]]
        depths = [0]
        for parent in parents:
            depths.append(depths[parent] + 1)
        if depths != sorted(depths):
            raise ValueError(f'joints must be sorted by their depth in the tree, not {depths}')
        starts = [depths.index(depth) for depth in range(depths[-1] + 1)]
        self.levels = tuple(pairwise([*starts[1:], len(depths)]))  # of all joints but the root
        ancestors = np.eye(len(depths))[:, 1:]  # which bones lead to a joint
        for joint, parent in enumerate(parents, start=1):
            ancestors[joint] += ancestors[parent]
        regressor = np.asarray(arrays['J_regressor'], np.float64)
        directions = np.tensordot(regressor, arrays['shapedirs'][..., :num_betas], 1)  # (J, 3, B)
        floats = dict(
            mean=(regressor @ arrays['v_template']).ravel(),
            directions=directions.reshape(-1, num_betas).T,
            ancestors=ancestors,
        )
        for name, value in floats.items():
            _register(self, name, value, dtype)
        _register(self, 'parents', parents, torch.int64)
        # Each joint's parent, counted from the first joint of the parent's level.
        _register(self, 'above', [p - starts[depths[p]] for p in parents], torch.int64)

    def rest_joints(self, betas: Tensor) -> Tensor:
        """Compute the joints of the unposed body.

        Args:
            betas: (N, B).

        Returns:
            (N, J, 3), meters.
        """
        return torch.addmm(self.mean, betas, self.directions).unflatten(1, (-1, 3))

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pose the skeleton.

        Args:
            rotations: (N, J, 3, 3), each relative to the parent.
            betas: (N, B).

        Returns:
            Rotations relative to the world (N, J, 3, 3), rest joints and posed joints (N, J, 3).
        """
        rest = self.rest_joints(betas)
        levels = [rotations[:, :1]]
        for start, stop in self.levels:
            above = levels[-1].index_select(1, self.above[start - 1 : stop - 1])
            levels.append(above @ rotations[:, start:stop])
        world = torch.cat(levels, dim=1)
        bones = rest[:, 1:] - rest.index_select(1, self.parents)
        turned = world.index_select(1, self.parents) @ bones[..., None]
        return world, rest, rest[:, :1] + self.ancestors @ turned[..., 0]


class LinearBlendSkinning(nn.Module):
    """A mesh, or some of its vertices, in any shape and pose (2-9).

    The rest pose is the identity, so the pose blend shapes (9) are linear in the rotation matrices, and one
    matrix product gives template, shape and pose blend shapes (6).

    Args:
        skeleton: Skeleton of the same body.
        arrays: ``v_template`` (V, 3), ``shapedirs`` (V, 3, B or more), ``posedirs`` (V, 3, 9 (J - 1)) and
            ``weights`` (V, J), as :func:`load_body_file` returns them.
        num_betas: B.
        vertex_ids: The vertices to compute, all by default.
        dtype: Of all computations.
    """

    template: Tensor
    directions: Tensor
    weights: Tensor

    def __init__(
        self,
        skeleton: Skeleton,
        arrays: Mapping[str, np.ndarray],
        num_betas: int = 10,
        vertex_ids: Sequence[int] | np.ndarray | slice = slice(None),
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.skeleton = skeleton
        posedirs = arrays['posedirs'][vertex_ids]
        at_rest = posedirs[..., 0::9] + posedirs[..., 4::9] + posedirs[..., 8::9]  # R = I
        shapedirs = arrays['shapedirs'][vertex_ids, :, :num_betas]
        # Coordinates before vertices: products and sums then run over contiguous vertices.
        directions = np.concatenate([part.transpose(2, 1, 0) for part in (shapedirs, posedirs)])
        floats = dict(
            template=(arrays['v_template'][vertex_ids] - at_rest.sum(-1, dtype=np.float64)).T.ravel(),
            directions=directions.reshape(len(directions), -1),
            weights=arrays['weights'][vertex_ids].T,
        )
        for name, value in floats.items():
            _register(self, name, value, dtype)

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Pose and shape the vertices.

        Args:
            rotations: (N, J, 3, 3), each relative to the parent.
            betas: (N, B).

        Returns:
            Vertices (N, V, 3), not contiguous, and joints of the skeleton (N, J, 3); meters, body frame.
        """
        world, rest, joints = self.skeleton(rotations, betas)
        shape_and_pose = torch.cat([betas, rotations[:, 1:].flatten(1)], dim=1)
        unposed = torch.addmm(self.template, shape_and_pose, self.directions).unflatten(1, (3, -1))
        shifts = joints - (world @ rest[..., None])[..., 0]
        # One coordinate at a time, which keeps the blended transformations in the cache of a CPU.
        coordinates = []
        for turn, shift in zip(world.unbind(2), shifts.unbind(2), strict=True):
            blended = turn.mT.flatten(0, 1) @ self.weights
            turned = (blended.unflatten(0, (-1, 3)) * unposed).sum(1)
            coordinates.append(torch.addmm(turned, shift, self.weights))
        return torch.stack(coordinates, dim=1).mT, joints


def _register(module: nn.Module, name: str, value: object, dtype: torch.dtype) -> None:
    """Register a buffer that no checkpoint contains, contiguous."""
    module.register_buffer(name, torch.tensor(np.ascontiguousarray(value), dtype=dtype), persistent=False)
