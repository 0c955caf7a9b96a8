"""The crops of all RoIs, or one around all of them, warped straight from the decoded frame."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmroi.datasets.image_checks import JPEGFrame
from mmroi.fileio.images import REDUCTIONS
from mmroi.geometry import (
    MAX_ROIS,
    context_box,
    crop_matrix,
    make_rois,
    random_roi_offsets,
    roi_offsets,
)
from mmroi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class MultiRoICrop(BaseTransform):
    """Make the boxes of M RoIs and cut them out, one affine map per RoI; or cut out one crop around all.

    Bilinear warping skips pixels where a crop is more than two times smaller than its box, so such crops are
    read from a copy of the frame that is halved (area average) as often as needed; the copy's scale goes into
    the matrix, and ``crop_matrices`` always refer to the original frame.

    Required keys: ``img`` (H, W, 3), or a ``JPEGFrame`` of ``LoadImage``, which is decoded at the size
    that the crops need; ``box`` (3,), ``principal_point`` (2,), ``aug_matrix`` (3, 3).
    Optional: ``channel_gain`` (3,), ``box_aspect``.
    Added keys: ``crops`` (K, H, W, 3) uint8, ``boxes`` (M, 3) float64, ``crop_matrices`` (K, 2, 3) float64
    from original image pixels to crop pixels, ``crop_size`` (H, W) and, if set, ``context_size`` (H, W). K is
    M, or 1 with ``context_size``. ``img`` is removed unless ``keep_img``.

    Args:
        num_rois: M. The fixed set has up to 9: the base box, the paper's four (``geometry.roi_offsets``), and
            four on the diagonals, which are ours: the paper stopped at 5. A random set has any number.
        crop_size: (H, W) of a crop; the boxes' aspect is W / H.
        random: Draw the RoIs at random (ablation of the paper's supplement) instead of using the fixed set.
        keep_img: Keep the decoded frame for later transforms or for drawing.
        mirror_rois: Mirror the RoI offsets together with the sample, so that each RoI shows the mirror image
            of what it shows of the unmirrored sample (test-time augmentation). By default the same offsets
            apply in the mirrored frame, as in training.
        context_size: (H, W) of one crop around all RoIs (``geometry.context_box``), which is made instead of
            theirs: for an encoder that takes the RoIs from its feature map
            (:class:`mmroi.models.SharedMapEncoder`).

    Raises:
        ValueError: ``num_rois``, ``crop_size`` or ``context_size`` is out of range; or, with the first
            sample, the person's box was made for crops of another aspect.
    """

    def __init__(
        self,
        num_rois: int = 5,
        crop_size: tuple[int, int] = (256, 192),
        random: bool = False,
        keep_img: bool = False,
        mirror_rois: bool = False,
        context_size: tuple[int, int] | None = None,
    ) -> None:
        if num_rois < 1 or (num_rois > MAX_ROIS and not random):
            raise ValueError(
                f'MultiRoICrop: num_rois must be between 1 and {MAX_ROIS}, or more with '
                f'random=True; got {num_rois}'
            )
        self.num_rois = num_rois
        self.crop_size = _checked_size('crop_size', crop_size)
        self.context_size = context_size and _checked_size('context_size', context_size)
        self.random = random
        self.keep_img = keep_img
        self.mirror_rois = mirror_rois
        self._fixed = None if random else roi_offsets(num_rois)

    @cache_randomness
    def _offsets(self) -> torch.Tensor:
        if self._fixed is not None:
            return self._fixed
        generator = torch.Generator().manual_seed(np.random.randint(2**31))
        return random_roi_offsets(self.num_rois, generator)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop.

        Args:
            results: The sample.

        Returns:
            dict: The sample with its crops.
        """
        self._check_aspect(results.get('box_aspect'))
        offsets = self._offsets()
        if self.mirror_rois and results['flip']:
            offsets = offsets * offsets.new_tensor((-1, 1, 1))
        boxes = make_rois(torch.from_numpy(results['box']), offsets)
        results['boxes'] = boxes.numpy()
        results['crop_size'] = self.crop_size
        if self.context_size:
            results['context_size'] = self.context_size
        crop_boxes, size = cropped_regions(boxes, self.crop_size, self.context_size)
        matrices = crop_matrix(
            crop_boxes,
            torch.from_numpy(results['principal_point']),
            size,
            torch.from_numpy(results['aug_matrix']),
        ).numpy()
        results['crop_matrices'] = matrices
        image, from_image = results['img'], matrices
        if isinstance(image, JPEGFrame):
            reduction = 1 if self.keep_img else find_reduction(image, matrices)
            results['img'] = image = image.decode(reduction)
            from_image = from_reduced(matrices, reduction)
        crops = warp_crops(image, from_image, size)
        if 'channel_gain' in results:
            crops = apply_channel_gain(crops, results['channel_gain'])
        results['crops'] = crops
        if not self.keep_img:
            del results['img']
        return results

    def _check_aspect(self, box_aspect: float | None) -> None:
        height, width = self.crop_size
        if box_aspect is not None and not fits_aspect(self.crop_size, box_aspect):
            raise ValueError(
                f'MultiRoICrop: crops of crop_size={self.crop_size} have the aspect '
                f'{width / height:g}, but GetPersonBox made boxes of aspect {box_aspect:g}: '
                f'give it aspect={width / height:g}'
            )

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_rois={self.num_rois}, crop_size={self.crop_size}, '
            f'random={self.random}, keep_img={self.keep_img}, mirror_rois={self.mirror_rois}, '
            f'context_size={self.context_size})'
        )


