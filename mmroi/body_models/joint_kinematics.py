"""Joints of the body and their exact derivatives, without the mesh and without automatic differentiation.

A regressed joint is a weighted sum of skinned vertices. Skinning is linear in the transformations of the
skeleton, so all vertices that follow the same bone collapse into one point: the joint is a short sum over
bones. The derivatives follow from rigid motion: turning a joint moves everything below it about it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmroi.body_models.smpl import SMPL

_NEGLIGIBLE = 1e-7  # weight of a bone in a joint


class JointKinematics(nn.Module):
    """Some of the 54 joints of :class:`SMPL`, with derivatives by rotations and shape.

    Args:
        body: The body; it must have mmroi's own skinning data, which every ``SMPL`` has.
        joints: Indices in ``smpl_54``.
        dtype: Of all computations. The body's buffers are float32, so this is the precision of arithmetic.
    """

    rest_mean: Tensor
    rest_directions: Tensor
    parents: Tensor
    ancestors: Tensor
    bones: Tensor
    means: Tensor
    directions: Tensor
    weights: Tensor
    sums: Tensor
    below: Tensor
    below_weights: Tensor

    def __init__(self, body: SMPL, joints: Sequence[int], dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        skeleton, skinning = body.skeleton, body.joint_skinning
        self.levels, self.num_betas = skeleton.levels, body.num_betas
        num_bones = len(skeleton.ancestors)
        template = skinning.template.double().reshape(3, -1)
        directions = skinning.directions.double().reshape(len(skinning.directions), 3, -1)
        rest_directions = skeleton.directions.double().reshape(self.num_betas, num_bones, 3)
        rest_mean = skeleton.mean.double().reshape(num_bones, 3)
        bones, means, shifts, weights, owners = [], [], [], [], []
        for row, joint in enumerate(joints):
            if joint < num_bones:
                shift = rest_directions.new_zeros(len(directions), 3)
                shift[: self.num_betas] = rest_directions[:, joint]
                parts = [(joint, rest_mean[joint], shift, rest_mean.new_ones(()))]
            else:
                # of each bone: how much of each vertex
                share = skinning.weights.double() * body.regressors.double()[:, joint - num_bones]
                used = torch.nonzero(share.abs().sum(1) > _NEGLIGIBLE).flatten().tolist()
                parts = [(b, template @ share[b], directions @ share[b], share[b].sum()) for b in used]
            for bone, mean, shift, weight in parts:
                owners.append(row)
                bones.append(bone)
                means.append(mean)
                shifts.append(shift)
                weights.append(weight)
        tree = torch.zeros(num_bones, num_bones, dtype=torch.float64)  # [k, j]: j moves with joint k
        for bone in range(num_bones):
            tree[bone, bone] = 1
            if bone:
                tree[:, bone] += tree[:, int(skeleton.parents[bone - 1])]
        sums = torch.zeros(len(joints), len(bones), dtype=torch.float64)
        sums[owners, range(len(bones))] = 1
        below = tree[:, bones] * sums[:, None]  # (K, J, P)
        floats = dict(
            rest_mean=rest_mean,
            rest_directions=rest_directions.permute(1, 2, 0),  # (J, 3, B)
            ancestors=skeleton.ancestors,
            means=torch.stack(means),
            directions=torch.stack(shifts, dim=1),  # (B + 9 (J - 1), P, 3)
            weights=torch.stack(weights),
            sums=sums,
            below=below,
            below_weights=below @ torch.stack(weights),
        )
        for name, value in floats.items():
            self.register_buffer(name, value.to(dtype).contiguous(), persistent=False)
        self.register_buffer('parents', skeleton.parents.clone(), persistent=False)
        self.register_buffer('bones', torch.tensor(bones), persistent=False)

    def forward(self, rotations: Tensor, betas: Tensor) -> Tensor:
        """Compute the joints.

        Args:
            rotations: (N, 24, 3, 3), each relative to the parent.
            betas: (N, B).

        Returns:
            (N, K, 3), meters, body frame: the same as those of ``SMPL``.
        """
        return self.sums @ self._parts(rotations, betas)[-1]

    def with_jacobian(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the joints and their derivatives.

        Args:
            rotations: (N, 24, 3, 3), each relative to the parent.
            betas: (N, B).

        Returns:
            Joints (N, K, 3); their derivatives (N, K, 3, 24, 3) by the rotation vector w of each joint, which
            turns it from R to R exp(w), at w = 0; and (N, K, 3, B) by the shape.
        """
        world, joints, turns, parts = self._parts(rotations, betas)
        # Rigid motion: joint k turns about itself all parts below it.
        levers = torch.einsum('ikp,npc->nikc', self.below, parts)
        levers = levers - self.below_weights[..., None] * joints[:, None]
        by_pose = torch.linalg.cross(world[:, None], levers[..., None], dim=-2)  # (N, K, 24, 3, 3)
        # Pose blend shapes: what the rotation of a joint does to the unposed parts.
        generators = rotations.new_zeros(3, 3, 3)
        for axis, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
            generators[axis, j, i], generators[axis, i, j] = 1, -1
        change = torch.einsum('nkij,ajl->nkila', rotations[:, 1:], generators).flatten(2, 3)
        blend = self.directions[self.num_betas :].unflatten(0, (-1, 9))  # (23, 9, P, 3)
        moved = torch.einsum('kmpd,nkma->npkda', blend, change)
        turned = turns[:, :, None] @ moved
        by_pose[:, :, 1:] += (self.sums @ turned.flatten(2)).unflatten(2, turned.shape[2:])
        by_shape = self._shape_derivatives(world, turns)
        return self.sums @ parts, by_pose.transpose(2, 3), by_shape

    def _parts(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """World rotations (N, 24, 3, 3), skeleton (N, 24, 3), rotations and places of parts (N, P, 3)."""
        rest = self.rest_mean + (self.rest_directions @ betas[:, None, :, None])[..., 0]
        world = torch.zeros_like(rotations)
        world[:, 0] = rotations[:, 0]
        for start, stop in self.levels:
            above = world[:, self.parents[start - 1 : stop - 1]]
            world[:, start:stop] = above @ rotations[:, start:stop]
        limbs = rest[:, 1:] - rest[:, self.parents]
        joints = rest[:, :1] + self.ancestors @ (world[:, self.parents] @ limbs[..., None])[..., 0]
        values = torch.cat([betas, rotations[:, 1:].flatten(1)], dim=1)
        unposed = self.means + (values @ self.directions.flatten(1)).unflatten(1, (-1, 3))
        turns = world[:, self.bones]
        shifts = joints - (world @ rest[..., None])[..., 0]
        parts = (turns @ unposed[..., None])[..., 0] + self.weights[:, None] * shifts[:, self.bones]
        return world, joints, turns, parts

    def _shape_derivatives(self, world: Tensor, turns: Tensor) -> Tensor:
        """Compute the derivatives (N, K, 3, B) by the shape."""
        rest = self.rest_directions
        limbs = world[:, self.parents] @ (rest[1:] - rest[self.parents])
        joints = rest[:1] + (self.ancestors @ limbs.flatten(2)).unflatten(2, limbs.shape[2:])
        shifts = joints - world @ rest
        unposed = self.directions[: self.num_betas].permute(1, 2, 0)  # (P, 3, B)
        parts = turns @ unposed + self.weights[:, None, None] * shifts[:, self.bones]
        return (self.sums @ parts.flatten(2)).unflatten(2, parts.shape[2:])
