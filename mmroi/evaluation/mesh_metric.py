"""``MeshMetric``: errors of meshes and cameras in mm, %, and degrees."""

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any, Literal

import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.evaluation.actions import action_of, parse_h36m_name
from mmroi.evaluation.evaluation_bodies import EvaluationBodies
from mmroi.evaluation.fields import sample_name, stack_field
from mmroi.evaluation.functional import (
    auc,
    camera_translation_error,
    depth_error,
    joint_errors,
    orientation_error,
    pa_joint_errors,
    pck,
    pve,
)
from mmroi.evaluation.mesh_sources import annotated_mesh
from mmroi.evaluation.person_errors import save_person_errors
from mmroi.evaluation.protocols import EvaluationProtocol, get_protocol
from mmroi.evaluation.tables import Table, make_tables, mean_errors, save_tables
from mmroi.geometry import axis_angle_to_matrix, camera_spread
from mmroi.registry import METRICS

MM = 1000.0


@METRICS.register_module()
class MeshMetric(BaseMetric):
    """Errors of a human mesh and its camera under a named protocol.

    Each metric is a mean over the samples that have the annotation it needs:

    * ``MPJPE``, ``PA-MPJPE``, ``PVE`` (mm), as the protocol defines them;
    * ``PCK``, ``AUC``, ``PA-PCK``, ``PA-AUC`` (%, larger is better), if the protocol has a threshold;
    * ``orientation`` (degrees): angle between the global orientations;
    * ``camera_translation`` (mm) and ``depth`` (%): error of the pelvis in the camera frame;
    * ``camera_spread`` (mm): root mean square distance of the full cameras of one person's M RoIs from their
      mean, if M > 1.

    Of a sample, only its errors, action, and image name are kept and gathered across processes, never its
    mesh. Samples that a sampler repeats to fill the last batch of a process are dropped, so the result does
    not depend on the number of processes.

    Args:
        protocol: Name of a protocol in ``mmroi.evaluation.PROTOCOLS``, or a definition.
        body_model: Config of the body model that poses annotations, or the model; the open body by default.
            Gendered protocols (3DPW) need a config whose ``model_path`` is the folder of all three SMPL
            files. All protocols but ``synthetic`` warn if it is the open body.
        gt: Ground truth of protocols with a choice (``h36m_p1``, ``h36m_p2``): ``smpl`` or ``dataset``.
        other_cameras: ``refuse`` images of other cameras than the protocol's (``h36m_p2``), or ``skip`` them,
            so that one pass over the file of protocol 1 evaluates both protocols.
        per_joint: Also report the mean error of each joint, ``MPJPE_<joint>`` (mm).
        out_dir: Folder for tables of errors per joint and per action, ``<protocol>_per_joint.csv`` and
            ``<protocol>_per_action.csv``, and for the errors of each person, ``<protocol>_per_person.npz``.
            Actions are read from ``action`` in the metainfo or from the names of Human3.6M's images.
        collect_device: ``cpu`` or ``gpu``: where processes exchange results.
        prefix: Prefix of each name; by default the name of the protocol.

    Attributes:
        tables: ``per_joint`` and, if actions are known, ``per_action``; set by ``evaluate`` on the main
            process.

    Raises:
        KeyError: If the protocol is unknown, or (in ``process``) if a sample lacks a prediction or an
            annotation.
        FileNotFoundError: If a body model that the protocol needs is missing.
        ValueError: If the protocol has no such ground truth. In ``process``: if a prediction or an annotation
            has NaN or infinite values, or if an annotation is not of the kind that the protocol needs.
    """

    default_prefix = 'mesh'

    def __init__(
        self,
        protocol: str | EvaluationProtocol = 'synthetic',
        body_model: dict[str, Any] | SMPL | None = None,
        gt: str | None = None,
        other_cameras: Literal['refuse', 'skip'] = 'refuse',
        per_joint: bool = False,
        out_dir: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        self.protocol = get_protocol(protocol, gt)
        super().__init__(collect_device, prefix or self.protocol.name)
        self.bodies = EvaluationBodies(body_model, self.protocol.gendered)
        if other_cameras not in ('refuse', 'skip'):
            raise ValueError(f'MeshMetric: other_cameras must be "refuse" or "skip", not "{other_cameras}"')
        self.other_cameras = other_cameras
        self.per_joint = per_joint
        self.out_dir = out_dir
        self.tables: dict[str, Table] = {}

    @property
    def needs_smpl(self) -> bool:
        """Whether every sample must have SMPL parameters, its ground truth."""
        return self.protocol.target is annotated_mesh and self.other_cameras == 'refuse'

    @torch.no_grad()
    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Compute and keep the errors of one batch.

        Args:
            data_batch: Unused.
            data_samples: As dicts, with ``pred_instances``, ``gt_instances`` and metainfo at the top.
        """
        if not self.protocol.open_body:
            self.bodies.warn_of_open_body(self.protocol.name)
        counts = [self._is_of_protocol(sample) for sample in data_samples]
        rows = iter(self._errors([*compress(data_samples, counts)]) if any(counts) else ())
        # Skipped samples get empty rows: MMEngine identifies repeated samples by their position.
        self.results += [next(rows) if count else {} for count in counts]

    def _errors(self, data_samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Compute the errors of each sample by name, ``joints`` (K), ``action`` and ``img_path`` if known."""
        self.bodies.to(stack_field(data_samples, 'pred_instances', 'camera_translation').device)
        errors = {
            **self._mesh_errors(data_samples),
            **self._orientation_error(data_samples),
            **self._camera_errors(data_samples),
            **self._camera_spread(data_samples),
        }
        columns = {name: values.tolist() for name, values in errors.items()}
        rows = []
        for i, sample in enumerate(data_samples):
            known = dict(action=action_of(sample), img_path=sample.get('img_path'))
            row: dict[str, Any] = {name: values[i] for name, values in columns.items()}
            rows.append(row | {name: str(value) for name, value in known.items() if value})
        return rows

    def compute_metrics(self, results: list[Mapping[str, Any]]) -> dict[str, float]:
        """Average over samples, and write the tables.

        Args:
            results: One dict of errors per sample, empty for skipped samples.

        Returns:
            Name of error to mean.

        Raises:
            ValueError: If there is no sample.
        """
        counted = [result for result in results if result]
        if not counted:
            reason = f'no image is from camera {self.protocol.camera}' if results else 'the dataset is empty'
            raise ValueError(f'no sample was evaluated under protocol "{self.protocol.name}": {reason}')
        self.tables = make_tables(counted, self.protocol.joint_names, self.protocol.pck_threshold)
        if self.out_dir:
            save_tables(self.tables, self.out_dir, self.protocol.name)
            save_person_errors(counted, self.out_dir, self.protocol.name)
        per_joint = self.tables['per_joint'].rows[:-1] if self.per_joint else []
        return {**mean_errors(counted), **{f'MPJPE_{joint}': error for joint, error, *_ in per_joint}}

    def _is_of_protocol(self, sample: dict[str, Any]) -> bool:
        if self.protocol.camera is None:
            return True
        name = parse_h36m_name(str(sample.get('img_path', '')))
        if name is None and self.other_cameras == 'skip':
            raise ValueError(
                f'protocol "{self.protocol.name}" tests camera {self.protocol.camera} only, and the name of '
                f'{sample_name(sample)} does not contain it, as S9_Directions.60457274_000001.jpg does; '
                "use the dataset's file for this protocol, without other_cameras='skip'"
            )
        if name is None or name.camera == self.protocol.camera:
            return True
        if self.other_cameras == 'refuse':
            raise ValueError(
                f'protocol "{self.protocol.name}" tests camera {self.protocol.camera} only, but '
                f"{sample_name(sample)} is from {name.camera}; use the dataset's file for this protocol "
                "or other_cameras='skip'"
            )
        return False

    def _mesh_errors(self, samples: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Compute MPJPE, PA-MPJPE, PVE (N,), and errors of joints (N, K), mm; PCK and AUC (N,), %."""
        protocol = self.protocol
        pred = protocol.prediction(samples, self.bodies)
        target = protocol.target(samples, self.bodies)
        pred_root, target_root = (x.joints[:, protocol.root, None] for x in (pred, target))
        # Double precision costs nothing for a few joints and keeps Procrustes exact.
        pred_joints = (pred.joints - pred_root)[:, list(protocol.joints)].double()
        target_joints = (target.joints - target_root)[:, list(protocol.joints)].double()
        joints = MM * joint_errors(pred_joints, target_joints)
        pa_joints = MM * pa_joint_errors(pred_joints, target_joints)
        errors = {'MPJPE': joints.mean(dim=1), 'PA-MPJPE': pa_joints.mean(dim=1)}
        if protocol.pve is not None and pred.vertices is not None and target.vertices is not None:
            if protocol.pve == 'root_aligned':
                errors['PVE'] = MM * pve(pred.vertices - pred_root, target.vertices - target_root)
            else:
                errors['PVE'] = MM * pve(pred.vertices, target.vertices)
        if protocol.pck_threshold is not None:
            for prefix, distances in (('', joints), ('PA-', pa_joints)):
                errors[f'{prefix}PCK'] = pck(distances, protocol.pck_threshold)
                errors[f'{prefix}AUC'] = auc(distances, protocol.pck_threshold)
        return {**errors, 'joints': joints}

    @staticmethod
    def _orientation_error(samples: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Compute the error of the root, (N,) degrees; NaN without an SMPL annotation."""
        pred = stack_field(samples, 'pred_instances', 'global_orient').double()
        target = axis_angle_to_matrix(
            stack_field(samples, 'gt_instances', 'global_orient').double().to(pred.device)
        )
        errors = orientation_error(pred.reshape(-1, 3, 3), target.reshape(-1, 3, 3))
        unknown = stack_field(samples, 'gt_instances', 'has_smpl').reshape(-1).to(pred.device) == 0
        return {'orientation': errors.masked_fill(unknown, torch.nan)}

    @staticmethod
    def _camera_spread(samples: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        full_cameras = stack_field(samples, 'pred_instances', 'full_cameras').double()
        return {'camera_spread': MM * camera_spread(full_cameras)} if full_cameras.shape[1] > 1 else {}

    @staticmethod
    def _camera_errors(samples: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Compute errors of the pelvis in the camera frame, (N,); NaN if the true one is unknown."""
        root = stack_field(samples, 'pred_instances', 'joints3d')[:, 0]
        pred = (root + stack_field(samples, 'pred_instances', 'camera_translation')).double()
        target = stack_field(samples, 'gt_instances', 'pelvis').double().to(pred.device)
        unknown = stack_field(samples, 'gt_instances', 'has_transl').reshape(-1).to(pred.device) == 0
        errors = {
            'camera_translation': MM * camera_translation_error(pred, target),
            'depth': depth_error(pred, target),
        }
        return {name: values.masked_fill(unknown, torch.nan) for name, values in errors.items()}
