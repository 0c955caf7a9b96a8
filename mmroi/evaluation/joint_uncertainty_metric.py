"""``JointUncertaintyMetric``: whether predicted standard deviations of joints fit the errors."""

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.evaluation.evaluation_bodies import EvaluationBodies
from mmroi.evaluation.fields import stack_field
from mmroi.evaluation.functional import joint_errors
from mmroi.evaluation.uncertainty import interval_coverage, interval_radius, rank_correlation
from mmroi.registry import METRICS
from mmroi.structures import SMPL_24
from mmroi.utils.installation import find_page

MM = 1000.0


@METRICS.register_module()
class JointUncertaintyMetric(BaseMetric):
    """Compares the errors of SMPL's 24 joints with the standard deviations that the network predicts.

    The error of a joint is the distance from the true one, both relative to Human3.6M's pelvis, as in MPJPE.
    Only samples with SMPL annotations count. Over all of them and all joints:

    * ``coverage_<level>`` (%): share of the errors inside the ball that should contain this share;
    * ``rank_correlation``: Spearman's correlation of error and standard deviation within each joint, mean
      over the joints, so that joints which are uncertain in everyone do not count;
    * ``std`` and ``rms`` (mm): root mean square of standard deviations and of errors per coordinate.

    Args:
        likelihood: With which the network was trained, see ``interval_radius``.
        levels: Probabilities of the intervals.
        per_joint: Also report coverage and correlation of each joint, ``coverage_90_<joint>`` and
            ``rank_correlation_<joint>``.
        body_model: Config of the body model that poses annotations, or the model; the open body by default.
        gendered: Pose annotations with the body model of their gender, as 3DPW's are.
        collect_device: ``cpu`` or ``gpu``: where processes exchange results.
        prefix: Prefix of each name.

    Raises:
        ValueError: The likelihood is unknown or a level out of range; in ``evaluate``, if no sample counts.
        KeyError: In ``process``, if predictions lack ``joints_std``.
    """

    default_prefix = 'uncertainty'

    def __init__(
        self,
        likelihood: str = 'laplace',
        levels: Sequence[float] = (0.5, 0.9),
        per_joint: bool = False,
        body_model: dict[str, Any] | SMPL | None = None,
        gendered: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix)
        for level in levels:
            interval_radius(level, likelihood)  # check both
        self.likelihood, self.levels, self.per_joint = likelihood, tuple(levels), per_joint
        self.bodies = EvaluationBodies(body_model, gendered)

    @torch.no_grad()
    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Compute and keep the errors of one batch.

        Args:
            data_batch: Unused.
            data_samples: As dicts, with ``pred_instances``, ``gt_instances`` and metainfo at the top.
        """
        for sample in data_samples:
            if 'joints_std' not in sample['pred_instances']:
                raise KeyError(
                    'the predictions have no joints_std: the model needs an uncertainty_head '
                    f'({find_page("uncertainty.md")})'
                )
        labeled = [
            bool(torch.as_tensor(s['gt_instances']['has_smpl']).flatten()[0] > 0) for s in data_samples
        ]
        rows = iter(self._rows([*compress(data_samples, labeled)]) if any(labeled) else ())
        # Samples without labels get empty rows: MMEngine identifies repeated samples by their position.
        self.results += [next(rows) if has_label else {} for has_label in labeled]

    def _rows(self, samples: Sequence[dict[str, Any]]) -> list[dict[str, Tensor]]:
        errors, std = joint_errors_and_std(samples, self.bodies)
        return [dict(errors=one, std=other) for one, other in zip(errors.cpu(), std.cpu(), strict=True)]

    def compute_metrics(self, results: list[Mapping[str, Tensor]]) -> dict[str, float]:
        """Compare over all samples.

        Args:
            results: Errors and standard deviations of each sample, empty where it does not count.

        Returns:
            Figures by name.

        Raises:
            ValueError: If no sample counts.
        """
        counted = [result for result in results if result]
        if not counted:
            raise ValueError('JointUncertaintyMetric: no sample has SMPL annotations')
        errors, std = (torch.stack([row[key] for row in counted]) for key in ('errors', 'std'))
        found: dict[str, float] = {}
        tables: dict[str, Tensor] = {}
        for level in self.levels:
            tables[f'coverage_{100 * level:g}'] = interval_coverage(errors, std, level, self.likelihood)
        tables['rank_correlation'] = rank_correlation(errors, std)
        for name, values in tables.items():
            found[name] = float(values.nanmean())
        found['std'] = MM * float(std.square().mean().sqrt())
        found['rms'] = MM * float((errors.square().mean() / 3).sqrt())
        if self.per_joint:
            for name, values in tables.items():
                found |= {f'{name}_{joint}': float(v) for joint, v in zip(SMPL_24, values, strict=True)}
        return found


def joint_errors_and_std(
    samples: Sequence[Mapping[str, Any]], bodies: EvaluationBodies
) -> tuple[Tensor, Tensor]:
    """Compute the errors of SMPL's 24 joints relative to the root, beside their standard deviations.

    Args:
        samples: N data samples with predictions and SMPL annotations.
        bodies: The bodies that pose the annotations; moved to the device of the predictions.

    Returns:
        Distances (N, 24) and standard deviations per coordinate (N, 24), meters, float64.
    """
    std = stack_field(samples, 'pred_instances', 'joints_std')
    bodies.to(std.device)
    names = ('global_orient', 'body_pose', 'betas')
    true = bodies(samples, *(stack_field(samples, 'gt_instances', name).to(std.device) for name in names))
    joints = stack_field(samples, 'pred_instances', 'joints3d')
    root = stack_field(samples, 'pred_instances', 'joints_h36m')[:, :1]
    pred = (joints - root)[:, : std.shape[1]].double()
    target = (true.joints - true.joints_h36m[:, :1])[:, : std.shape[1]].double()
    return joint_errors(pred, target), std.double()
