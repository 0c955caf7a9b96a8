"""A body model reduced to the vertices that its joints depend on, for training without the full mesh."""

import torch
from smplx.lbs import lbs
from torch import Tensor, nn

from mmroi.body_models.kinematic_tree import KinematicTree


class JointBody(nn.Module):
    """A body model reduced to the vertices that its joint regressors read: 241 of the open body's 6890.

    smplx's own linear blend skinning runs on the reduced body, so the joints equal those of the full body at
    a fraction of its cost. The skeleton depends on all rest vertices, but linearly: the 24 rest joints become
    additional vertices, which the regressor of the skeleton selects.

    Args:
        v_template: (V, 3), meters.
        shapedirs: (V, 3, B).
        posedirs: (207, 3 V), in smplx's layout.
        skeleton_regressor: (24, V), from rest vertices to the joints of the skeleton.
        lbs_weights: (V, 24).
        parents: Parents of the 24 joints.
        regressors: (R, V), from posed vertices to further joints.
        vertex_ids: (S,), vertices that are joints themselves.
    """

    v_template: Tensor
    shapedirs: Tensor
    posedirs: Tensor
    skeleton: Tensor
    weights: Tensor
    regressors: Tensor
    vertex_ids: Tensor

    def __init__(
        self,
        v_template: Tensor,
        shapedirs: Tensor,
        posedirs: Tensor,
        skeleton_regressor: Tensor,
        lbs_weights: Tensor,
        parents: KinematicTree,
        regressors: Tensor,
        vertex_ids: Tensor,
    ) -> None:
        super().__init__()
        self.parents = parents
        used = (regressors != 0).any(0)
        used[vertex_ids] = True
        kept = used.nonzero()[:, 0]
        joints, num_kept = len(skeleton_regressor), len(kept)
        posedirs = posedirs.reshape(len(posedirs), -1, 3)[:, kept]
        picked = torch.zeros(joints, num_kept + joints)
        picked[:, num_kept:] = torch.eye(joints)
        buffers = dict(
            v_template=torch.cat([v_template[kept], skeleton_regressor @ v_template]),
            shapedirs=torch.cat(
                [shapedirs[kept], torch.einsum('jv,vkb->jkb', skeleton_regressor, shapedirs)]
            ),
            posedirs=torch.cat([posedirs, posedirs.new_zeros(len(posedirs), joints, 3)], dim=1).flatten(1),
            skeleton=picked,
            weights=torch.cat([lbs_weights[kept], lbs_weights.new_zeros(joints, joints)]),
            regressors=torch.cat([regressors[:, kept], regressors.new_zeros(len(regressors), joints)], dim=1),
            vertex_ids=torch.searchsorted(kept, vertex_ids),
        )
        for name, value in buffers.items():
            self.register_buffer(name, value.clone(), persistent=False)

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pose and shape the reduced body.

        Args:
            rotations: (N, 24, 3, 3) rotation matrices.
            betas: (N, 10).

        Returns:
            Skeleton joints (N, 24, 3), vertex joints (N, S, 3) and regressed joints (N, R, 3); meters.
        """
        vertices, skeleton = lbs(
            betas,
            rotations,
            self.v_template,
            self.shapedirs,
            self.posedirs,
            self.skeleton,
            self.parents,
            self.weights,
            pose2rot=False,
        )
        return skeleton, vertices[:, self.vertex_ids], self.regressors @ vertices
