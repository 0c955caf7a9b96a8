"""Named evaluation protocols. Results of different protocols must not be compared, so each carries its name.

A protocol defines where the true and the predicted joints and meshes come from, which joints count, which is
the root, and how the mesh is aligned for PVE. Another benchmark is another entry of ``PROTOCOLS``, with
another function in ``mesh_sources`` if its ground truth comes from elsewhere.
"""

from dataclasses import dataclass, replace
from typing import Literal

from mmroi.evaluation.mesh_sources import (
    MeshSource,
    annotated_keypoints,
    annotated_mesh,
    predicted_mesh,
    predicted_mesh_on_annotated_body,
)
from mmroi.structures import H36M_17, H36M_TO_J14

H36M_TO_J17 = (*H36M_TO_J14, 0, 7, 9)
"""SPIN's order of all 17 joints; the pelvis is joint 14."""

GROUND_TRUTHS: dict[str, MeshSource] = {'smpl': annotated_mesh, 'dataset': annotated_keypoints}
"""Ground truths that some protocols can choose: posed SMPL annotations, or the joints of the dataset."""


@dataclass(frozen=True)
class EvaluationProtocol:
    """One way to evaluate a mesh.

    Attributes:
        name: Prefix of the metrics, e.g. ``synthetic/MPJPE``.
        joints: Indices of the joints that count among the K joints of ``prediction`` and ``target``.
        joint_names: Their names; those of H36M by default.
        root: Index of the joint, among the K, at which joints (and meshes) are aligned.
        pve: ``root_aligned``: both meshes minus their root; ``unaligned``: as they are; None: not measured.
        gendered: Pose annotations with the body model of their gender.
        open_body: Annotations are parameters of the open body. Those of all other protocols are SMPL's, and
            evaluating them on the open body warns.
        prediction: Returns the predicted joints and mesh.
        target: Returns the true joints and mesh.
        has_choice: Whether ``gt`` may replace ``target`` with another entry of ``GROUND_TRUTHS``.
        camera: Only images of this camera of Human3.6M belong to the test set.
        pck_threshold: Threshold of PCK and the largest of AUC, mm; None for neither.
    """

    name: str
    joints: tuple[int, ...] = tuple(H36M_TO_J14)
    joint_names: tuple[str, ...] = ()
    root: int = 0
    pve: Literal['root_aligned', 'unaligned'] | None = 'root_aligned'
    gendered: bool = False
    open_body: bool = False
    prediction: MeshSource = predicted_mesh
    target: MeshSource = annotated_mesh
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
            '3dpw_mmhuman3d', gendered=True, pve='unaligned', prediction=predicted_mesh_on_annotated_body
        ),
        EvaluationProtocol('h36m_p1', pve=None, has_choice=True),
        EvaluationProtocol('h36m_p2', pve=None, has_choice=True, camera='60457274'),
        EvaluationProtocol(
            'mpi_inf_3dhp', joints=H36M_TO_J17, pve=None, target=annotated_keypoints, pck_threshold=150.0
        ),
    )
}


def get_protocol(protocol: str | EvaluationProtocol, gt: str | None = None) -> EvaluationProtocol:
    """Look up a protocol.

    Args:
        protocol: Its name, or a user's definition.
        gt: ``smpl`` or ``dataset`` for protocols with a choice, whose default is ``smpl``. The name of the
            protocol gets the suffix ``dataset``, e.g. ``h36m_p1_dataset/MPJPE``.

    Returns:
        The definition.

    Raises:
        KeyError: If the name is unknown.
        ValueError: If the protocol has no such ground truth.
    """
    if not isinstance(protocol, EvaluationProtocol):
        if protocol not in tuple(PROTOCOLS):  # a list is no key
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
