"""Decoding of the frame."""
import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio

from mmroi.geometry import estimate_focal_length
from mmroi.registry import TRANSFORMS

from ..errors import BadSampleError


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """Decode the frame once, and fill in the camera where the dataset has none.

    Required keys: ``img_path``, or ``img`` (H, W, 3) BGR uint8 already decoded. Optional: ``focal_length``
    (pixels), ``principal_point`` (2,), both possibly None.

    Added keys: ``img`` (H, W, 3) BGR uint8, ``img_shape`` (H, W). ``focal_length`` becomes the diagonal
    sqrt(H^2 + W^2) and ``principal_point`` (W / 2, H / 2) where they are None (method of CLIFF).

    OpenCV decodes a truncated JPEG without complaint and paints the rest grey, so the end of the file is
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
        try:
            content = fileio.get(path, backend_args=self.backend_args)
        except FileNotFoundError:
            raise BadSampleError('missing image', f'{path} does not exist. Check `data_root` and '
                                 '`data_prefix`, or extract the images of the dataset') from None
        if is_truncated(content):
            raise BadSampleError('truncated image', f'{path} ends too early ({len(content)} bytes). '
                                 'Copy or download it again')
        image = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        if image is None:
            raise BadSampleError('unreadable image', f'{path} cannot be decoded. Copy or download it again')
        return image


def is_truncated(content: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end.

    A JPEG is complete if an end-of-image marker follows its last start of scan: compressed data cannot
    contain the marker, but a thumbnail before it may, and cameras append data after it.

    Args:
        content: The file.

    Returns:
        bool: False for other formats, too.
    """
    if content.startswith(b'\xff\xd8'):
        return not content.endswith(b'\xff\xd9') and content.rfind(b'\xff\xd9') < content.rfind(b'\xff\xda')
    if content.startswith(b'\x89PNG'):
        return b'IEND\xae\x42\x60\x82' not in content[-64:]
    return not content
