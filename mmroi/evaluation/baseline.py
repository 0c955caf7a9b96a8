"""The baseline that any trained model must beat: the same body for everyone."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mmroi.body_models import SMPL
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
        predict = MeanPerson(self.bodies.neutral)
        predictions = [{**sample, 'pred_instances': predict(sample).to_dict()} for sample in data_samples]
        super().process(data_batch, predictions)


class MeanPerson:
    """Predicts the mean parameters of a body, and the mean camera in the base box, for everyone.

    Args:
        body_model: The neutral body; it is posed once.
    """

    @torch.no_grad()
    def __init__(self, body_model: SMPL) -> None:
        self._rotations = rot6d_to_matrix(body_model.mean_pose6d.reshape(1, 24, 6))
        self._betas = body_model.mean_betas.reshape(1, 10)
        self._body = body_model(self._rotations[:, 0], self._rotations[:, 1:], self._betas)
        self._camera = body_model.mean_camera.double().cpu().expand(1, 3)

    def __call__(self, sample: Mapping[str, Any]) -> Predictions:
        """Predict one person.

        Args:
            sample: Has ``boxes`` (M, 3) and ``focal_length``.

        Returns:
            Predictions with a single RoI.
        """
        base_box = torch.as_tensor(sample['boxes'], dtype=torch.float64)[:1]
        focal_length = torch.tensor(float(sample['focal_length']), dtype=torch.float64)
        full_camera = local_to_full(self._camera, base_box, focal_length).to(self._betas)
        local_camera = self._camera[None].to(self._betas)
        return Predictions.from_body(
            self._rotations, self._betas, self._body, local_camera, full_camera[None], full_camera
        )
