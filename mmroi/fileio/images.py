"""Decode images of all formats to upright 8-bit BGR, the same for training and for inference."""

import io
import math
import warnings

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageOps

from mmroi.fileio.other_files import name_other_file

# Diagonal in mm of the 36 x 24 mm frame that the 35 mm equivalent refers to.
FILM_DIAGONAL = math.hypot(36, 24)

# From fisheye to the longest zoom, mm; some old cameras write tens of thousands.
_EQUIVALENTS = (5.0, 3000.0)

_EXIF_IFD = 0x8769
_TAGS = {name: tag for tag, name in ExifTags.TAGS.items()}
# A cropped image may keep its tags; its aspect ratio then differs from the one in the tags.
_ASPECT_TOLERANCE = 0.02
# Pillow's modes without known colors: floating point has no fixed range, and CIELAB cannot be converted.
_NO_COLOR = ('F', 'LAB')


# Flags of OpenCV by the factor by which a JPEG is reduced.
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
REDUCTIONS = tuple(_REDUCED)


def decode_image(content: bytes, reduction: int = 1) -> tuple[np.ndarray, float | None]:
    """Decode an image.

    Uses Pillow, because OpenCV drops transparency and EXIF tags, except for ordinary JPEGs, which OpenCV
    decodes to the same pixels in two thirds of the time. Transparent parts become white, 16 bits become the
    upper 8 (content of 12 bits is dark: scale it beforehand), CMYK is converted without a color profile, and
    only the first image of an animation or a stereo pair is used.

    Args:
        content: Content of the file.
        reduction: One of ``REDUCTIONS``, by which the sides are divided, rounded up. Others than 1 are for
            ordinary JPEGs, of which only the lower frequencies are then decoded.

    Returns:
        Image (H, W, 3), BGR uint8, upright; focal length in pixels, see :func:`exif_focal_length`.

    Raises:
        ValueError: If it cannot be decoded; states reason and remedy without the name of the file.
    """
    if not content:
        raise ValueError('is empty (0 bytes); copy or download it again')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # odd tags do no harm
        image = read_header(content)
        if image.mode in _NO_COLOR:
            raise ValueError(f'has pixels of mode {image.mode}, which has no known colors; convert it to RGB')
        try:
            if is_plain_jpeg(image) and not is_truncated(content):
                pixels = cv2.imdecode(np.frombuffer(content, np.uint8), _REDUCED[reduction])
                if pixels is not None:
                    return pixels, exif_focal_length(image)
            return convert_image(image)
        except Exception as error:  # damaged files make decoders raise anything, RuntimeError, too
            reason = ' '.join(str(error).split()) or type(error).__name__
    raise ValueError(f'cannot be decoded ({reason}); copy or download it again')


def convert_image(image: Image.Image) -> tuple[np.ndarray, float | None]:
    """Convert an image of Pillow.

    Args:
        image: Opened or made; its EXIF tags count.

    Returns:
        As :func:`decode_image`.
    """
    image.load()
    focal_length = exif_focal_length(image)
    image = _upright(image)  # the same name, so that only one copy of a huge image is kept
    return _to_bgr(image), focal_length


def is_plain_jpeg(image: Image.Image) -> bool:
    """Whether OpenCV decodes an opened image as Pillow does: a JPEG in color or gray.

    Args:
        image: The opened image, which need not be decoded.
    """
    return image.format in ('JPEG', 'MPO') and image.mode in ('RGB', 'L')


def is_truncated(content: bytes) -> bool:
    """Whether the end of a JPEG or PNG file is missing.

    A JPEG is complete if an end-of-image marker follows its last start of scan: compressed data cannot
    contain the marker, but a thumbnail before it may, and cameras append data after it.

    Args:
        content: The file.

    Returns:
        bool: Always False for other formats, unless the file is empty.
    """
    if content.startswith(b'\xff\xd8'):
        return not content.endswith(b'\xff\xd9') and content.rfind(b'\xff\xd9') < content.rfind(b'\xff\xda')
    if content.startswith(b'\x89PNG'):
        return b'IEND\xae\x42\x60\x82' not in content[-64:]
    return not content


