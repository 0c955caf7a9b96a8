"""The body of one person in the rest pose: mesh, skeleton and skinning weights."""

from dataclasses import dataclass

import numpy as np
import torch

from mmroi.body_models import SMPL

# As in SMPL's own rigs, without their prefix.
JOINT_NAMES = (
    'Pelvis',
    'L_Hip',
    'R_Hip',
    'Spine1',
    'L_Knee',
    'R_Knee',
    'Spine2',
    'L_Ankle',
    'R_Ankle',
    'Spine3',
    'L_Foot',
    'R_Foot',
    'Neck',
    'L_Collar',
    'R_Collar',
    'Head',
    'L_Shoulder',
    'R_Shoulder',
    'L_Elbow',
    'R_Elbow',
    'L_Wrist',
    'R_Wrist',
    'L_Hand',
    'R_Hand',
)


@dataclass(frozen=True, eq=False)
class Rig:
    """A body of given shape in the rest pose.

    Body frame: y up, facing +z, left hand at +x, meters.

    Attributes:
        vertices: (V, 3) float64.
        faces: (F, 3) int64, counter-clockwise seen from outside.
        joints: (24, 3) float64.
        weights: (V, 24) float64 skinning weights; rows sum to one.
        parents: (24,) int64, -1 for the root; a parent comes before its children.
        body_model: Name of the body model.
    """

    vertices: np.ndarray
    faces: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    parents: np.ndarray
    body_model: str = ''

    @classmethod
    @torch.no_grad()
    def from_body(cls, body: SMPL, betas: np.ndarray) -> 'Rig':
        """Shape a body.

        Args:
            body: The body model.
            betas: (10,) shape.

        Returns:
            Its rig. Without a pose there are no pose blend shapes.
        """
        shape = torch.as_tensor(betas, dtype=torch.float32, device=body.mean_betas.device)[None]
        rest = body(shape.new_zeros(1, 3), shape.new_zeros(1, 69), shape)
        weights = _double(body.skinning_weights)
        return cls(
            vertices=_double(rest.vertices[0]),
            faces=body.faces,
            joints=_double(rest.joints[0, : len(JOINT_NAMES)]),
            weights=weights / weights.sum(1, keepdims=True),
            parents=body.parents,
            body_model=body.name,
        )

    def offsets(self) -> np.ndarray:
        """Return the position of each joint relative to its parent, (24, 3); the root's is absolute."""
        offsets = self.joints - self.joints[self.parents]
        offsets[0] = self.joints[0]
        return offsets


def _double(tensor: torch.Tensor) -> np.ndarray:
    return tensor.double().cpu().numpy()
