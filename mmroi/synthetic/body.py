"""The open body, posed in batches, and its rest pose."""

import hashlib
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from mmroi.body_models import SMPL
from mmroi.body_models.body_files import OPEN_BODY, load_body_file
from mmroi.structures import SMPL_VERTEX_IDS


class PosedBodies(NamedTuple):
    """N posed bodies.

    Attributes:
        vertices: (N, V, 3) meters, relative to the root joint.
        joints: (N, 54, 3) ``smpl_54`` joints, meters, relative to the root joint.
        rest_root: (N, 3) root joint of the unposed body, meters.
    """

    vertices: np.ndarray
    joints: np.ndarray
    rest_root: np.ndarray


class StudioBody:
    """Wraps :class:`mmroi.body_models.SMPL` (the open body) for rendering, in NumPy and float32."""

    def __init__(self) -> None:
        self.model = SMPL().eval()
        zero = np.zeros((1, 24, 3), np.float32)
        rest = self._forward(zero, np.zeros((1, 10), np.float32))
        self.rest_vertices = rest.vertices[0] + rest.rest_root[0]
        self.rest_joints = rest.joints[0, :24] + rest.rest_root[0]
        self.faces = np.asarray(self.model.faces, np.int64)
        self.parents = np.asarray(self.model.parents, np.int64)

    def fingerprint(self) -> str:
        """Return a hash of the body model's stored geometry, which is the same on every machine."""
        arrays = load_body_file(OPEN_BODY)
        arrays['posedirs'] = arrays['posedirs'].reshape(-1, arrays['posedirs'].shape[2]).T
        digest = hashlib.sha256()
        for name in ('v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights'):
            digest.update(arrays[name].astype(np.float32).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def face_landmarks(self) -> dict[str, np.ndarray]:
        """Rest positions (3,) of ``nose``, ``left_eye`` and ``right_eye``, meters."""
        return {name: self.rest_vertices[SMPL_VERTEX_IDS[name]] for name in ('nose', 'left_eye', 'right_eye')}

    def _forward(self, pose: np.ndarray, betas: np.ndarray) -> PosedBodies:
        pose_t, betas_t = torch.from_numpy(pose), torch.from_numpy(betas)
        with torch.no_grad():
            out = self.model(pose_t[:, 0], pose_t[:, 1:].reshape(len(pose), 69), betas_t)
            root = self.model.rest_root(betas_t)[:, None]
        return PosedBodies((out.vertices - root).numpy(), (out.joints - root).numpy(), root[:, 0].numpy())

    def pose(self, rotations: np.ndarray, betas: np.ndarray) -> PosedBodies:
        """Pose N bodies.

        Args:
            rotations: (N, 24, 3, 3) joint rotations, root first.
            betas: (N, 10) shape parameters.

        Returns:
            The bodies, each relative to its root joint.
        """
        return self._forward(matrices_to_rotvecs(rotations), np.asarray(betas, np.float32))


def matrices_to_rotvecs(matrices: np.ndarray) -> np.ndarray:
    """Convert rotation matrices (..., 3, 3) to axis-angle vectors (..., 3), float32."""
    shape = matrices.shape[:-2]
    return Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_rotvec().reshape(*shape, 3).astype(np.float32)