def read_header(content: bytes) -> Image.Image:
    """Read the header of an image, which has its size, before anything decodes it.

    Args:
        content: The file.

    Returns:
        The image, not decoded.

    Raises:
        ValueError: It has no readable header, or too many pixels; states the reason without the name of the
            file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)  # large images are fine
            return Image.open(io.BytesIO(content))
    except Image.UnidentifiedImageError:
        other = name_other_file(content)
        raise ValueError(other or 'cannot be decoded as an image; convert it to JPEG or PNG') from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise ValueError(f'has more than {limit} pixels; shrink it') from None
    except Exception as error:  # Pillow's readers raise almost anything for damaged headers
        raise ValueError('cannot be decoded. Copy or download it again') from error


def exif_focal_length(image: Image.Image) -> float | None:
    """Compute the focal length from the EXIF tags of an image.

    ``FocalLengthIn35mmFilm`` is the focal length in whole mm that gives the same angle of view on a
    36 x 24 mm film. The standard does not say which angle; manufacturers compare diagonals, which works for
    all aspect ratios: f = f35 * sqrt(W^2 + H^2) / 43.27 mm. Comparing widths would give 4 % less for 4 : 3.

    Args:
        image: The opened image.

    Returns:
        Focal length in pixels; None if the tag is missing, 0 (unknown) or implausible, or if the aspect ratio
        differs from the one in the tags, which means that the image was cropped.
    """
    if image.format == 'JPEG' and 'exif' not in image.info:  # the usual case, at once
        return None
    try:
        tags = image.getexif().get_ifd(_EXIF_IFD)
        equivalent = float(tags.get(_TAGS['FocalLengthIn35mmFilm'], 0))
        taken = [float(tags.get(_TAGS[name], 0)) for name in ('ExifImageWidth', 'ExifImageHeight')]
    except Exception:  # damaged tags raise anything and are no reason to reject the image
        return None
    if not _EQUIVALENTS[0] <= equivalent <= _EQUIVALENTS[1]:
        return None
    if min(taken) > 0 and abs(_aspect(*taken) / _aspect(*image.size) - 1) > _ASPECT_TOLERANCE:
        return None
    return equivalent * math.hypot(*image.size) / FILM_DIAGONAL


def as_bgr(image: np.ndarray) -> np.ndarray:
    """Convert an array to 8-bit BGR.

    Args:
        image: (H, W), (H, W, 1), BGR (H, W, 3) or BGRA (H, W, 4); uint8 or uint16.

    Returns:
        (H, W, 3) BGR uint8, the array itself if it has this form already; transparent parts become white.

    Raises:
        ValueError: If the array has another form; states reason and remedy.
    """
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if (
        image.dtype != np.uint8
        or image.ndim not in (2, 3)
        or image.size == 0
        or (image.ndim == 3 and image.shape[2] not in (1, 3, 4))
    ):
        raise ValueError(f'is an array of {image.dtype} {image.shape}; give (height, width, 3) BGR uint8')
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if image.shape[2] == 4:
        return _to_bgr(Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)))
    return image


def _aspect(width: float, height: float) -> float:
    return max(width, height) / min(width, height)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow rewrites all tags here, and damaged ones raise anything
        return image


def _to_bgr(image: Image.Image) -> np.ndarray:
    if image.mode.startswith('I'):  # 16 bits; Pillow would clip values above 255
        return as_bgr(np.asarray(image).clip(0, 65535).astype(np.uint16))
    if 'transparency' in image.info or image.mode.endswith(('A', 'a')):
        image = image.convert('RGBA')
        ground = Image.new('RGBA', image.size, 'white')
        image = Image.alpha_composite(ground, image)
    if image.mode != 'RGB':
        image = image.convert('RGB')
    return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR)
