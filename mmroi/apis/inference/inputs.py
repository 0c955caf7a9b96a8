"""Streams of frames from images, folders, globs, URLs, bytes, arrays, videos and webcams."""

import itertools
import logging
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from mmengine.logging import print_log
from PIL import Image

from mmroi.apis.inference.animated_images import PAGED, AnimatedImage, count_frames
from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.apis.inference.image_files import ImageSource
from mmroi.apis.inference.image_sequences import ImageSequence, natural_order
from mmroi.apis.inference.url_files import WEB, WebVideo, read_url, url_name
from mmroi.apis.inference.videos import Video, Webcam

InputType: TypeAlias = str | Path | bytes | int | np.ndarray | Image.Image
InputsType: TypeAlias = InputType | Sequence[InputType]

SAMPLE = Path(__file__).parent / 'assets' / 'astronaut.jpg'  # a photo to try a model on
IMAGE_SUFFIXES = (
    '.apng',
    '.avif',
    '.bmp',
    '.gif',
    '.heic',
    '.heif',
    '.jpe',
    '.jpeg',
    '.jpg',
    '.pgm',
    '.png',
    '.pnm',
    '.ppm',
    '.tif',
    '.tiff',
    '.webp',
)
VIDEO_SUFFIXES = (
    '.3gp',
    '.avi',
    '.flv',
    '.m2ts',
    '.m4v',
    '.mkv',
    '.mov',
    '.mp4',
    '.mpeg',
    '.mpg',
    '.mts',
    '.ogv',
    '.ts',
    '.webm',
    '.wmv',
)

_FRAME_NUMBER = re.compile(r'_\d{6,}$')
_MAX_NAME = 160  # bytes; file systems allow 255, and results add suffixes and numbers
_UNPRINTABLE = re.compile('[\x00-\x1f\x7f\ud800-\udfff]')


class Source(Protocol):
    """One image, video or webcam among the inputs."""

    @property
    def name(self) -> str:
        """Name of its frame, or ``video`` of its frames."""

    @property
    def num_frames(self) -> int | None:
        """Number of its frames; None if unknown."""

    def __iter__(self) -> Iterator[Frame | BadInput]: ...


class Inputs:
    """Stream of :class:`Frame`, with :class:`BadInput` in place of unreadable ones.

    Every iteration starts from the beginning. Frames are decoded lazily and not kept.

    Args:
        sources: Sources to iterate over one after the other.
        names: Names of the sources of each input.

    Attributes:
        names: Names of the sources of each input, as in :class:`Source`: several for a folder.
    """

    def __init__(self, sources: Iterable[Source], names: Sequence[Sequence[str]] = ()) -> None:
        self._sources = tuple(sources)
        self.names = names

    @property
    def num_frames(self) -> int | None:
        """Number of frames according to the headers; None if one is unknown, such as for a webcam."""
        counts = [source.num_frames for source in self._sources]
        return None if None in counts else sum(counts)  # type: ignore[arg-type]

    @property
    def are_single_images(self) -> bool:
        """Whether there is no video, webcam or sequence of images, in which something could move."""
        return all(isinstance(source, ImageSource | _Fault) for source in self._sources)

    def __len__(self) -> int:
        count = self.num_frames
        if count is None:
            raise TypeError('the number of frames is unknown')
        return count

    def __iter__(self) -> Iterator[Frame | BadInput]:
        for source in self._sources:
            yield from source


