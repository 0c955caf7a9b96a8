"""Decoding of images."""

from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile

from mmroi.datasets.image_checks import JPEGFrame, decode, read_image_file
from mmroi.geometry import estimate_focal_length
from mmroi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """Decode the image, and estimate the camera if it is unknown.

    Required keys: ``img_path``, a file or an image in a tar archive (``coco.tar/train2014/1.jpg``), or an
    already decoded ``img`` (H, W, 3) BGR uint8. Optional: ``focal_length`` (pixels, a number or (2,) fx and
    fy) and ``principal_point`` (2,), which may be None.

    Added keys: ``img`` (H, W, 3) BGR uint8, ``img_shape`` (H, W). If they are None, ``focal_length`` becomes
    the diagonal sqrt(H^2 + W^2) and ``principal_point`` the center (W / 2, H / 2), as in CLIFF.

    Images look as in inference (:func:`mmroi.fileio.images.decode_image`): transparent parts are white, 16
    bits become the upper 8. OpenCV decodes truncated JPEGs without an error and fills the rest with gray, so
    the end of the file is checked. Images of more pixels than Pillow opens (179 million) are refused before
    they are decoded.

    Args:
        backend_args: File backend of MMEngine.
        reduce: Leave the decoding of JPEGs to ``MultiRoICrop``, which then decodes them at 1/2, 1/4 or 1/8 of
            their size if none of its crops needs more. ``img`` is a ``JPEGFrame`` until then, so no transform
            in between may need the pixels. The crops differ slightly from those of the whole image.

    Raises:
        BadSampleError: The image is missing, truncated or unreadable.
    """

    def __init__(self, backend_args: dict[str, Any] | None = None, reduce: bool = False) -> None:
        super().__init__(backend_args=backend_args)
        self.reduce = reduce

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Decode the image.

        Args:
            results: The sample.

        Returns:
            The sample with the image.
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

    def _read(self, path: str) -> np.ndarray | JPEGFrame:
        content = read_image_file(path, self.backend_args)
        frame = JPEGFrame.open(content, path) if self.reduce else None
        return decode(content, path) if frame is None else frame
