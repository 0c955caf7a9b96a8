"""From a dictionary of arrays to the inputs of an estimator."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData

from mmroi.registry import TRANSFORMS
from mmroi.structures import HMRDataSample

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
META = (
    'boxes',
    'focal_length',
    'focal_lengths',
    'principal_point',
    'crop_matrices',
    'crop_size',
    'img_shape',
    'img_path',
    'roll',
    'flip',
    'gender',
    'action',
    'dataset_name',
    'sample_idx',
    'person_id',
)


@TRANSFORMS.register_module()
class PackHMRInputs(BaseTransform):
    """Pack crops, labels and metainfo.

    The result is ``inputs``, a uint8 tensor (M, 3, H, W) in BGR, and ``data_samples``, an ``HMRDataSample``
    whose ``gt_instances`` hold the labels as float32 with a leading dimension of 1, those which the sample
    has.

    Labels stay NumPy arrays: a tensor would cost each of them a file descriptor and a shared-memory segment
    on its way from a loader worker. ``HMRDataPreprocessor`` makes tensors of a whole batch at once.

    Args:
        meta_keys: Keys that become metainfo, where the sample has them.
    """

    def __init__(self, meta_keys: Sequence[str] = META) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack.

        Args:
            results: The sample, after ``MultiRoICrop``.

        Returns:
            dict: ``inputs`` and ``data_samples``.
        """
        labels = {key: np.asarray(results[key], np.float32)[None] for key in LABELS if key in results}
        if 'bbox_xywh' in results:
            results['person_id'] = person_id(results)
        sample = HMRDataSample(metainfo={key: results[key] for key in self.meta_keys if key in results})
        sample.gt_instances = InstanceData(**labels)
        # A view: the pixels stay interleaved in memory, as decoded and as channels-last networks want them.
        inputs = torch.from_numpy(results['crops']).permute(0, 3, 1, 2)
        return dict(inputs=inputs, data_samples=sample)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'


def person_id(results: dict) -> int:
    """Number of a person: the same for every row and augmentation that shows the same box of the same image.

    Args:
        results: The sample, with ``bbox_xywh`` and, where known, ``dataset_name`` and ``img_path``.

    Returns:
        int: 63 bits, the same in every process.
    """
    box = np.round(np.asarray(results['bbox_xywh'], np.float64)[:4], 2).tolist()
    text = repr((results.get('dataset_name'), results.get('img_path'), box))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), 'big') >> 1