def open_inputs(inputs: InputsType, fps: float | None = None) -> Inputs:
    """Resolve inputs, and check what can be checked without decoding.

    Args:
        inputs: A path (image, video or folder), a glob, a URL of an image or video (http, https), an encoded
            image as bytes, an image of Pillow, an array (see :func:`mmroi.fileio.images.as_bgr`), the number
            of a webcam, or a list of these. A folder stands for its images and videos in alphabetical order,
            without subfolders. An animated GIF, WebP, AVIF or PNG is a video. Paths of a list that cannot be
            used become :class:`BadInput`, and the others are read.
        fps: Take the images of each folder as one video of this frame rate, in the order of the numbers in
            their names; and all arrays and encoded images as another, in the order given.

    Returns:
        The stream of frames.

    Raises:
        BadInputError: If there is nothing to read, a webcam cannot be opened, a URL cannot be downloaded, or
            ``fps`` is not a positive number or there is no image that it could be of.
    """
    if fps is not None and not 0 < fps < math.inf:
        raise BadInputError(f'the frame rate is {fps}; give a positive number of frames per second')
    listed = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    if not listed:
        raise BadInputError('the list of inputs is empty; give an image, a folder, a video or a webcam')
    names = _Names()
    given = [_sources_or_fault(item, names, len(listed) > 1) for item in listed]
    sources = list(itertools.chain.from_iterable(given))
    if fps and not any(isinstance(source, ImageSource) for source in sources):
        raise BadInputError(
            'the frame rate (fps, --fps) has no effect: it is for images, and there is none; videos '
            'have their own'
        )
    by_input = [[source.name for source in some] for some in given]
    return Inputs(_join(sources, fps, names) if fps else sources, by_input)


@dataclass(frozen=True)
class _Fault:
    """An input that cannot be used, in the place of its frames."""

    bad: BadInput
    name = ''
    num_frames = 0

    def __iter__(self) -> Iterator[Frame | BadInput]:
        yield self.bad


