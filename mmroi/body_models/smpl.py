"""The registered SMPL module: the open body by default, or official SMPL files."""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import roma
import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmroi.body_models.body_files import (
    NUM_VERTICES,
    OPEN,
    OPEN_BODY,
    body_digest,
    find_body_file,
    load_body_file,
)
from mmroi.body_models.skinning import LinearBlendSkinning, Skeleton
from mmroi.body_models.smplx_layer import SmplxLayer
from mmroi.geometry.precision import without_autocast
from mmroi.registry import MODELS
from mmroi.structures import SMPL_PARENTS, SMPL_VERTEX_IDS

_PREDICTED_BETAS = 10


class SMPLOutput(NamedTuple):
    """Output of ``SMPL``, in meters.

    Attributes:
        vertices: (N, 6890, 3).
        joints: (N, 54, 3), convention ``smpl_54``: 24 SMPL joints, the 21 vertices of
            ``SMPL_VERTEX_IDS``, 9 joints of ``J_regressor_extra``.
        joints_h36m: (N, 17, 3), convention ``h36m``, regressed from the vertices.
    """

    vertices: Tensor
    joints: Tensor
    joints_h36m: Tensor


class SMPLJoints(NamedTuple):
    """The joints of ``SMPLOutput`` without its vertices."""

    joints: Tensor
    joints_h36m: Tensor


def _add_missing_betas(path: Path, arrays: dict[str, np.ndarray], num_betas: int) -> None:
    missing = num_betas - arrays['shapedirs'].shape[2]
    if 0 < missing and num_betas <= _PREDICTED_BETAS:
        arrays['shapedirs'] = np.pad(arrays['shapedirs'], ((0, 0), (0, 0), (0, missing)))
        print_log(
            f"{path}: 'shapedirs' has only {num_betas - missing} shape coefficients; the other {missing} of "
            f'{num_betas} change nothing',
            'current',
            logging.WARNING,
        )


