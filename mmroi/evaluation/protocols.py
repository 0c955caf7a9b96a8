"""Named evaluation protocols. Numbers of different protocols must not be compared, so each carries its name.

A protocol says where the true joints and mesh come from, where the predicted ones come from, which joints
count, which is the root, and how the mesh is aligned for PVE. Another benchmark is another entry of
``PROTOCOLS`` (and, where its ground truth comes from elsewhere, another function in ``sources``); ``MeshMetric``
stays.
"""

from dataclasses import dataclass, replace
from typing import Literal

from mmroi.evaluation.mesh_sources import (
    Source,
    keypoints_of_label,
    mesh_of_label,
    mesh_of_prediction,
    prediction_on_label_body,
)
from mmroi.structures import H36M_17, H36M_TO_J14

H36M_TO_J17 = (*H36M_TO_J14, 0, 7, 9)
"""SPIN's order of all 17 joints; the pelvis is joint 14."""

GROUND_TRUTHS: dict[str, Source] = {'smpl': mesh_of_label, 'dataset': keypoints_of_label}
"""What a protocol with a choice can be measured against: posed SMPL labels, or the data set's own joints."""


@dataclass(frozen=True)
class EvaluationProtocol:
    """One way to measure the error of a mesh.

    Attributes:
        name: Prefix of the numbers, e.g. ``synthetic/MPJPE``.
        joints: Indices of the joints that count among the K joints of ``prediction`` and ``target``.
        joint_names: Their names; those of H36M by default.
        root: Index of the joint, among the K, at which joints (and meshes) are aligned.
        pve: ``root_aligned``: both meshes minus their root; ``unaligned``: as they are; None: not measured.
        gendered: Labels are posed with the body model of their gender.
        open_body: Labels are parameters of the open body; those of all others are SMPL's, and measuring them
            on the open body warns.
        prediction: Gives the predicted joints and mesh.
        target: Gives the true ones.
        has_choice: Whether ``gt`` may replace ``target`` by an entry of ``GROUND_TRUTHS``.
        camera: Only photos of this camera of Human3.6M belong to the test set.
        pck_threshold: Threshold of PCK and the largest of AUC, mm; None: neither is measured.
    """

    name: str
    joints: tuple[int, ...] = tuple(H36M_TO_J14)
    joint_names: tuple[str, ...] = ()
    root: int = 0
    pve: Literal['root_aligned', 'unaligned'] | None = 'root_aligned'
    gendered: bool = False
    open_body: bool = False
    prediction: Source = mesh_of_prediction
    target: Source = mesh_of_label
    has_choice: bool = False
    camera: str | None = None
    pck_threshold: float | None = None

    def __post_init__(self) -> None:
        names = self.joint_names or tuple(H36M_17[i] for i in self.joints)
        if len(names) != len(self.joints):
            raise ValueError(f'protocol "{self.name}" has {len(self.joints)} joints but {len(names)} names')
        object.__setattr__(self, 'joint_names', names)


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        EvaluationProtocol('synthetic', open_body=True),
        EvaluationProtocol('3dpw', gendered=True),
        EvaluationProtocol(
            '3dpw_mmhuman3d', gendered=True, pve='unaligned', prediction=prediction_on_label_body
        ),
        EvaluationProtocol('h36m_p1', pve=None, has_choice=True),
        EvaluationProtocol('h36m_p2', pve=None, has_choice=True, camera='60457274'),
        EvaluationProtocol(
            'mpi_inf_3dhp', joints=H36M_TO_J17, pve=None, target=keypoints_of_label, pck_threshold=150.0
        ),
    )
}


def get_protocol(protocol: str | EvaluationProtocol, gt: str | None = None) -> EvaluationProtocol:
    """Look a protocol up.

    Args:
        protocol: Its name, or a definition of one's own.
        gt: ``smpl`` or ``dataset``, for protocols with a choice; their own default is ``smpl``. Numbers against the
            data set's joints are named so, e.g. ``h36m_p1_dataset/MPJPE``.

    Returns:
        The definition.

    Raises:
        KeyError: If the name is unknown; lists the known ones.
        ValueError: If the protocol has no such ground truth.
    """
    if not isinstance(protocol, EvaluationProtocol):
        if protocol not in PROTOCOLS:
            raise KeyError(f'unknown evaluation protocol "{protocol}"; known: {", ".join(sorted(PROTOCOLS))}')
        protocol = PROTOCOLS[protocol]
    if gt is None:
        return protocol
    choices = sorted(GROUND_TRUTHS) if protocol.has_choice else []
    if gt not in choices:
        raise ValueError(
            f'protocol "{protocol.name}" has no ground truth gt="{gt}"; '
            + (f'it has {" and ".join(choices)}' if choices else 'it leaves no choice')
        )
    name = protocol.name if GROUND_TRUTHS[gt] is protocol.target else f'{protocol.name}_{gt}'
    return replace(protocol, name=name, target=GROUND_TRUTHS[gt])
