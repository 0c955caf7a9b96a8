"""Named evaluation protocols. Numbers of different protocols must not be compared, so each carries its name.

A protocol says where the true joints and mesh come from, where the predicted ones come from, which joints
count, which is the root, and how the mesh is aligned for PVE. Another benchmark is another entry of
`PROTOCOLS` (and, where its ground truth comes from elsewhere, another function like `mesh_of_label`);
`MeshMetric` stays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.structures import H36M_17, H36M_TO_J14

from .samples import sample_name, stack_field


class JointsAndMesh(NamedTuple):
    """What a protocol compares, in the frame of the camera up to a translation, metres.

    Attributes:
        joints: (N, K, 3), K as in the protocol.
        vertices: (N, V, 3), or None where the data has no mesh.
    """

    joints: Tensor
    vertices: Tensor | None


Source = Callable[[Sequence[Mapping], SMPL], JointsAndMesh]


def mesh_of_prediction(samples: Sequence[Mapping], body_model: SMPL) -> JointsAndMesh:
    """The mesh and the 17 H36M joints that the model predicted.

    Args:
        samples: Data samples with `pred_instances`.
        body_model: Unused: the model has run its own.

    Returns:
        Joints (N, 17, 3) and vertices (N, V, 3).
    """
    return JointsAndMesh(
        stack_field(samples, 'pred_instances', 'joints_h36m'),
        stack_field(samples, 'pred_instances', 'vertices'),
    )


def mesh_of_label(samples: Sequence[Mapping], body_model: SMPL) -> JointsAndMesh:
    """The mesh and the 17 H36M joints of the label's SMPL parameters, by the metric's body model.

    Args:
        samples: Data samples with `gt_instances`.
        body_model: An SMPL body model.

    Returns:
        Joints (N, 17, 3) and vertices (N, V, 3).

    Raises:
        ValueError: If a sample has no SMPL label.
    """
    has_smpl = stack_field(samples, 'gt_instances', 'has_smpl').reshape(len(samples), -1)[:, 0] > 0
    if not has_smpl.all():
        raise ValueError(
            f'{sample_name(samples[int((~has_smpl).nonzero()[0])])} has no SMPL label; '
            'this protocol takes its ground truth from SMPL parameters'
        )
    params = [stack_field(samples, 'gt_instances', key) for key in ('global_orient', 'body_pose', 'betas')]
    device = body_model.mean_betas.device
    out = body_model(*(p.float().to(device) for p in params))
    return JointsAndMesh(out.joints_h36m, out.vertices)


@dataclass(frozen=True)
class EvaluationProtocol:
    """One way to measure the error of a mesh.

    Attributes:
        name: Prefix of the numbers, e.g. `synthetic/MPJPE`.
        joint_names: Names of the joints that count, in the order of `joints`.
        joints: Their indices among the K joints of `prediction` and `target`.
        root: Index of the joint, among the K, at which joints (and meshes) are aligned.
        pve: `root_aligned`: both meshes minus their root; `unaligned`: as they are; None: not measured.
        prediction: Gives the predicted joints and mesh.
        target: Gives the true ones.
    """

    name: str
    joint_names: tuple[str, ...]
    joints: tuple[int, ...]
    root: int
    pve: Literal['root_aligned', 'unaligned'] | None
    prediction: Source = mesh_of_prediction
    target: Source = mesh_of_label


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        EvaluationProtocol(
            name='synthetic',
            joint_names=tuple(H36M_17[i] for i in H36M_TO_J14),
            joints=tuple(H36M_TO_J14),
            root=0,
            pve='root_aligned',
        ),
    )
}


def get_protocol(protocol: str | EvaluationProtocol) -> EvaluationProtocol:
    """Looks a protocol up.

    Args:
        protocol: Its name, or a definition of one's own.

    Returns:
        The definition.

    Raises:
        KeyError: If the name is unknown; lists the known ones.
    """
    if isinstance(protocol, EvaluationProtocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise KeyError(f'unknown evaluation protocol "{protocol}"; known: {", ".join(sorted(PROTOCOLS))}')
    return PROTOCOLS[protocol]