class _Names:
    """Makes names unique, also on case-insensitive file systems, and short and printable.

    The name of an image could otherwise equal that of a video's frame. Results add suffixes to it.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbered: set[str] = set()  # names of images without the number at their end
        self._videos: set[str] = set()

    def image(self, wish: str) -> str:
        return self._unique(wish, lambda key: _FRAME_NUMBER.sub('', key) in self._videos)

    def video(self, wish: str) -> str:
        name = self._unique(wish, lambda key: key in self._numbered)
        self._videos.add(name.casefold())
        return name

    def sequence(self, wish: str) -> str:
        return self._unique(wish, lambda key: False)

    def _unique(self, wish: str, clashes: Callable[[str], bool]) -> str:
        wish = printable(wish).encode()[:_MAX_NAME].decode(errors='ignore')
        tries = itertools.chain([wish], (f'{wish}_{number}' for number in itertools.count(2)))
        name = next(
            name for name in tries if name.casefold() not in self._taken and not clashes(name.casefold())
        )
        self._taken.add(name.casefold())
        self._numbered.add(_FRAME_NUMBER.sub('', name.casefold()))
        return name


def printable(path: str | Path) -> str:
    """Return a path as text that can be printed and stored.

    Args:
        path: Any path; Python represents bytes that are no UTF-8 by surrogates, which nothing can print.

    Returns:
        The path with U+FFFD in place of these and of control characters.
    """
    return _UNPRINTABLE.sub('\ufffd', str(path))


def _sources_or_fault(item: Any, names: _Names, one_of_many: bool) -> list[Source]:
    """Open an input. If there are several, one that cannot be used becomes a fault in its place."""
    if not isinstance(item, (str, Path)):
        return _sources(item, names)
    name = printable(item)
    try:
        return _sources(item, names)
    except BadInputError as error:
        if not one_of_many:
            raise
        return [_Fault(BadInput(name, str(error).removeprefix(f'{name} ')))]
    except (OSError, ValueError, RuntimeError) as error:  # a name too long, a folder without permission, ...
        bad = BadInput(name, f'cannot be read ({getattr(error, "strerror", None) or error}); check the path')
        if not one_of_many:
            raise BadInputError(str(bad)) from None
        return [_Fault(bad)]


def _sources(item: Any, names: _Names) -> list[Source]:
    if isinstance(item, np.ndarray):
        return [ImageSource(item, names.image('array'), 'array')]
    if isinstance(item, Image.Image):
        source = printable(getattr(item, 'filename', '')) or 'image'
        return [ImageSource(item, names.image(Path(source).stem), source)]
    if isinstance(item, bytes):
        if (count := count_frames(item)) > 1:
            return [AnimatedImage(item, names.video('bytes'), 'bytes', count)]
        return [ImageSource(item, names.image('bytes'), 'bytes')]
    if isinstance(item, int):
        return [Webcam(item, names.video(f'webcam_{item}'), f'webcam {item}')]
    if isinstance(item, str) and item.startswith(WEB):
        return [_web(item, names)]
    if isinstance(item, (str, Path)):
        return [_file(path, names) for path in _expand(item)]
    raise BadInputError(
        f'an input is a {type(item).__name__}; give a path, bytes, an array, an image of Pillow or '
        'a webcam by its number'
    )


def _join(sources: Sequence[Source], fps: float, names: _Names) -> Iterator[Source]:
    """Replace the images of each folder by a sequence, in the place of the first."""
    folders: dict[Path | None, list[ImageSource]] = {}
    for source in sources:
        if isinstance(source, ImageSource):
            folders.setdefault(_folder(source), []).append(source)
    for source in sources:
        if not isinstance(source, ImageSource):
            yield source
        elif images := folders.pop(folder := _folder(source), None):
            if folder is not None:
                images.sort(key=lambda image: natural_order(Path(image.source)))
            yield ImageSequence(images, names.sequence(folder.name if folder else 'images'), fps)


def _folder(image: ImageSource) -> Path | None:
    return image.content.resolve().parent if isinstance(image.content, Path) else None


def _file(path: Path, names: _Names) -> Source:
    if (
        path.exists() and not path.is_file()
    ):  # decoders would wait for a pipe for ever, and not end by SIGTERM
        return _Fault(BadInput(printable(path), 'is a pipe or device, not a file'))
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return Video(path, names.video(path.stem), printable(path))
    if (count := count_frames(path)) > 1:
        return AnimatedImage(path, names.video(path.stem), printable(path), count)
    if (count := count_frames(path, PAGED)) > 1:
        print_log(
            f'{printable(path)} has {count} pages, of which the first is used', 'current', logging.WARNING
        )
    return ImageSource(path, names.image(path.stem), printable(path))


def _web(url: str, names: _Names) -> Source:
    stem, suffix = url_name(url)
    if suffix in VIDEO_SUFFIXES:
        return WebVideo(url, names.video(stem), suffix)
    content = read_url(url)
    if (count := count_frames(content)) > 1:
        return AnimatedImage(content, names.video(stem), printable(url), count)
    return ImageSource(content, names.image(stem), printable(url))


def _expand(item: str | Path) -> list[Path]:
    text, name, path = str(item), printable(item), Path(item).expanduser()
    if not text:  # such as an unset variable of a shell; it would mean the current folder
        raise BadInputError('an input is empty; give a path')
    if '://' in text:
        raise BadInputError(
            f'{name} is a URL that is not read; give one of http:// or https://, or download it and '
            'give the file'
        )
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if _is_wanted(p))
        if not found:
            raise BadInputError(
                f'{name} is a folder without images and videos '
                f'({", ".join(IMAGE_SUFFIXES + VIDEO_SUFFIXES)}); give another one'
            )
        return found
    if path.exists():
        return [path]
    if has_magic(text):
        matched = sorted(
            p for p in map(Path, glob(str(path), recursive=True)) if p.is_file() or _is_wanted(p)
        )
        if not matched:
            raise BadInputError(f'{name} matches no file; check the pattern')
        return matched
    raise BadInputError(f'{name} does not exist; check the path')


def _is_wanted(path: Path) -> bool:
    """Whether a path of a folder is an input; also a link to nothing or a pipe, to be named as one."""
    known = path.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES
    return known and not path.name.startswith('.') and not path.is_dir()
