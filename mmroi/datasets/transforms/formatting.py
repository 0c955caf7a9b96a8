"""Packing of samples for the estimator."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData

from mmroi.registry import TRANSFORMS
from mmroi.structures import LABELS, HMRDataSample

META = (
    'boxes',
    'focal_length',
    'focal_lengths',
    'principal_point',
    'crop_matrices',
    'crop_size',
    'context_size',
    'img_shape',
    'img_path',
    'roll',
    'flip',
    'gender',
    'action',
    'dataset_name',
    'row',
    'sample_idx',
    'person_id',
)


@TRANSFORMS.register_module()
class PackHMRInputs(BaseTransform):
    """Pack crops, labels and metainfo.

    The result is ``inputs``, a uint8 tensor (K, 3, H, W) of the crops in BGR, and ``data_samples``, an
    ``HMRDataSample`` whose ``gt_instances`` hold the labels of the sample as float32 with a leading dimension
    of 1.

    Labels stay NumPy arrays, because each tensor sent by a loader worker would take a file descriptor and a
    shared-memory segment. ``HMRDataPreprocessor`` converts a whole batch at once.

    Args:
        meta_keys: Keys that become metainfo if the sample has them.
    """

    def __init__(self, meta_keys: Sequence[str] = META) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack the sample.

        Args:
            results: The sample, after ``MultiRoICrop``.

        Returns:
            ``inputs`` and ``data_samples``.
        """
        labels = {key: np.asarray(results[key], np.float32)[None] for key in LABELS if key in results}
        if 'bbox_xywh' in results:
            results['person_id'] = person_id(results)
        sample = HMRDataSample(metainfo={key: results[key] for key in self.meta_keys if key in results})
        sample.gt_instances = InstanceData(**labels)
        # A view: pixels stay interleaved in memory, which is what channels-last networks expect.
        inputs = torch.from_numpy(results['crops']).permute(0, 3, 1, 2)
        return dict(inputs=inputs, data_samples=sample)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'


def person_id(results: dict[str, Any]) -> int:
    """Compute an ID that is equal for all rows and augmentations of the same box in the same image.

    Args:
        results: The sample, with ``bbox_xywh`` and, if known, ``dataset_name`` and ``img_path``.

    Returns:
        63 bits, equal in all processes.
    """
    box = np.round(np.asarray(results['bbox_xywh'], np.float64)[:4], 2).tolist()
    text = repr((results.get('dataset_name'), results.get('img_path'), box))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), 'big') >> 1
