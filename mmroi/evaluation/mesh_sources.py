"""The predicted and the true joints and meshes that a protocol compares, by where they come from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmroi.evaluation.evaluation_bodies import EvaluationBodies
from mmroi.evaluation.fields import sample_name, stack_field
from mmroi.structures import H36M_17, SMPL_54


class JointsAndMesh(NamedTuple):
    """Joints and vertices in the camera frame up to a translation, meters.

    Attributes:
        joints: (N, 17, 3), convention ``h36m``, or K others of a user's protocol.
        vertices: (N, V, 3), or None if the dataset has no meshes.
    """

    joints: Tensor
    vertices: Tensor | None


MeshSource = Callable[[Sequence[Mapping[str, Any]], EvaluationBodies], JointsAndMesh]
_H36M_IN_SMPL_54 = [SMPL_54.index(name) for name in H36M_17]


def predicted_mesh(samples: Sequence[Mapping[str, Any]], bodies: EvaluationBodies) -> JointsAndMesh:
    """Return the mesh and the 17 H36M joints that the model predicted.

    Args:
        samples: Data samples with ``pred_instances``.
        bodies: Unused: the model has posed its own.

    Returns:
        Joints (N, 17, 3) and vertices (N, V, 3).
    """
    return JointsAndMesh(
        stack_field(samples, 'pred_instances', 'joints_h36m'),
        stack_field(samples, 'pred_instances', 'vertices'),
    )


def predicted_mesh_on_annotated_body(
    samples: Sequence[Mapping[str, Any]], bodies: EvaluationBodies
) -> JointsAndMesh:
    """Return the predicted joints, and the mesh posed with the annotated gender (MMHuman3D).

    Args:
        samples: Data samples with ``pred_instances``.
        bodies: The body models.

    Returns:
        Joints (N, 17, 3) of the model's own body, and vertices (N, V, 3) of the annotated gender's.
    """
    params = (stack_field(samples, 'pred_instances', k) for k in ('global_orient', 'body_pose', 'betas'))
    return JointsAndMesh(
        stack_field(samples, 'pred_instances', 'joints_h36m'), bodies(samples, *params).vertices
    )


def annotated_mesh(samples: Sequence[Mapping[str, Any]], bodies: EvaluationBodies) -> JointsAndMesh:
    """Pose the annotated SMPL parameters: the mesh and its 17 H36M joints.

    Args:
        samples: Data samples with ``gt_instances``.
        bodies: The body models.

    Returns:
        Joints (N, 17, 3) and vertices (N, V, 3).

    Raises:
        ValueError: If a sample has no SMPL annotation.
    """
    has_smpl = stack_field(samples, 'gt_instances', 'has_smpl').reshape(len(samples), -1)[:, 0] > 0
    if not has_smpl.all():
        raise ValueError(
            f'{sample_name(samples[int((~has_smpl).nonzero()[0])])} has no SMPL annotation; '
            'this protocol takes its ground truth from SMPL parameters '
            "(h36m_p1 and h36m_p2: from the file's joints with gt='dataset')"
        )
    params = (stack_field(samples, 'gt_instances', key) for key in ('global_orient', 'body_pose', 'betas'))
    body = bodies(samples, *params)
    return JointsAndMesh(body.joints_h36m, body.vertices)


def annotated_keypoints(samples: Sequence[Mapping[str, Any]], bodies: EvaluationBodies) -> JointsAndMesh:
    """Return the 17 joints that the dataset annotates.

    All joints of Human3.6M and of MPI-INF-3DHP's test set are joints of ``smpl_54`` by name, so the keypoints
    of a data sample contain them unchanged.

    Args:
        samples: Data samples with ``gt_instances``.
        bodies: Unused.

    Returns:
        Joints (N, 17, 3) and no vertices.

    Raises:
        ValueError: If a sample lacks one of the 17 joints.
    """
    keypoints = stack_field(samples, 'gt_instances', 'keypoints3d')[:, _H36M_IN_SMPL_54]
    absent = keypoints[..., 3] <= 0
    if absent.any():
        row = int(absent.any(dim=1).nonzero()[0])
        names = [name for name, is_absent in zip(H36M_17, absent[row].tolist(), strict=True) if is_absent]
        raise ValueError(
            f'{sample_name(samples[row])} has no 3D keypoint {", ".join(names)}; this protocol takes its '
            'ground truth from the 17 joints of the dataset'
        )
    device = stack_field(samples, 'pred_instances', 'joints_h36m').device
    return JointsAndMesh(keypoints[..., :3].to(device, torch.float32), None)
