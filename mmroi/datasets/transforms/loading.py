"""Decoding of the frame."""

import io

import cv2
import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from PIL import Image

from mmroi.datasets.errors import BadSampleError
from mmroi.geometry import estimate_focal_length
from mmroi.registry import TRANSFORMS

_ORIENTATION = 0x112  # tag of EXIF


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
        content = _read_whole(path, self.backend_args)
        try:
            image = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        except cv2.error:  # a damaged header asks for gigabytes
            image = None
        if image is None:
            raise _unreadable(path)
        return image


def image_size(path: str) -> tuple[int, int]:
    """Check that an image can be decoded, at a part of the cost of decoding it.

    Args:
        path: The image.

    Returns:
        tuple[int, int]: Height and width, upright as ``LoadImage`` decodes it.

    Raises:
        BadSampleError: The image is missing, truncated or no image.
    """
    content = _read_whole(path)
    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size[::-1] if _lies_on_its_side(image) else image.size
        small = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    except (OSError, Image.DecompressionBombError, cv2.error):
        small = None
    if small is None:
        raise _unreadable(path)
    return height, width


def _lies_on_its_side(image: Image.Image) -> bool:
    """Whether OpenCV, which decodes as EXIF tells, turns the image by 90 degrees; Pillow turns only TIFF."""
    try:
        return image.format != 'TIFF' and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except Exception:  # damaged tags raise anything; OpenCV ignores them
        return False


def _read_whole(path: str, backend_args: dict | None = None) -> bytes:
    try:
        content = fileio.get(path, backend_args=backend_args)
    except FileNotFoundError:
        raise BadSampleError(
            'missing image',
            f'{path} does not exist. Check `data_root` and '
            '`data_prefix`, or extract the images of the dataset',
        ) from None
    if is_truncated(content):
        raise BadSampleError(
            'truncated image', f'{path} ends too early ({len(content)} bytes). Copy or download it again'
        )
    return content


def _unreadable(path: str) -> BadSampleError:
    return BadSampleError('unreadable image', f'{path} cannot be decoded. Copy or download it again')


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
