"""From the bounding box of a person to the base box of its RoIs."""
import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmroi.geometry import expand_to_aspect
from mmroi.registry import TRANSFORMS

from ..errors import BadSampleError


@TRANSFORMS.register_module()
class GetPersonBox(BaseTransform):
    """Make the base box, and move the origin of all pixel coordinates to the principal point.

    Required keys: ``bbox_xywh`` (4,) image pixels, ``img_shape`` (H, W), ``principal_point`` (2,).
    Optional: ``keypoints2d`` (K, 3), made relative to the principal point.
    Added keys: ``box`` (3,) float64 centre relative to the principal point and height, ``box_aspect`` its
    width / height, ``aug_matrix`` (3, 3) float64 identity: the map of points relative to the principal point
    into the augmented frame.

    Args:
        aspect: Width / height of the crops: 0.75 for 256 x 192, 1 for square ones.
        scale: Enlargement of the box (1.2 as CLIFF's evaluation; CLIFF's demo used 1.1).

    Raises:
        BadSampleError: The bounding box is not finite, has no area or lies outside the image.
        ValueError: ``aspect`` or ``scale`` is not positive.
    """

    def __init__(self, aspect: float = 0.75, scale: float = 1.2) -> None:
        if aspect <= 0 or scale <= 0:
            raise ValueError(f'GetPersonBox: aspect and scale must be positive, got {aspect} and {scale}')
        self.aspect = aspect
        self.scale = scale

    def transform(self, results: dict) -> dict:
        """Make the box.

        Args:
            results: The sample.

        Returns:
            dict: The sample with its box.
        """
        bbox = np.array(results['bbox_xywh'], dtype=np.float64)[:4]
        check_box(bbox, results['img_shape'])
        box = expand_to_aspect(torch.from_numpy(bbox), self.aspect, self.scale).numpy()
        principal_point = np.asarray(results['principal_point'], dtype=np.float64)
        box[:2] -= principal_point
        results['box'] = box
        results['box_aspect'] = self.aspect
        results['principal_point'] = principal_point
        results['aug_matrix'] = np.eye(3)
        results['roll'] = 0.0
        results['flip'] = False
        if 'keypoints2d' in results:
            keypoints = results['keypoints2d'].copy()
            keypoints[:, :2] -= principal_point
            results['keypoints2d'] = keypoints
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(aspect={self.aspect}, scale={self.scale})'


def check_box(bbox: np.ndarray, img_shape: tuple[int, int]) -> None:
    """Refuse a box that shows nobody.

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
        raise BadSampleError('box outside the image', f'bbox_xywh is {found}, the image has height '
                             f'{img_shape[0]} and width {img_shape[1]}. {remedy}')
