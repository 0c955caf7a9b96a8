"""Collation and normalization on the device."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmroi.registry import MODELS
from mmroi.structures import HMRDataSample


@MODELS.register_module()
class HMRDataPreprocessor(BaseDataPreprocessor):
    """Stacks the crops of a batch, moves them as uint8, and normalizes them on the device.

    Labels are stacked and moved once per name; samples then hold views of the result.

    Args:
        mean: Mean of each output channel, 0 to 255; ImageNet's in RGB by default.
        std: Standard deviation of each output channel, 0 to 255.
        bgr_to_rgb: Reverse the channels: ``LoadImage`` returns BGR, ImageNet weights expect RGB.
        non_blocking: Copy to the device asynchronously; only pays with pinned memory.

    Raises:
        ValueError: ``mean`` or ``std`` is not three numbers, or ``std`` is not positive.
    """

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        bgr_to_rgb: bool = True,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking)
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f'mean and std need three numbers each, std positive; got {mean} and {std}')
        self.bgr_to_rgb = bgr_to_rgb
        self.register_buffer('mean', torch.tensor(mean, dtype=torch.float32).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std, dtype=torch.float32).view(3, 1, 1), persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Collate and normalize.

        Args:
            data: ``inputs``: N uint8 tensors (K, 3, H, W), or one (N, K, 3, H, W), K crops of each person; or
                ``features``: for each map of an encoder N tensors (M, C, h, w). ``data_samples``: N
                ``HMRDataSample`` or None.
            training: Unused.

        Returns:
            dict: ``inputs`` (N, K, 3, H, W), or ``features``, a list of (N, M, C, h, w); float32. And
                ``data_samples``. All on this module's device.

        Raises:
            ValueError: A crop tensor has the wrong shape or type, or shapes differ within the batch.
        """
        samples = data.get('data_samples')
        if samples:
            self._move_labels(samples)
        if 'features' in data:
            # Features lie channels-last in memory, as the first convolution behind a cache reads them.
            with torch.autocast('cpu', enabled=False):  # which cannot stack float16 under bfloat16
                stacked = [torch.stack([f.permute(0, 2, 3, 1) for f in maps]) for maps in data['features']]
            maps = [self._move(feature).float().permute(0, 1, 4, 2, 3) for feature in stacked]
            return dict(features=maps, data_samples=samples)
        return dict(inputs=self.normalize(self._move(_stack(data['inputs']))), data_samples=samples)

    def _move(self, batch: Tensor) -> Tensor:
        return batch.to(self.device, non_blocking=self._non_blocking)

    def normalize(self, crops: Tensor) -> Tensor:
        """Normalize crops for the network.

        Args:
            crops: (N, K, 3, H, W) uint8, on this module's device.

        Returns:
            Tensor: (N, K, 3, H, W) float32.
        """
        if self.bgr_to_rgb:
            crops = crops[:, :, [2, 1, 0]]
        return crops.float().sub_(self.mean).div_(self.std)

    def _move_labels(self, samples: Sequence[HMRDataSample]) -> None:
        labels = [sample.gt_instances for sample in samples if 'gt_instances' in sample]
        for name in dict.fromkeys(name for label in labels for name in label.keys()):
            owners = [label for label in labels if name in label]
            values = [torch.as_tensor(label[name]) for label in owners]
            moved = self._move(torch.cat(values))
            for label, value in zip(owners, moved.split([len(value) for value in values]), strict=True):
                label.set_field(value, name)  # its length is the same, which setattr would check at a cost


def _stack(inputs: Tensor | Sequence[Tensor]) -> Tensor:
    crops = list(inputs)
    for crop in crops:
        if crop.ndim != 4 or crop.shape[1] != 3 or crop.dtype != torch.uint8 or crop.shape != crops[0].shape:
            found = sorted({f'{tuple(crop.shape)} {crop.dtype}' for crop in crops})
            raise ValueError(
                f'inputs must be uint8 crops of one shape (K, 3, H, W), got {", ".join(found)}. '
                'End the pipeline with MultiRoICrop and PackHMRInputs, with one num_rois, crop_size and '
                'context_size for all datasets'
            )
    if not crops:
        raise ValueError('inputs are empty: the batch has no sample')
    return inputs if isinstance(inputs, Tensor) else torch.stack(crops)
