"""The data element passed between dataset, model, metric and visualizer."""

from __future__ import annotations

from mmengine.structures import BaseDataElement, InstanceData

LABELS = (
    'global_orient',
    'body_pose',
    'betas',
    'pelvis',
    'keypoints2d',
    'keypoints3d',
    'has_smpl',
    'has_keypoints2d',
    'has_keypoints3d',
    'has_transl',
)
"""Fields of ``gt_instances`` of :class:`HMRDataSample`."""


class HMRDataSample(BaseDataElement):
    """Ground truth and predictions of one person in one image.

    Both fields have a leading dimension of 1, the person. Coordinates are in the augmented camera frame
    (OpenCV, meters). Pixels are relative to the principal point and square: an image whose two focal lengths
    differ is stretched about it by ``focal_length / focal_lengths``. M is the number of RoIs, K that of
    crops: one for each RoI, or one around all of them, whose size is ``context_size``.

    ``gt_instances`` (float32): ``global_orient`` (1, 3) and ``body_pose`` (1, 23, 3) axis-angle, ``betas``
    (1, 10), ``pelvis`` (1, 3) SMPL's root joint, ``keypoints2d`` (1, 54, 3) and ``keypoints3d`` (1, 54, 4)
    with confidence last, and the flags ``has_smpl``, ``has_keypoints2d``, ``has_keypoints3d``, ``has_transl``
    (1,), 0 or 1.

    ``pred_instances``: the fields of :class:`mmroi.structures.Predictions`, N = 1.

    Metainfo: ``boxes`` (M, 3) float64, ``focal_length``, ``focal_lengths`` (2,) of the image along x and y,
    ``principal_point`` (2,) of the image, ``crop_matrices`` (K, 2, 3) from the image to the crops,
    ``crop_size`` (H, W) of a RoI, ``context_size`` (H, W) if any, ``img_shape`` (H, W), ``img_path``,
    ``roll``, ``flip``, ``gender``, ``action`` (empty where not known), ``dataset_name``, ``sample_idx``,
    ``person_id`` (equal for the same box of the same image).
    """

    @property
    def gt_instances(self) -> InstanceData:
        """Ground truth."""
        return self._gt_instances

    @gt_instances.setter
    def gt_instances(self, value: InstanceData) -> None:
        self.set_field(value, '_gt_instances', dtype=InstanceData)

    @gt_instances.deleter
    def gt_instances(self) -> None:
        del self._gt_instances

    @property
    def pred_instances(self) -> InstanceData:
        """Predictions."""
        return self._pred_instances

    @pred_instances.setter
    def pred_instances(self, value: InstanceData) -> None:
        self.set_field(value, '_pred_instances', dtype=InstanceData)

    @pred_instances.deleter
    def pred_instances(self) -> None:
        del self._pred_instances
