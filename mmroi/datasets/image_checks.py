"""Find images that are missing, truncated or unreadable, at a fraction of the cost of decoding them."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from mmengine import fileio
from PIL import Image

from mmroi.datasets.row_checks import BadSampleError, fault_code
from mmroi.fileio.file_access import ImageFolders, read_regular_file
from mmroi.fileio.image_archives import ArchiveError, open_archive, split_archive
from mmroi.fileio.images import decode_image, is_plain_jpeg, is_truncated, read_header

_ORIENTATION = 0x112  # EXIF tag


def find_image_faults(
    image_paths: Sequence[str], bbox: np.ndarray, folders: ImageFolders | None = None
) -> np.ndarray:
    """Check that the images of R rows can be decoded and contain the boxes.

    Each image is read once, however many rows show it.

    Args:
        image_paths: Full path of the image of each row.
        bbox: (R, 4) x, y, width, height in pixels; finite.
        folders: Where the images must lie; None for anywhere.

    Returns:
        (R,) uint8, 0 for good rows, otherwise the ``fault_code`` of 'missing image', 'unreadable image',
        'truncated image', 'image outside its folder' or 'box outside the image'.
    """
    paths, image_of_row = np.unique(np.asarray(image_paths, np.str_), return_inverse=True)
    sizes = np.full((len(paths), 2), np.inf)  # width, height
    codes = np.zeros(len(paths), np.uint8)
    for i, path in enumerate(paths.tolist()):
        try:
            if folders is not None:
                check_folder(path, folders)
            sizes[i] = image_size(path)[::-1]
        except BadSampleError as error:
            codes[i] = fault_code(error.reason)
    faults = codes[image_of_row]
    outside = (bbox[:, :2] >= sizes[image_of_row]) | (bbox[:, :2] + bbox[:, 2:4] <= 0)
    faults[(faults == 0) & outside.any(1)] = fault_code('box outside the image')
    return faults


def image_size(path: str) -> tuple[int, int]:
    """Check that an image can be decoded, without decoding it at full size.

    Args:
        path: The image.

    Returns:
        Height and width, upright as ``LoadImage`` decodes it.

    Raises:
        BadSampleError: The image is missing, truncated or unreadable.
    """
    content = read_image_file(path)
    frame = JPEGFrame.open(content, path)
    if frame is None:
        height, width = decode(content, path).shape[:2]
        return height, width
    if cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8) is None:
        raise unreadable(path)
    return frame.shape[:2]


class JPEGFrame(NamedTuple):
    """An ordinary JPEG that is decoded later, perhaps at a part of its size.

    Attributes:
        content: Content of the file.
        path: The file, for messages.
        shape: Height, width and channels, upright.
    """

    content: bytes
    path: str
    shape: tuple[int, int, int]

    @classmethod
    def open(cls, content: bytes, path: str) -> 'JPEGFrame | None':
        """Read the header; None for images that can only be decoded as a whole."""
        try:
            with read_header(content) as image:
                if not is_plain_jpeg(image):
                    return None
                width, height = image.size[::-1] if _is_rotated(image) else image.size
        except ValueError:  # decoding tells why
            return None
        return cls(content, path, (height, width, 3))

    def fits(self, reduction: int) -> bool:
        """Whether the pixels of the reduced image tile the whole one, whichever way up it is."""
        return not any(side % reduction for side in self.shape[:2])

    def decode(self, reduction: int = 1) -> np.ndarray:
        """Decode the image.

        Args:
            reduction: See :func:`mmroi.fileio.images.decode_image`.

        Returns:
            (H / reduction, W / reduction, 3) BGR uint8, upright.

        Raises:
            BadSampleError: It cannot be decoded.
        """
        image = decode(self.content, self.path, reduction)
        size = self.shape[1] // reduction, self.shape[0] // reduction
        if image.shape[1::-1] != size:  # a decoder that could not reduce it
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return image


def decode(content: bytes, path: str, reduction: int = 1) -> np.ndarray:
    """Decode an image.

    Args:
        content: Content of the file.
        path: The file, for messages.
        reduction: See :func:`mmroi.fileio.images.decode_image`.

    Returns:
        (H, W, 3) BGR uint8, upright, see :func:`mmroi.fileio.images.decode_image`.

    Raises:
        BadSampleError: It cannot be decoded.
    """
    try:
        return decode_image(content, reduction)[0]
    except ValueError as error:
        reason = str(error)
        if not reason.startswith('cannot be'):
            reason = f'cannot be decoded: {reason}'
        raise unreadable(path, reason) from None


def read_image_file(path: str, backend_args: dict[str, str] | None = None) -> bytes:
    """Read an image file without decoding it.

    Args:
        path: The image, also one in a tar archive, see :mod:`mmroi.fileio.image_archives`.
        backend_args: File backend of MMEngine; without it, only ordinary local files are read.

    Raises:
        BadSampleError: The image is missing, truncated, no ordinary file, or cannot be read.
    """
    inside = None if backend_args else split_archive(path)
    if '://' in path and not backend_args:
        raise BadSampleError('missing image', f'{path} is a URL; download the image, or set backend_args')
    try:
        if inside:
            content = open_archive(inside[0]).read(inside[1])
        else:
            content = fileio.get(path, backend_args=backend_args) if backend_args else read_regular_file(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        detail = f'{path} does not exist. Check `data_root` and `data_prefix`, or extract the images of the'
        raise BadSampleError('missing image', str(error) if inside else f'{detail} dataset') from None
    except ArchiveError as error:
        raise BadSampleError('unreadable image', str(error)) from None
    except Exception as error:  # a folder, no permission, a name that is too long, the errors of a backend
        reason = getattr(error, 'strerror', None) or ' '.join(str(error).split())
        raise unreadable(path, f'cannot be read ({reason}). Correct the path') from None
    if is_truncated(content):
        raise BadSampleError(
            'truncated image', f'{path} ends too early ({len(content)} bytes). Copy or download it again'
        )
    return content


def check_folder(path: str, folders: ImageFolders) -> None:
    """Check that an image lies where the images of its dataset are.

    Args:
        path: Full path of the image.
        folders: The folders.

    Raises:
        BadSampleError: It does not, or the path names no file.
    """
    if not os.path.basename(path):
        raise BadSampleError(
            'missing image', f'{path} is a folder, the row names no image. Convert the dataset again'
        )
    if not folders.contain(path):
        raise BadSampleError(
            'image outside its folder',
            f'{path} leads out of data_root, by "..", an absolute path or a link. If these are '
            "yours, set allow_outside=True in the dataset's config",
        )


def unreadable(path: str, reason: str = 'cannot be decoded. Copy or download it again') -> BadSampleError:
    """Build the error for an image that cannot be read or decoded."""
    return BadSampleError('unreadable image', f'{path} {reason}')


def _is_rotated(image: Image.Image) -> bool:
    """Whether OpenCV turns the image by 90 degrees as EXIF demands; Pillow does so for TIFF only."""
    try:
        return image.format != 'TIFF' and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except Exception:  # damaged tags raise anything; OpenCV ignores them
        return False
