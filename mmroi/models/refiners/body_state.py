"""The unknowns of refinement: pose, shape and one full camera of each person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import roma
import torch
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.geometry import full_to_local
from mmroi.structures import Predictions

NUM_JOINTS = 24
POSE = slice(0, 3 * NUM_JOINTS)  # of a step
BODY_POSE = slice(3, 3 * NUM_JOINTS)
CAMERA = slice(-3, None)
BETAS = slice(3 * NUM_JOINTS, -3)
LEAST = 1e-6  # information about each number of a step, so that none is unknown


@dataclass(frozen=True)
class BodyState:
    """Pose, shape and camera of N persons.

    A step is a vector of 72 + B + 3 numbers: rotation vectors w that turn each joint from R to R exp(w), the
    change of the shape, and that of the camera.

    Attributes:
        rotations: (N, 24, 3, 3), each relative to the parent.
        betas: (N, B).
        camera: (N, 3), x / z, y / z and log z of the translation: the depth cannot become negative, and a
            relative change of it is a step of the same size for near and far persons.
    """

    rotations: Tensor
    betas: Tensor
    camera: Tensor

    @classmethod
    def start(cls, rotations: Tensor, betas: Tensor, translation: Tensor) -> BodyState:
        """Build the state from a translation (N, 3) in meters, whose depth is positive."""
        x, y, z = translation.unbind(-1)
        return cls(rotations, betas, torch.stack((x / z, y / z, z.log()), dim=-1))

    @classmethod
    def cat(cls, states: Sequence[BodyState]) -> BodyState:
        """Join the persons of several states."""
        return cls(**{f.name: torch.cat([getattr(one, f.name) for one in states]) for f in fields(cls)})

    @property
    def translation(self) -> Tensor:
        """Translation of the body in the camera frame (N, 3), meters."""
        depth = self.camera[:, 2:].exp()
        return torch.cat((self.camera[:, :2] * depth, depth), dim=1)

    def translation_jacobian(self) -> Tensor:
        """Compute the derivatives (N, 3, 3) of the translation by the camera."""
        translation = self.translation
        jacobian = torch.diag_embed(translation[:, 2:].expand(-1, 3))
        jacobian[:, :, 2] = translation
        return jacobian

    def __len__(self) -> int:
        return len(self.betas)

    def __getitem__(self, rows: Tensor | slice) -> BodyState:
        """States of some of the persons."""
        return BodyState(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def put(self, rows: Tensor, other: BodyState) -> BodyState:
        """Replace the states of some of the persons."""
        return BodyState(
            **{
                field.name: getattr(self, field.name).index_copy(0, rows, getattr(other, field.name))
                for field in fields(self)
            }
        )

    def step(self, step: Tensor) -> BodyState:
        """Take steps (N, 72 + B + 3)."""
        turns = roma.rotvec_to_rotmat(step[:, POSE].unflatten(1, (NUM_JOINTS, 3)))
        return replace(
            self,
            rotations=self.rotations @ turns,
            betas=self.betas + step[:, BETAS],
            camera=self.camera + step[:, CAMERA],
        )


def pose_state(body: SMPL, state: BodyState, boxes: Tensor, focal_length: Tensor) -> Predictions:
    """Return states in the form of a network's predictions, whose RoIs agree on the camera.

    Args:
        body: Poses them, in its precision.
        state: N persons.
        boxes: (N, M, 3) RoIs, pixels relative to the principal point.
        focal_length: (N,) pixels.

    Returns:
        Predictions: On the device of the body.
    """
    like = body.mean_betas
    rotations, betas = state.rotations.to(like), state.betas.to(like)
    translation = state.translation[:, None].expand(-1, boxes.shape[1], -1)
    local = full_to_local(translation, boxes, focal_length[:, None])
    return Predictions.from_body(
        rotations,
        betas,
        body(rotations[:, :1], rotations[:, 1:], betas),
        local_cameras=local.to(like),
        full_cameras=translation.to(like),
        camera_translation=state.translation.to(like),
    )
