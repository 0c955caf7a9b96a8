"""The least that a trained model must beat: always the same body."""

from collections.abc import Sequence
from typing import Any

import torch

from mmroi.evaluation.mesh_metric import MeshMetric
from mmroi.geometry import local_to_full, rot6d_to_matrix
from mmroi.registry import METRICS


@METRICS.register_module()
class MeanPoseBaseline(MeshMetric):
    """Errors of predicting the SMPL mean parameters for everyone, measured by the same code as a model's.

    The mean pose (its global orientation faces the camera), the mean shape, and the mean camera
    ``(s, t_x, t_y)`` = (0.9, 0, 0) in the base box, which is where iterative regressors in the manner of HMR
    start. The model's own predictions are ignored, so the metric can stand beside ``MeshMetric`` in any
    ``test_evaluator``.

    Args:
        prefix: Put before each name.
        kwargs: As for ``MeshMetric``.
    """

    def __init__(self, prefix: str | None = 'mean_pose', **kwargs: Any) -> None:
        super().__init__(prefix=prefix, **kwargs)

    @torch.no_grad()
    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the errors of the mean parameters for one batch.

        Args:
            data_batch: Unused.
            data_samples: Data samples as dicts, with ``gt_instances``, boxes and focal length.
        """
        body_model = self.bodies.neutral
        rotations = rot6d_to_matrix(body_model.mean_pose6d.reshape(1, 24, 6))
        betas = body_model.mean_betas.reshape(1, 10)
        body = body_model(rotations[:, 0], rotations[:, 1:], betas)
        mean_camera = body_model.mean_camera.double().cpu()
        predictions = []
        for sample in data_samples:
            base_box = torch.as_tensor(sample['boxes'], dtype=torch.float64)[:1]
            full_camera = local_to_full(
                mean_camera.expand(1, 3),
                base_box,
                torch.tensor(float(sample['focal_length']), dtype=torch.float64),
            )
            full_camera = full_camera.to(betas)
            predictions.append(
                {
                    **sample,
                    'pred_instances': dict(
                        global_orient=rotations[:, 0],
                        body_pose=rotations[:, 1:],
                        betas=betas,
                        vertices=body.vertices,
                        joints3d=body.joints,
                        joints_h36m=body.joints_h36m,
                        full_cameras=full_camera[None],
                        camera_translation=full_camera,
                    ),
                }
            )
        super().process(data_batch, predictions)
