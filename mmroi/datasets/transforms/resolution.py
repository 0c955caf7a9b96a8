"""Images of people who are few pixels high."""

from typing import Any

import cv2
from mmcv.transforms import BaseTransform

from mmroi.datasets.image_checks import JPEGFrame
from mmroi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LowerResolution(BaseTransform):
    """Take away the detail that an image lacks if the person is photographed with few pixels.

    The image is reduced until the base box has the given height (the mean over areas), and enlarged to its
    size again (bilinear), so boxes, camera and labels stay as they are. Images with less detail already stay.

    Required keys: ``img`` (H, W, 3) and ``box`` (3,), as ``GetPersonBox`` leaves it.
    Modified keys: ``img``.

    Args:
        height: Height of the base box, pixels.

    Raises:
        ValueError: ``height`` is not positive.
    """

    def __init__(self, height: float) -> None:
        if not 0 < height < float('inf'):
            raise ValueError(f'LowerResolution: height must be positive, got {height}')
        self.height = height

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Reduce and enlarge the image.

        Args:
            results: The sample, after ``GetPersonBox``.

        Returns:
            The sample.

        Raises:
            KeyError: The sample has not been through ``GetPersonBox``.
        """
        if 'box' not in results:
            raise KeyError('LowerResolution: put it behind GetPersonBox, which measures the person')
        image = results['img']
        if isinstance(image, JPEGFrame):
            image = image.decode(1)
        height, width = image.shape[:2]
        factor = self.height / results['box'][2]
        if factor < 1:
            size = max(1, round(width * factor)), max(1, round(height * factor))
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        results['img'] = image
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(height={self.height})'
