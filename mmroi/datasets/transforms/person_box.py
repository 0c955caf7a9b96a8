"""From the bounding box of a person to the base box of its RoIs."""

import math
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmroi.datasets.row_checks import BadSampleError
from mmroi.geometry import expand_to_aspect
from mmroi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class GetPersonBox(BaseTransform):
    """Make the base box, and move the origin of all pixel coordinates to the principal point.

    The base box is the tight box around the person, enlarged by ``scale``. Boxes of some datasets have a
    margin already: ``box_margin`` of the sample says so, and they are enlarged by ``scale / box_margin``.

    A camera with two focal lengths has pixels that are not square. It is rectified here, once: the frame is
    stretched about the principal point by f / (fx, fy) with f = sqrt(fx fy), and everything after this
    transform has the one focal length f. Pixels of the image are ``(fx, fy) / f`` times the coordinates
    relative to the principal point, plus the principal point.

    Required keys: ``bbox_xywh`` (4,) image pixels, ``img_shape`` (H, W), ``principal_point`` (2,).
    Optional: ``box_margin``, the enlargement that ``bbox_xywh`` already has, 1 by default; ``focal_length``,
    pixels, one number or (2,) fx and fy; ``keypoints2d`` (K, 3).
    Modified keys: ``focal_length`` becomes one number, ``keypoints2d`` relative to the principal point.
    Added keys: ``box`` (3,) float64 center relative to the principal point and height, ``box_aspect`` width /
    height of its crop, ``focal_lengths`` (2,) float64 those of the image, ``aug_matrix`` (3, 3) float64 the
    map of points relative to the principal point from the image to the augmented frame: the stretch, the
    identity where there is one focal length.

    Args:
        aspect: Width / height of the box: 0.75 for crops of 256 x 192, 1 for square ones.
        scale: Enlargement relative to the tight box (1.2 as in CLIFF's evaluation; CLIFF's demo used 1.1).
        crop_aspect: Width / height of the crops where it differs from that of the box; heights are equal.

    Raises:
        BadSampleError: The bounding box is not finite, has no area or lies outside the image, or a focal
            length is not positive.
        ValueError: ``aspect``, ``scale`` or ``crop_aspect`` is not positive, ``focal_length`` is neither one
            number nor two, or boxes with a margin would be cut down to tight ones or less.
    """

    def __init__(self, aspect: float = 0.75, scale: float = 1.2, crop_aspect: float | None = None) -> None:
        if aspect <= 0 or scale <= 0:
            raise ValueError(f'GetPersonBox: aspect and scale must be positive, got {aspect} and {scale}')
        if crop_aspect is not None and crop_aspect <= 0:
            raise ValueError(f'GetPersonBox: crop_aspect must be positive, got {crop_aspect}')
        self.aspect = aspect
        self.scale = scale
        self.crop_aspect = crop_aspect

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Make the box.

        Args:
            results: The sample.

        Returns:
            dict: The sample with its box.
        """
        bbox = np.array(results['bbox_xywh'], dtype=np.float64)[:4]
        check_box(bbox, results['img_shape'])
        stretch = _rectify(results)
        bbox *= np.tile(stretch, 2)
        scale = self._enlargement(results.get('box_margin', 1.0))
        box = expand_to_aspect(torch.from_numpy(bbox), self.aspect, scale).numpy()
        principal_point = np.asarray(results['principal_point'], dtype=np.float64)
        box[:2] -= principal_point * stretch
        results['box'] = box
        results['box_aspect'] = self.crop_aspect or self.aspect
        results['principal_point'] = principal_point
        results['aug_matrix'] = np.diag([*stretch, 1.0])
        results['roll'] = 0.0
        results['flip'] = False
        if 'keypoints2d' in results:
            keypoints = results['keypoints2d'].copy()
            keypoints[:, :2] -= principal_point
            keypoints[:, :2] *= stretch
            results['keypoints2d'] = keypoints
        return results

    def _enlargement(self, box_margin: float) -> float:
        if self.scale <= 1 < box_margin:  # written when the scale counted from the box of the annotation
            raise ValueError(
                f'GetPersonBox: scale={self.scale:g} is relative to the tight box and would cut the margin '
                f'off boxes with box_margin={box_margin:g}: set scale={box_margin:g} to take them as they are'
            )
        return self.scale / box_margin

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(aspect={self.aspect}, scale={self.scale}, crop_aspect={self.crop_aspect})'
        )


def _rectify(results: dict[str, Any]) -> np.ndarray:
    """Give the sample one focal length, and return the stretch (2,) of the frame that belongs to it."""
    if results.get('focal_length') is None:
        return np.ones(2)
    given = np.asarray(results['focal_length'], np.float64)
    expected = f'focal_length is {given.tolist()}, expected a positive number of pixels, or two, fx and fy'
    if given.shape not in ((), (2,)):
        raise ValueError(f'GetPersonBox: {expected}')
    if not (given > 0).all():
        raise BadSampleError('focal length not positive', f'{expected}. Correct it or leave the row out')
    focal_lengths = np.broadcast_to(given, 2).copy()
    fx, fy = focal_lengths.tolist()
    results['focal_lengths'] = focal_lengths
    # The root of a square may miss the number by its last bit.
    results['focal_length'] = fx if fx == fy else math.sqrt(fx * fy)
    return results['focal_length'] / focal_lengths


def check_box(bbox: np.ndarray, img_shape: tuple[int, int]) -> None:
    """Refuse a box that cannot show a person.

    Args:
        bbox: (4,) x, y, width, height in pixels.
        img_shape: (H, W).

    Raises:
        BadSampleError: Names what is wrong.
    """
    x, y, width, height = found = bbox.tolist()
    remedy = 'Correct bbox_xywh (x, y, width, height in pixels) or leave the row out'
    if not np.isfinite(bbox).all():
        raise BadSampleError('NaN box', f'bbox_xywh is {found}. {remedy}')
    if width <= 0 or height <= 0:
        raise BadSampleError('zero-area box', f'bbox_xywh is {found}. {remedy}')
    if x >= img_shape[1] or y >= img_shape[0] or x + width <= 0 or y + height <= 0:
        raise BadSampleError(
            'box outside the image',
            f'bbox_xywh is {found}, the image has height {img_shape[0]} and width {img_shape[1]}. {remedy}',
        )
