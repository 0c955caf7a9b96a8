"""Decoding of the frame."""

import cv2
import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile

from mmroi.datasets.image_checks import read_image_file, unreadable
from mmroi.geometry import estimate_focal_length
from mmroi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """Decode the frame once, and fill in the camera where the dataset has none.

    Required keys: ``img_path``, or ``img`` (H, W, 3) BGR uint8 already decoded. Optional: ``focal_length``
    (pixels, one number or (2,) fx and fy), ``principal_point`` (2,), both possibly None.

    Added keys: ``img`` (H, W, 3) BGR uint8, ``img_shape`` (H, W). ``focal_length`` becomes the diagonal
    sqrt(H^2 + W^2) and ``principal_point`` (W / 2, H / 2) where they are None (method of CLIFF).

    OpenCV decodes a truncated JPEG without complaint and paints the rest gray, so the end of the file is
    checked. Arguments are those of ``mmcv.transforms.LoadImageFromFile``.

    Raises:
        BadSampleError: The image is missing, truncated or no image.
    """

    def transform(self, results: dict) -> dict:
        """Decode.

        Args:
            results: The sample.

        Returns:
            dict: The sample with the image.
        """
        if results.get('img') is None:
            results['img'] = self._read(results['img_path'])
        height, width = results['img'].shape[:2]
        results['img_shape'] = (height, width)
        if results.get('focal_length') is None:
            results['focal_length'] = estimate_focal_length(height, width)
        if results.get('principal_point') is None:
            results['principal_point'] = np.array((width / 2, height / 2))
        return results

    def _read(self, path: str) -> np.ndarray:
        content = read_image_file(path, self.backend_args)
        try:
            image = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        except cv2.error:  # a damaged header asks for gigabytes
            image = None
        if image is None:
            raise unreadable(path)
        return image
