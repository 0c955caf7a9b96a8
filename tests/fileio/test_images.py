import io
import math
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, features

from mmroi.datasets import LoadImage
from mmroi.fileio.images import as_bgr, decode_image

# From the upright photo to what a camera stores, by the value of the tag Orientation (EXIF 2.32, 4.6.4 A)
STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda photo: photo,
    2: lambda photo: photo[:, ::-1],
    3: lambda photo: photo[::-1, ::-1],
    4: lambda photo: photo[::-1],
    5: lambda photo: photo.swapaxes(0, 1),
    6: lambda photo: np.rot90(photo),
    7: lambda photo: photo[::-1, ::-1].swapaxes(0, 1),
    8: lambda photo: np.rot90(photo, -1),
}
RGB = np.random.default_rng(0).integers(0, 256, (10, 14, 3), dtype=np.uint8)
GREY = RGB[..., 0]
ALPHA = RGB[..., 1]


def encode(image: Image.Image, kind: str, **kwargs: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **kwargs)
    return stream.getvalue()


def decode(image: Image.Image, kind: str = 'PNG', **kwargs: object) -> np.ndarray:
    """RGB of what is read, for comparison with what was saved."""
    found, _ = decode_image(encode(image, kind, **kwargs))
    assert found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3
    return found[..., ::-1]


def exif(**tags: int) -> Image.Exif:
    numbers = dict(orientation=0x112)
    detail = dict(equivalent=0xA405, width=0xA002, height=0xA003)
    found = Image.Exif()
    for name, value in tags.items():
        if name in numbers:
            found[numbers[name]] = value
        else:
            found.get_ifd(0x8769)[detail[name]] = value
    return found


@pytest.mark.parametrize('orientation', STORED)
@pytest.mark.parametrize('kind', ['PNG', 'TIFF', 'WEBP'])
def test_orientation(orientation: int, kind: str) -> None:
    stored = np.ascontiguousarray(STORED[orientation](RGB))
    options = dict(lossless=True) if kind == 'WEBP' else {}
    found = decode(Image.fromarray(stored), kind, exif=exif(orientation=orientation), **options)
    np.testing.assert_array_equal(found, RGB)


@pytest.mark.parametrize('orientation', STORED)
def test_jpeg_is_decoded_as_in_training(orientation: int) -> None:
    photo = cv2.resize(RGB, (140, 100))
    stored = np.ascontiguousarray(STORED[orientation](photo))
    content = encode(Image.fromarray(stored), 'JPEG', quality=95, exif=exif(orientation=orientation))
    found, _ = decode_image(content)
    reference = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)  # turns JPEGs, too
    assert found.shape == reference.shape == photo.shape
    assert np.abs(found.astype(int) - reference).max() <= 3
    assert np.abs(found[..., ::-1].astype(int) - photo).mean() < 4


def test_one_channel() -> None:
    np.testing.assert_array_equal(decode(Image.fromarray(GREY)), np.stack([GREY] * 3, -1))
    found = decode(Image.fromarray(GREY > 127))
    np.testing.assert_array_equal(found, np.stack([GREY > 127] * 3, -1) * 255)


