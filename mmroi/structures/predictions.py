"""The contract of ``pred_instances``: what a network predicts for each person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch
from mmengine.structures import InstanceData
from torch import Tensor


class PosedBody(Protocol):
    """A posed body, as ``SMPL`` returns it; meters."""

    @property
    def vertices(self) -> Tensor:
        """(N, 6890, 3)."""

    @property
    def joints(self) -> Tensor:
        """(N, 54, 3), convention ``smpl_54``."""

    @property
    def joints_h36m(self) -> Tensor:
        """(N, 17, 3), convention ``h36m``."""


OPTIONAL = ('joints_std',)
"""Fields of :class:`Predictions` that some networks do not predict."""


@dataclass(frozen=True)
class Predictions:
    """Bodies and cameras of N persons, each seen in M RoIs.

    The body has no translation: its points plus ``camera_translation`` lie in the camera frame (OpenCV: x
    right, y down, z forward). Of a mirrored or rolled sample this is the frame of the augmented camera.

    Attributes:
        global_orient: Rotation matrices of the root (N, 3, 3).
        body_pose: Rotation matrices of the other joints relative to their parents (N, 23, 3, 3).
        betas: Shape (N, 10).
        vertices: (N, 6890, 3), meters.
        joints3d: (N, 54, 3), convention ``smpl_54``, meters.
        joints_h36m: (N, 17, 3), convention ``h36m``, meters.
        local_cameras: Weak-perspective cameras of the boxes (N, M, 3), (s, t_x, t_y); t in meters.
        full_cameras: Translation of the body by each RoI's camera (N, M, 3), meters.
        camera_translation: Translation of the body (N, 3), meters; SMPL's ``transl`` is the same vector.
        joints_std: Standard deviation of each coordinate of the first 24 joints relative to Human3.6M's
            pelvis (N, 24), meters; None from networks without a head for it.
    """

    global_orient: Tensor
    body_pose: Tensor
    betas: Tensor
    vertices: Tensor
    joints3d: Tensor
    joints_h36m: Tensor
    local_cameras: Tensor
    full_cameras: Tensor
    camera_translation: Tensor
    joints_std: Tensor | None = None

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the fields that every network predicts, in order."""
        return tuple(field.name for field in fields(cls) if field.name not in OPTIONAL)

    @classmethod
    def from_body(
        cls,
        rotations: Tensor,
        betas: Tensor,
        body: PosedBody,
        local_cameras: Tensor,
        full_cameras: Tensor,
        camera_translation: Tensor,
        joints_std: Tensor | None = None,
    ) -> Predictions:
        """Combine parameters, the body posed by them, and cameras.

        Args:
            rotations: Rotation matrices of all joints (N, 24, 3, 3), root first.
            betas: (N, 10).
            body: What the body model returns for them.
            local_cameras: (N, M, 3).
            full_cameras: (N, M, 3), meters.
            camera_translation: (N, 3), meters.
            joints_std: (N, 24), meters, if it is known.

        Returns:
            Predictions: Of the N persons.
        """
        return cls(
            global_orient=rotations[:, 0],
            body_pose=rotations[:, 1:],
            betas=betas,
            vertices=body.vertices,
            joints3d=body.joints,
            joints_h36m=body.joints_h36m,
            local_cameras=local_cameras,
            full_cameras=full_cameras,
            camera_translation=camera_translation,
            joints_std=joints_std,
        )

    @classmethod
    def from_instances(cls, instances: InstanceData | Mapping[str, Tensor]) -> Predictions:
        """Read the predictions of a data sample.

        Args:
            instances: ``pred_instances``, or a dict of tensors; other entries are ignored.

        Raises:
            ValueError: A field is missing.
        """
        missing = [name for name in cls.names() if name not in instances]
        if missing:
            raise ValueError(
                f'pred_instances lack {", ".join(missing)}: mmroi.structures.Predictions lists the fields'
            )
        present = [name for name in (*cls.names(), *OPTIONAL) if name in instances]
        return cls(**{name: instances[name] for name in present})

    @classmethod
    def cat(cls, parts: Iterable[Predictions | InstanceData]) -> Predictions:
        """Join the persons of several predictions, such as ``pred_instances`` of several data samples."""
        every = [part if isinstance(part, Predictions) else cls.from_instances(part) for part in parts]
        if not every:
            raise ValueError('Predictions.cat needs at least one part')
        # What some of them lack is left out.
        shared = set.intersection(*(set(one.to_dict()) for one in every))
        return cls(**{name: torch.cat([getattr(one, name) for one in every]) for name in sorted(shared)})

    @property
    def rotations(self) -> Tensor:
        """Rotation matrices of all joints (N, 24, 3, 3), root first."""
        return torch.cat([self.global_orient[:, None], self.body_pose], dim=1)

    def __len__(self) -> int:
        """Return the number of persons."""
        return len(self.betas)

    def __getitem__(self, rows: slice) -> Predictions:
        """Predictions of some of the persons."""
        return Predictions(**{name: value[rows] for name, value in self.to_dict().items()})

    def to_dict(self) -> dict[str, Any]:
        """Fields by name, without optional ones that are None; tensors are not copied."""
        values = {name: getattr(self, name) for name in (*self.names(), *OPTIONAL)}
        return {name: value for name, value in values.items() if value is not None}

    def to_instances(self) -> InstanceData:
        """``pred_instances`` of N persons."""
        return InstanceData(**self.to_dict())

    def split(self) -> list[InstanceData]:
        """``pred_instances`` of each person, with a leading dimension of 1."""
        return [self[row : row + 1].to_instances() for row in range(len(self))]