def cropped_regions(
    boxes: torch.Tensor, crop_size: tuple[int, int], context_size: tuple[int, int] | None = None
) -> tuple[torch.Tensor, tuple[int, int]]:
    """Return what is cut out for a person: the RoIs, or the context crop that covers them.

    Args:
        boxes: (M, 3) boxes of the RoIs.
        crop_size: (H, W) of a RoI's crop.
        context_size: (H, W) of the context crop; None for a crop of each RoI.

    Returns:
        Tensor: (K, 3) boxes of the crops.
        tuple: (H, W) of a crop.
    """
    if not context_size:
        return boxes, crop_size
    return context_box(boxes, crop_size, context_size)[None], context_size


def _checked_size(name: str, size: Sequence[int]) -> tuple[int, int]:
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f'MultiRoICrop: {name} is (height, width) in pixels, got {tuple(size)}')
    return int(size[0]), int(size[1])


def fits_aspect(crop_size: tuple[int, int], aspect: float) -> bool:
    """Whether crops have an aspect, as closely as whole pixels allow.

    Args:
        crop_size: (H, W).
        aspect: Width / height.

    Returns:
        bool: True up to half a pixel of the width.
    """
    height, width = crop_size
    return abs(aspect * height - width) <= 0.5


def find_reduction(frame: JPEGFrame, matrices: np.ndarray) -> int:
    """Find how far a frame can be reduced before a crop would be enlarged.

    Args:
        frame: The frame, not decoded.
        matrices: (M, 2, 3) from image pixels to crop pixels.

    Returns:
        int: One of ``REDUCTIONS``.
    """
    pixels = 1 / np.hypot(matrices[:, 0, :2], matrices[:, 1, :2]).max()  # image pixels per crop pixel
    return max(reduction for reduction in REDUCTIONS if reduction <= max(pixels, 1) and frame.fits(reduction))


def from_reduced(matrices: np.ndarray, reduction: int) -> np.ndarray:
    """Convert maps from image pixels to maps from pixels of the reduced image.

    A pixel of the reduced image covers a square of the whole one: x = r (x_reduced + 0.5) - 0.5.

    Args:
        matrices: (M, 2, 3).
        reduction: r.

    Returns:
        np.ndarray: (M, 2, 3).
    """
    shift = matrices[:, :, :2].sum(-1) * ((reduction - 1) / 2) + matrices[:, :, 2]
    return np.concatenate((matrices[:, :, :2] * reduction, shift[..., None]), axis=2)


def warp_crops(image: np.ndarray, matrices: np.ndarray, crop_size: tuple[int, int]) -> np.ndarray:
    """Warp crops without aliasing.

    Args:
        image: (H, W, 3) uint8.
        matrices: (M, 2, 3) from image pixels to crop pixels: similarities, possibly mirrored, after a stretch
            of the image's axes.
        crop_size: (H, W) of the crops.

    Returns:
        np.ndarray: (M, H_crop, W_crop, 3) uint8, black outside the image.
    """
    height, width = crop_size
    crops = np.empty((len(matrices), height, width, 3), np.uint8)
    pyramid = {(0, 0): image}
    image_size = np.array(image.shape[1::-1], np.float64)
    for crop, matrix in zip(crops, matrices, strict=True):
        # Image pixels per crop pixel along the image's axes, and how often the frame can be halved along each
        # before the crop would be enlarged.
        pixels = 1 / np.hypot(matrix[0, :2], matrix[1, :2])
        x_level, y_level = np.log2(np.maximum(pixels, 1)).astype(int).tolist()
        reduced = _halved(pyramid, x_level, y_level)
        if x_level or y_level:
            # Pixel centers: x_image = ratio * (x_reduced + 0.5) - 0.5.
            ratio = image_size / reduced.shape[1::-1]
            shift = matrix[:, :2] @ ((ratio - 1) / 2) + matrix[:, 2]
            matrix = np.column_stack((matrix[:, :2] * ratio, shift))
        cv2.warpAffine(reduced, matrix, (width, height), dst=crop, flags=cv2.INTER_LINEAR)
    return crops


def _halved(pyramid: dict[tuple[int, int], np.ndarray], x_level: int, y_level: int) -> np.ndarray:
    """Return the frame halved this often along x and y; each is made from the previous one and cached."""
    levels = x_level, y_level
    if levels not in pyramid:
        x_halves, y_halves = int(x_level >= y_level), int(y_level >= x_level)  # along both where they agree
        before = _halved(pyramid, x_level - x_halves, y_level - y_halves)
        size = max(before.shape[1] >> x_halves, 1), max(before.shape[0] >> y_halves, 1)
        pyramid[levels] = cv2.resize(before, size, interpolation=cv2.INTER_AREA)
    return pyramid[levels]


def apply_channel_gain(crops: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Multiply each channel, clipped to 0..255.

    Args:
        crops: (M, H, W, 3) uint8.
        gain: (3,).

    Returns:
        np.ndarray: (M, H, W, 3) uint8.
    """
    table = np.clip(np.rint(np.arange(256)[:, None] * gain), 0, 255).astype(np.uint8)
    num, height, width, _ = crops.shape
    return cv2.LUT(crops.reshape(num * height, width, 3), table[None]).reshape(crops.shape)