@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
def test_sixteen_bits(suffix: str) -> None:
    values = np.arange(140, dtype=np.uint16).reshape(10, 14) * 468  # to 65052
    content = cv2.imencode(suffix, values)[1].tobytes()
    np.testing.assert_array_equal(decode_image(content)[0], np.stack([values // 256] * 3, -1))


@pytest.mark.parametrize('opaque', [False, True])
def test_sixteen_bits_in_color(opaque: bool) -> None:
    deep = RGB.astype(np.uint16) * 256 + 77
    if opaque:
        deep = np.concatenate([deep, np.full_like(deep[..., :1], 65535)], -1)
    found, _ = decode_image(cv2.imencode('.png', deep)[1].tobytes())
    np.testing.assert_array_equal(found, RGB)  # OpenCV has written them as BGR


def test_cmyk() -> None:
    cyan, magenta, yellow, black = cmyk = np.moveaxis(np.concatenate([RGB, ALPHA[..., None] // 2], -1), -1, 0)
    expected = np.stack([(255.0 - ink) * (255.0 - black) / 255 for ink in (cyan, magenta, yellow)], -1)
    image = Image.fromarray(np.ascontiguousarray(np.moveaxis(cmyk, 0, -1)), 'CMYK')
    assert np.abs(decode(image, 'TIFF') - expected).max() <= 1
    flat = Image.new('CMYK', (16, 16), (200, 100, 0, 50))  # a JPEG of one color loses nothing
    assert np.abs(decode(flat, 'JPEG', quality=100)[8, 8] - np.array([43.3, 124.6, 205.0])).max() <= 2


def on_white(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return color * share + 255 * (1 - share)


def test_transparent_parts_are_white() -> None:
    image = Image.fromarray(np.dstack([RGB, ALPHA]))
    assert np.abs(decode(image) - on_white(RGB, ALPHA)).max() <= 1
    image = Image.fromarray(np.dstack([GREY, ALPHA]), 'LA')
    assert np.abs(decode(image) - on_white(np.stack([GREY] * 3, -1), ALPHA)).max() <= 1


def test_transparency_looks_the_same_in_training() -> None:
    content = encode(Image.fromarray(np.dstack([RGB, ALPHA])), 'PNG')
    with tempfile.NamedTemporaryFile(suffix='.png') as file:
        Path(file.name).write_bytes(content)
        trained = LoadImage()(dict(img_path=file.name))['img']
    np.testing.assert_array_equal(trained, decode_image(content)[0])


@pytest.mark.parametrize('gray', [False, True])
def test_jpegs_have_the_pixels_of_pillow(gray: bool) -> None:
    photo = Image.fromarray(cv2.resize(GREY if gray else RGB, (150, 90)))
    content = encode(photo, 'JPEG', quality=80)
    expected = np.asarray(Image.open(io.BytesIO(content)).convert('RGB'))
    np.testing.assert_array_equal(decode_image(content)[0][..., ::-1], expected)


def test_any_error_of_a_decoder_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Image.Image) -> None:
        raise RuntimeError('Failed to decode frame 0: Decoding failed')  # as AVIF's decoder does

    content = encode(Image.fromarray(RGB), 'PNG')
    monkeypatch.setattr('PIL.PngImagePlugin.PngImageFile.load', fail)
    with pytest.raises(ValueError, match=r'cannot be decoded \(Failed to decode frame 0: .*\); copy or'):
        decode_image(content)


@pytest.mark.skipif(not features.check('avif'), reason='this Pillow has no AVIF')
def test_damaged_avif() -> None:
    content = encode(Image.fromarray(cv2.resize(RGB, (64, 64))), 'AVIF')
    for damaged in (content[: len(content) // 2], content[:40]):
        with pytest.raises(ValueError, match='cannot be decoded'):
            decode_image(damaged)


def test_palette() -> None:
    image = Image.new('P', (3, 1))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putdata([0, 1, 2])
    np.testing.assert_array_equal(decode(image)[0], [[10, 20, 30], [40, 50, 60], [70, 80, 90]])
    np.testing.assert_array_equal(decode(image, 'GIF')[0], [[10, 20, 30], [40, 50, 60], [70, 80, 90]])
    np.testing.assert_array_equal(decode(image, transparency=1)[0], [[10, 20, 30], [255] * 3, [70, 80, 90]])


def test_animation_gives_its_first_picture() -> None:
    first, second = (Image.new('RGB', (4, 4), color) for color in ('red', 'blue'))
    found = decode(first, 'GIF', save_all=True, append_images=[second])
    np.testing.assert_array_equal(found[0, 0], [255, 0, 0])


@pytest.mark.parametrize('orientation', [1, 6])
@pytest.mark.parametrize(
    ('tags', 'expected'),
    [
        (dict(equivalent=28), 28 * 500 / math.hypot(36, 24)),  # the diagonal of 400 x 300 is 500
        (dict(equivalent=28, width=4000, height=3000), 28 * 500 / math.hypot(36, 24)),  # made smaller
        (dict(equivalent=28, width=3000, height=4000), 28 * 500 / math.hypot(36, 24)),  # and turned
        (dict(equivalent=28, width=4000, height=2000), None),  # cropped
        (dict(equivalent=0), None),  # unknown, says the standard
        (dict(equivalent=48388), None),  # an old Samsung
        (dict(width=400, height=300), None),
    ],
)
def test_focal_length(tags: dict[str, int], expected: float | None, orientation: int) -> None:
    content = encode(Image.new('RGB', (400, 300)), 'JPEG', exif=exif(orientation=orientation, **tags))
    image, focal_length = decode_image(content)
    assert image.shape == ((300, 400, 3) if orientation == 1 else (400, 300, 3))
    assert focal_length == (None if expected is None else pytest.approx(expected))


def test_focal_length_sees_the_angle_of_the_film() -> None:
    """A 50 mm lens on film of 36 x 24 mm: 24 mm are 2 atan(12 / 50) high."""
    content = encode(Image.new('RGB', (360, 240)), 'JPEG', exif=exif(equivalent=50))
    focal_length = decode_image(content)[1]
    assert 2 * math.atan(120 / focal_length) == pytest.approx(2 * math.atan(12 / 50))


def test_damaged_tags_do_not_matter() -> None:
    content = bytearray(encode(Image.fromarray(RGB), 'JPEG', exif=exif(equivalent=28, orientation=1)))
    start = content.index(b'Exif\0\0') + 6
    for end in (10, 20, 40):
        damaged = content.copy()
        damaged[start + 4 : start + end] = b'\xff' * (end - 4)
        image, focal_length = decode_image(bytes(damaged))
        assert image.shape == RGB.shape and focal_length is None


def huge_png() -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

    header = struct.pack('>IIBBBBB', 60000, 60000, 8, 2, 0, 0, 0)
    chunks = chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(b'')) + chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + chunks


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', r'is empty \(0 bytes\)'),
        (b'no photo', 'cannot be decoded as an image; convert it to JPEG or PNG'),
        (encode(Image.fromarray(RGB), 'JPEG')[:-100], r'cannot be decoded \(.*truncated.*\); copy or'),
        (encode(Image.fromarray(RGB), 'PNG')[:-100], r'cannot be decoded \(.*\); copy or download it'),
        (huge_png(), r'has more than \d+ pixels; shrink it'),
        (encode(Image.new('F', (4, 4)), 'TIFF'), 'pixels of mode F, which has no known colors; convert'),
        (encode(Image.new('LAB', (4, 4)), 'TIFF'), 'pixels of mode LAB, which has no known colors; convert'),
    ],
)
def test_unreadable(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_image(content)


def test_fifty_megapixels_within_two_gigabytes(tmp_path: Path) -> None:
    turned = encode(Image.new('RGB', (8192, 6144), 'navy'), 'JPEG', exif=exif(orientation=6))
    (tmp_path / 'huge.jpg').write_bytes(turned)
    # ru_maxrss would count the memory of this process, from which the new one is forked.
    code = (
        'import re, sys; from mmroi.apis.inference.inputs import open_inputs\n'
        'frame, = open_inputs(sys.argv[1]); assert frame.image.shape == (8192, 6144, 3)\n'
        'print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])'
    )
    done = subprocess.run([sys.executable, '-c', code, tmp_path / 'huge.jpg'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 2e9


def test_arrays() -> None:
    assert as_bgr(RGB) is RGB
    for gray in (GREY, GREY[..., None], GREY.astype(np.uint16) * 256 + 9):
        np.testing.assert_array_equal(as_bgr(gray), np.stack([GREY] * 3, -1))
    with_alpha = np.dstack([RGB, ALPHA])
    assert np.abs(as_bgr(with_alpha) - on_white(RGB, ALPHA)).max() <= 1
