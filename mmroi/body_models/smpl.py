"""The registered SMPL module: the open body by default, or official SMPL files."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import roma
import smplx
import torch
from smplx.utils import Struct
from torch import Tensor, nn

from mmroi.body_models.body_files import OPEN_BODY, find_body_file, load_body_file
from mmroi.body_models.joint_body import JointBody
from mmroi.body_models.kinematic_tree import KinematicTree
from mmroi.geometry.precision import without_autocast
from mmroi.registry import MODELS


class SMPLOutput(NamedTuple):
    """Output of ``SMPL``, in meters.

    Attributes:
        vertices: (N, 6890, 3).
        joints: (N, 54, 3), convention ``smpl_54``: 24 SMPL joints, 21 vertices in smplx's order, 9 joints of
            ``J_regressor_extra``.
        joints_h36m: (N, 17, 3), convention ``h36m``, regressed from the vertices.
    """

    vertices: Tensor
    joints: Tensor
    joints_h36m: Tensor


class SMPLJoints(NamedTuple):
    """The joints of ``SMPLOutput`` without its vertices."""

    joints: Tensor
    joints_h36m: Tensor


class _SMPLLayer(smplx.SMPL):
    """smplx's SMPL with ten betas and without trainable parameters."""

    SHAPE_SPACE_DIM = 10  # smplx warns about files with fewer betas than this (300 by default)

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        super().__init__(
            '',
            data_struct=Struct(**arrays),
            create_betas=False,
            create_body_pose=False,
            create_global_orient=False,
            create_transl=False,
        )
        for name, buffer in list(self.named_buffers(recurse=False)):
            self.register_buffer(name, buffer, persistent=False)
        self.parents = KinematicTree(self._buffers.pop('parents'))
        selector = self.vertex_joint_selector
        selector.register_buffer('extra_joints_idxs', selector.extra_joints_idxs, persistent=False)


