"""The baseline that any trained model must beat: the same body for everyone."""

from collections.abc import Sequence
from typing import Any

import torch

from mmroi.evaluation.mesh_metric import MeshMetric
from mmroi.geometry import local_to_full, rot6d_to_matrix
from mmroi.registry import METRICS
from mmroi.structures import Predictions


@METRICS.register_module()
class MeanPoseBaseline(MeshMetric):
    """``MeshMetric`` of the SMPL mean parameters, predicted for everyone.

    These are the mean pose (its global orientation faces the camera), the mean shape, and the mean camera
    ``(s, t_x, t_y)`` = (0.9, 0, 0) in the base box, from which iterative regressors like HMR start. The
    predictions of the model are ignored, so the metric can be used beside ``MeshMetric`` in any
    ``test_evaluator``.

    Args:
        prefix: Prefix of each name.
        kwargs: Other arguments of ``MeshMetric``.
    """

    def __init__(self, prefix: str | None = 'mean_pose', **kwargs: Any) -> None:
        super().__init__(prefix=prefix, **kwargs)

    @torch.no_grad()
    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Compute and keep the errors of the mean parameters for one batch.

        Args:
            data_batch: Unused.
            data_samples: Data samples as dicts, with ``gt_instances``, boxes, and focal length.
        """
        body_model = self.bodies.neutral
        rotations = rot6d_to_matrix(body_model.mean_pose6d.reshape(1, 24, 6))
        betas = body_model.mean_betas.reshape(1, 10)
        body = body_model(rotations[:, 0], rotations[:, 1:], betas)
        mean_camera = body_model.mean_camera.double().cpu()
        predictions = []
        for sample in data_samples:
            base_box = torch.as_tensor(sample['boxes'], dtype=torch.float64)[:1]
            local_camera = mean_camera.expand(1, 3)
            full_camera = local_to_full(
                local_camera,
                base_box,
                torch.tensor(float(sample['focal_length']), dtype=torch.float64),
            )
            full_camera = full_camera.to(betas)
            mean_person = Predictions.from_body(
                rotations, betas, body, local_camera[None].to(betas), full_camera[None], full_camera
            )
            predictions.append({**sample, 'pred_instances': mean_person.to_dict()})
        super().process(data_batch, predictions)
