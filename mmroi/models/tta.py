"""Test-time augmentation by mirroring: average a person's predictions over mirrored and unmirrored views."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor

from mmroi.body_models import SMPL
from mmroi.geometry import full_to_local, mean_rotation
from mmroi.registry import MODELS
from mmroi.structures import HMRDataSample, Predictions, flip_indices

__all__ = ['MeshTTAModel']

_PARTNERS = list(flip_indices('smpl'))


@MODELS.register_module()
class MeshTTAModel(BaseTTAModel):
    """Averages the predictions from several views of each person, in the frame of the original image.

    Views come from ``mmcv.transforms.TestTimeAug`` and may differ in their boxes and in ``RandomMirror``,
    which sets ``flip`` in the metainfo. Poses and full cameras of mirrored views are mirrored back about the
    principal point. Rotations are averaged on SO(3) (chordal mean), full cameras as over RoIs
    (``geometry.average_full_camera``: x, y and the inverse depth), and shapes arithmetically; then the body
    is posed again. Local cameras refer to boxes, which differ between views, so they are computed from the
    mean full cameras and the boxes of the unmirrored view. The result keeps that view's labels and metainfo.

    Args:
        module: The estimator, or its config.
        data_preprocessor: Config, for an estimator without one.
    """

    @property
    def body_model(self) -> SMPL:
        """Body model of the estimator."""
        module = self.module.module if is_model_wrapper(self.module) else self.module
        return module.body_model

    @torch.no_grad()
    def merge_preds(self, data_samples_list: Sequence[Sequence[HMRDataSample]]) -> list[HMRDataSample]:
        """Merge the views of each person.

        Args:
            data_samples_list: The views of each person, with ``pred_instances``.

        Returns:
            list[HMRDataSample]: One sample per person.

        Raises:
            ValueError: A person has no unmirrored view, or a view is rolled.
        """
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: Sequence[HMRDataSample]) -> HMRDataSample:
        if any(view.get('roll', 0.0) for view in views):
            raise ValueError(
                'MeshTTAModel takes mirrored views, not rolled ones: remove RandomCameraRoll '
                'from tta_pipeline'
            )
        merged = next((view for view in views if not view.get('flip', False)), None)
        if merged is None:
            raise ValueError(
                'MeshTTAModel needs an unmirrored view of each person: tta_pipeline needs '
                "dict(type='RandomMirror', prob=0.0) beside prob=1.0"
            )
        seen = [_unmirrored(view) for view in views]
        rotations = mean_rotation(torch.stack([view['rotations'] for view in seen]), 0)
        betas = torch.stack([view['betas'] for view in seen]).mean(0)
        full_cameras = _mean_translation([view['full_cameras'] for view in seen])
        body = self.body_model(rotations[:, :1], rotations[:, 1:], betas)
        boxes = torch.as_tensor(merged.boxes, device=full_cameras.device)[None]
        focal_length = torch.as_tensor([merged.focal_length], dtype=torch.float64)
        merged.pred_instances = Predictions.from_body(
            rotations,
            betas,
            body,
            local_cameras=full_to_local(full_cameras, boxes, focal_length),
            full_cameras=full_cameras,
            camera_translation=_mean_translation([view['camera_translation'] for view in seen]),
            joints_std=_mean_std(seen),
        ).to_instances()
        return merged


def _unmirrored(view: HMRDataSample) -> dict[str, Tensor]:
    """Rotations (1, 24, 3, 3), betas and cameras of a view in the frame of the original image."""
    predicted = Predictions.from_instances(view.pred_instances)
    rotations, std = predicted.rotations, predicted.joints_std
    full_cameras, translation = predicted.full_cameras, predicted.camera_translation
    if view.get('flip', False):
        mirror = rotations.new_tensor((-1.0, 1.0, 1.0))
        rotations = rotations[:, _PARTNERS] * torch.outer(mirror, mirror)  # M R M
        full_cameras, translation = full_cameras * mirror, translation * mirror
        std = std if std is None else std[:, _PARTNERS]
    return dict(
        rotations=rotations,
        betas=predicted.betas,
        full_cameras=full_cameras,
        camera_translation=translation,
        **({} if std is None else dict(joints_std=std)),
    )


def _mean_std(seen: Sequence[dict[str, Tensor]]) -> Tensor | None:
    """Root mean square over the views, whose errors are much alike; None if the network has none."""
    if 'joints_std' not in seen[0]:
        return None
    return torch.stack([view['joints_std'] for view in seen]).square().mean(0).sqrt()


def _mean_translation(translations: Sequence[Tensor]) -> Tensor:
    """Mean of x and y, harmonic mean of the depth."""
    stacked = torch.stack(list(translations))
    return torch.cat((stacked[..., :2].mean(0), 1 / stacked[..., 2:].reciprocal().mean(0)), -1)