@MODELS.register_module()
class SMPL(nn.Module):
    """SMPL body model (Loper et al., SIGGRAPH Asia 2015), by linear blend skinning of our own.

    Body frame: y up, facing +z, left hand at +x, meters. SMPL rotates the body about its root joint
    J0(betas), so ``vertices = R_root (v - J0) + J0 + transl``. Everything is computed in float32, even under
    autocast, or in float64 after ``.double()``. No buffer is stored in checkpoints.

    Args:
        model_path: File, or folder with ``SMPL_{NEUTRAL,MALE,FEMALE}.pkl``; ``'open'`` or None for the open
            body, which has only one gender.
        gender: ``'neutral'``, ``'male'`` or ``'female'``; only for a folder of official files.
        num_betas: B, the number of shape coefficients. The networks of mmroi predict 10; SMPL 1.1.0 has 300.
            A file with fewer than these 10 gets more that change nothing, with a warning.
        layer: ``'mmroi'``, or ``'smplx'`` for the numbers of that package, which must be installed.

    Attributes:
        is_open: Whether it is the open body, on which SMPL parameters describe a different person.
        name: ``'open'``, or the name of the file without its suffix, such as ``SMPL_NEUTRAL``.
        digest: See :func:`.body_files.body_digest`.
        faces: (13776, 3) int64 array.
        parents: (24,) int64 array, -1 for the root.
        mean_pose6d: (144,) buffer: standing upright in front of an OpenCV camera, row-major (24, 3, 2).
        mean_betas: (B,) buffer.
        mean_camera: (3,) buffer, weak-perspective (s, t_x, t_y).

    Raises:
        FileNotFoundError: If the body file or one of its regressors is missing; the message gives the remedy.
        ValueError: If the file is not a body model in SMPL's format, or has fewer than B shape coefficients.
        ImportError: If ``layer='smplx'`` and smplx is not installed.
    """

    mean_pose6d: Tensor
    mean_betas: Tensor
    mean_camera: Tensor
    regressors: Tensor
    regressed_from: Tensor

    def __init__(
        self,
        model_path: str | Path | None = None,
        gender: str = 'neutral',
        num_betas: int = 10,
        layer: str = 'mmroi',
    ) -> None:
        super().__init__()
        if layer not in ('mmroi', 'smplx'):
            raise ValueError(f"layer must be 'mmroi' or 'smplx', got {layer!r}")
        path = find_body_file(model_path, gender)
        arrays = load_body_file(path)
        self.digest = body_digest(arrays)
        _add_missing_betas(path, arrays, num_betas)
        largest = arrays['shapedirs'].shape[2]
        if not 1 <= num_betas <= largest:
            raise ValueError(
                f"{path}: 'shapedirs' has {largest} shape coefficients; num_betas must be 1 to {largest}, "
                f'not {num_betas}'
            )
        self.num_betas = num_betas
        # The mean pose only depends on the skeleton, so the open body's also fits official files.
        self.is_open = path == OPEN_BODY
        self.name = OPEN if self.is_open else path.stem
        means = arrays if self.is_open else load_body_file(OPEN_BODY)
        self.faces = np.asarray(arrays['f'], np.int64)
        self.parents = np.array(SMPL_PARENTS)
        means['mean_betas'] = np.pad(means['mean_betas'], (0, num_betas))[:num_betas]
        for name in ('mean_pose6d', 'mean_betas', 'mean_camera'):
            self._buffer(name, means[name])

        points = np.zeros((len(SMPL_VERTEX_IDS), NUM_VERTICES))
        points[range(len(points)), list(SMPL_VERTEX_IDS.values())] = 1
        regressors = np.concatenate([points, arrays['J_regressor_extra'], arrays['J_regressor_h36m']])
        used = np.flatnonzero(regressors.any(0))  # 241 vertices of the open body
        self._buffer('regressors', regressors[:, used].T)
        self.register_buffer('regressed_from', torch.from_numpy(used), persistent=False)
        self.skeleton = Skeleton(arrays, num_betas)
        self.joint_skinning = LinearBlendSkinning(self.skeleton, arrays, num_betas, used)
        self.skinning: LinearBlendSkinning | SmplxLayer
        if layer == 'smplx':
            self.skinning = SmplxLayer(arrays, num_betas)
        else:
            self.skinning = LinearBlendSkinning(self.skeleton, arrays, num_betas)

    def _buffer(self, name: str, array: np.ndarray) -> None:
        self.register_buffer(name, torch.as_tensor(np.asarray(array), dtype=torch.float32), persistent=False)

    @property
    def skinning_weights(self) -> Tensor:
        """How much each joint moves each vertex, (6890, 24); rows sum to one."""
        return self.skinning.weights.T

    @property
    def _dtype(self) -> torch.dtype:
        return self.mean_betas.dtype

    @without_autocast
    def rest_root(self, betas: Tensor) -> Tensor:
        """Compute the root joint J0(betas) of the unposed body, the center of rotation of ``global_orient``.

        Args:
            betas: (N, B).

        Returns:
            (N, 3), meters, body frame.
        """
        return self.skeleton.rest_joints(betas.to(self._dtype))[:, 0]

    @without_autocast
    def forward(
        self, global_orient: Tensor, body_pose: Tensor, betas: Tensor, transl: Tensor | None = None
    ) -> SMPLOutput:
        """Pose and shape the body.

        Args:
            global_orient: (N, 3) axis-angle, or (N, 3, 3) or (N, 1, 3, 3) rotation matrices.
            body_pose: (N, 69) or (N, 23, 3) axis-angle, or (N, 23, 3, 3) rotation matrices.
            betas: (N, B), or (1, B) for one shape in all poses.
            transl: (N, 3) translation, added to all points, meters.

        Returns:
            Vertices, 54 joints and 17 H36M joints.

        Raises:
            ValueError: If rotations or betas have another shape.
        """
        rotations, betas = self._prepare(global_orient, body_pose, betas)
        vertices, skeleton = self.skinning(rotations, betas)
        mesh = vertices.contiguous()  # before the next line: gradients then add up in the layout of the layer
        used = vertices.mT.index_select(2, self.regressed_from)
        output = SMPLOutput(mesh, *self._joints(skeleton, used))
        if transl is None:
            return output
        return SMPLOutput(*(points + transl.to(points.dtype)[:, None] for points in output))

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
            ValueError: If rotations or betas have another shape.
        """
        if isinstance(self.skinning, SmplxLayer):
            return SMPLJoints(*self.forward(global_orient, body_pose, betas)[1:])
        vertices, skeleton = self.joint_skinning(*self._prepare(global_orient, body_pose, betas))
        return SMPLJoints(*self._joints(skeleton, vertices.mT))

    def regress_h36m(self, vertices: Tensor) -> Tensor:
        """Regress the H36M joints of vertices that were posed elsewhere, such as by an exported network.

        Args:
            vertices: (N, 6890, 3), meters.

        Returns:
            (N, 17, 3), convention ``h36m``, meters.
        """
        return self._regress(vertices.mT.index_select(2, self.regressed_from))[:, 30:]

    def _prepare(self, global_orient: Tensor, body_pose: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Return rotation matrices (N, 24, 3, 3) and shapes (N, B) of the body's dtype."""
        if betas.shape[-1] != self.num_betas:
            raise ValueError(f'betas has shape {tuple(betas.shape)}; expected (N, {self.num_betas})')
        root = _to_matrices(global_orient.to(self._dtype), 1, 'global_orient')
        body = _to_matrices(body_pose.to(self._dtype), 23, 'body_pose')
        return torch.cat([root, body], dim=1), betas.to(self._dtype).expand(root.shape[0], -1)

    def _joints(self, skeleton: Tensor, vertices: Tensor) -> tuple[Tensor, Tensor]:
        """Return 54 joints and 17 H36M joints, from the vertices (N, 3, U) that they depend on."""
        regressed = self._regress(vertices)
        return torch.cat([skeleton, regressed[:, :30]], dim=1), regressed[:, 30:]

    def _regress(self, vertices: Tensor) -> Tensor:
        return (vertices @ self.regressors).mT


def _to_matrices(rotations: Tensor, num_joints: int, name: str) -> Tensor:
    """Convert matrices or axis-angle of any accepted shape to matrices (N, num_joints, 3, 3)."""
    shape = tuple(rotations.shape[1:])
    if shape == (num_joints, 3, 3) or (num_joints == 1 and shape == (3, 3)):
        return rotations.reshape(-1, num_joints, 3, 3)
    if shape in ((num_joints, 3), (3 * num_joints,)):
        return roma.rotvec_to_rotmat(rotations.reshape(-1, num_joints, 3))
    raise ValueError(
        f'{name} has shape {tuple(rotations.shape)}; expected rotation matrices '
        f'(N, {num_joints}, 3, 3), or axis-angle (N, {num_joints}, 3) or (N, {3 * num_joints})'
    )