@MODELS.register_module()
class SMPL(nn.Module):
    """SMPL body model (Loper et al., SIGGRAPH Asia 2015) on top of ``smplx``.

    Body frame: y up, facing +z, left hand at +x, meters. SMPL rotates the body about its root joint
    J0(betas), so ``vertices = R_root (v - J0) + J0 + transl``. Everything is computed in float32, even under
    autocast. No buffer is stored in checkpoints.

    Args:
        model_path: File, or folder with ``SMPL_{NEUTRAL,MALE,FEMALE}.pkl``; ``'open'`` or None for the open
            body, which has only one gender.
        gender: ``'neutral'``, ``'male'`` or ``'female'``; only for a folder of official files.

    Attributes:
        is_open: Whether it is the open body, on which SMPL parameters describe a different person.
        faces: (13776, 3) int64 array.
        parents: (24,) int64 array, -1 for the root.
        mean_pose6d: (144,) buffer: standing upright in front of an OpenCV camera, row-major (24, 3, 2).
        mean_betas: (10,) buffer.
        mean_camera: (3,) buffer, weak-perspective (s, t_x, t_y).

    Raises:
        FileNotFoundError: If the body file or one of its regressors is missing; the message gives the remedy.
        ValueError: If the file is not a body model in SMPL's format.
    """

    mean_pose6d: Tensor
    mean_betas: Tensor
    mean_camera: Tensor
    regressors: Tensor
    regressed_from: Tensor
    root_mean: Tensor
    root_betas: Tensor

    def __init__(self, model_path: str | Path | None = None, gender: str = 'neutral') -> None:
        super().__init__()
        path = find_body_file(model_path, gender)
        arrays = load_body_file(path)
        # The mean pose only depends on the skeleton, so the open body's also fits official files.
        self.is_open = path == OPEN_BODY
        means = arrays if self.is_open else load_body_file(OPEN_BODY)
        self.layer = _SMPLLayer(arrays)
        self.faces = np.asarray(arrays['f'], np.int64)
        self.parents = np.array(self.layer.parents, np.int64)
        regressors = np.concatenate([arrays['J_regressor_extra'], arrays['J_regressor_h36m']])
        # Most vertices have no weight in any joint.
        used = np.flatnonzero(regressors.any(0))
        self._buffer('regressors', regressors[:, used])
        self.register_buffer('regressed_from', torch.from_numpy(used), persistent=False)
        for name in ('mean_pose6d', 'mean_betas', 'mean_camera'):
            self._buffer(name, means[name])
        # J0 is linear in betas: J0 = root_mean + root_betas @ betas.
        root = self.layer.J_regressor[0].double()
        self._buffer('root_mean', (root @ self.layer.v_template.double()).numpy())
        self._buffer('root_betas', torch.einsum('v,vkb->kb', root, self.layer.shapedirs.double()).numpy())

        layer = self.layer
        self.joint_body = JointBody(
            layer.v_template,
            layer.shapedirs,
            layer.posedirs,
            layer.J_regressor,
            layer.lbs_weights,
            layer.parents,
            torch.as_tensor(regressors, dtype=torch.float32),
            layer.vertex_joint_selector.extra_joints_idxs,
        )

    def _buffer(self, name: str, array: np.ndarray) -> None:
        self.register_buffer(name, torch.as_tensor(np.asarray(array), dtype=torch.float32), persistent=False)

    @without_autocast
    def rest_root(self, betas: Tensor) -> Tensor:
        """Compute the root joint J0(betas) of the unposed body, the center of rotation of ``global_orient``.

        Args:
            betas: (N, 10).

        Returns:
            (N, 3), meters, body frame.
        """
        return self.root_mean + betas.float() @ self.root_betas.T

    @without_autocast
    def forward(
        self, global_orient: Tensor, body_pose: Tensor, betas: Tensor, transl: Tensor | None = None
    ) -> SMPLOutput:
        """Pose and shape the body.

        Args:
            global_orient: (N, 3) axis-angle, or (N, 3, 3) or (N, 1, 3, 3) rotation matrices.
            body_pose: (N, 69) or (N, 23, 3) axis-angle, or (N, 23, 3, 3) rotation matrices.
            betas: (N, 10), or (1, 10) for one shape in all poses.
            transl: (N, 3) translation, added to all points, meters.

        Returns:
            Vertices, 54 joints and 17 H36M joints.

        Raises:
            ValueError: If the rotations have another shape.
        """
        root = _to_matrices(global_orient, 1, 'global_orient')
        body = _to_matrices(body_pose, 23, 'body_pose')
        betas = betas.float().expand(root.shape[0], -1)
        output = self.layer(
            betas=betas,
            body_pose=body,
            global_orient=root,
            transl=None if transl is None else transl.float(),
            pose2rot=False,
        )
        regressed = self.regressors @ output.vertices[:, self.regressed_from]
        joints = torch.cat([output.joints, regressed[:, :9]], dim=1)
        return SMPLOutput(output.vertices, joints, regressed[:, 9:])

    @without_autocast
    def forward_joints(self, global_orient: Tensor, body_pose: Tensor, betas: Tensor) -> SMPLJoints:
        """Compute the joints of :meth:`forward` without posing the mesh: the same numbers at a low cost.

        Args:
            global_orient: See :meth:`forward`.
            body_pose: See :meth:`forward`.
            betas: See :meth:`forward`.

        Returns:
            54 joints and 17 H36M joints.

        Raises:
            ValueError: If the rotations have another shape.
        """
        root = _to_matrices(global_orient, 1, 'global_orient')
        body = _to_matrices(body_pose, 23, 'body_pose')
        skeleton, selected, regressed = self.joint_body(
            torch.cat([root, body], dim=1), betas.float().expand(root.shape[0], -1)
        )
        return SMPLJoints(torch.cat([skeleton, selected, regressed[:, :9]], dim=1), regressed[:, 9:])


def _to_matrices(rotations: Tensor, num_joints: int, name: str) -> Tensor:
    """Convert matrices or axis-angle of any accepted shape to matrices (N, num_joints, 3, 3), float32."""
    rotations, shape = rotations.float(), tuple(rotations.shape[1:])
    if shape == (num_joints, 3, 3) or (num_joints == 1 and shape == (3, 3)):
        return rotations.reshape(-1, num_joints, 3, 3)
    if shape in ((num_joints, 3), (3 * num_joints,)):
        return roma.rotvec_to_rotmat(rotations.reshape(-1, num_joints, 3))
    raise ValueError(
        f'{name} has shape {tuple(rotations.shape)}; expected rotation matrices '
        f'(N, {num_joints}, 3, 3), or axis-angle (N, {num_joints}, 3) or (N, {3 * num_joints})'
    )
