"""What a user gives, as a stream of frames: photos, folders, globs, bytes, arrays, videos and webcams."""
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from .image_files import as_bgr, decode_photo

InputType: TypeAlias = str | Path | bytes | int | np.ndarray
InputsType: TypeAlias = InputType | Sequence[InputType]

PHOTO_SUFFIXES = ('.avif', '.bmp', '.gif', '.heic', '.heif', '.jpe', '.jpeg', '.jpg', '.pgm', '.png', '.pnm',
                  '.ppm', '.tif', '.tiff', '.webp')
VIDEO_SUFFIXES = ('.3gp', '.avi', '.flv', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.mts', '.webm',
                  '.wmv')


class BadInputError(ValueError):
    """An input that cannot be used; the message is one sentence that names it and the remedy."""


@dataclass(frozen=True)
class BadInput:
    """An input that turned out unusable during a run, which goes on without it.

    Attributes:
        source: As in :class:`Frame`.
        reason: What is wrong and the remedy; ``str()`` puts the source before it.
    """

    source: str
    reason: str

    def __str__(self) -> str:
        return f'{self.source} {self.reason}'


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        image: (H, W, 3) BGR uint8, upright.
        name: Unique in a run, and usable as a file name: ``photo``, ``clip_000012``.
        source: Path, ``array``, ``bytes`` or ``webcam 0``.
        index: Number of the frame in its video or webcam, else 0.
        video: Name of the video or webcam that it is of; None for a single picture.
        time: Seconds from the start of the video or webcam; None for a single picture.
        focal_length: Pixels, from EXIF; None where unknown.
    """

    image: np.ndarray = field(repr=False)
    name: str
    source: str
    index: int = 0
    video: str | None = None
    time: float | None = None
    focal_length: float | None = None


class Source(Protocol):
    """One photo, video or webcam among the inputs."""

    @property
    def num_frames(self) -> int | None:
        """Frames that it will give; None where unknown."""

    def __iter__(self) -> Iterator[Frame | BadInput]: ...


@dataclass(frozen=True)
class Photo:
    """A single picture, decoded when it is iterated.

    Attributes:
        content: File, encoded bytes or pixels.
        name: As in :class:`Frame`.
        source: As in :class:`Frame`.
    """

    content: Path | bytes | np.ndarray
    name: str
    source: str

    @property
    def num_frames(self) -> int:
        """Always one."""
        return 1

    def __iter__(self) -> Iterator[Frame | BadInput]:
        try:
            if isinstance(self.content, np.ndarray):
                image, focal_length = as_bgr(self.content), None
            else:
                read = self.content if isinstance(self.content, bytes) else self.content.read_bytes()
                image, focal_length = decode_photo(read)
        except OSError as error:
            yield BadInput(self.source, f'cannot be read ({error.strerror}); check the file')
        except ValueError as error:
            yield BadInput(self.source, str(error))
        else:
            yield Frame(image, self.name, self.source, focal_length=focal_length)


class Inputs:
    """Stream of :class:`Frame`, and of :class:`BadInput` where one cannot be had.

    Every iteration starts from the beginning; a frame is decoded when it is asked for, and none is kept.

    Args:
        sources: What to iterate, one after the other.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = tuple(sources)

    @property
    def num_frames(self) -> int | None:
        """Number of frames as far as headers tell, None where one does not, as with a webcam."""
        counts = [source.num_frames for source in self._sources]
        return None if None in counts else sum(counts)  # type: ignore[arg-type]

    def __len__(self) -> int:
        count = self.num_frames
        if count is None:
            raise TypeError('the number of frames is unknown')
        return count

    def __iter__(self) -> Iterator[Frame | BadInput]:
        for source in self._sources:
            yield from source


def open_inputs(inputs: InputsType) -> Inputs:
    """Find what a user means, and check what can be checked without decoding.

    Args:
        inputs: A path (photo, video or folder), a glob, an encoded photo as bytes, an array (see
            :func:`.image_files.as_bgr`), the number of a webcam, or a list of these. A folder gives its
            photos and videos in the order of their names, without those of its subfolders.

    Returns:
        Inputs: The frames.

    Raises:
        BadInputError: Nothing is there to be read.
    """
    listed = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    if not listed:
        raise BadInputError('the list of inputs is empty; give a photo, a folder, a video or a webcam')
    names = _Names()
    return Inputs([source for item in listed for source in _sources(item, names)])


class _Names:
    """Makes names unique, also where the file system does not tell capitals from small letters."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __call__(self, wish: str) -> str:
        name, number = wish, 1
        while name.casefold() in self._taken:
            number += 1
            name = f'{wish}_{number}'
        self._taken.add(name.casefold())
        return name


def _sources(item: Any, names: _Names) -> list[Source]:
    if isinstance(item, np.ndarray):
        return [Photo(item, names('array'), 'array')]
    if isinstance(item, bytes):
        return [Photo(item, names('bytes'), 'bytes')]
    if isinstance(item, (str, Path)):
        return [_file(path, names) for path in _expand(item)]
    raise BadInputError(f'an input is a {type(item).__name__}; give a path, bytes, an array or a webcam by '
                        'its number')


def _file(path: Path, names: _Names) -> Source:
    return Photo(path, names(path.stem), str(path))


def _expand(item: str | Path) -> list[Path]:
    text, path = str(item), Path(item).expanduser()
    if '://' in text:
        raise BadInputError(f'{text} is an address; download it and give the file')
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if _is_wanted(p))
        if not found:
            raise BadInputError(f'the folder {text} holds no photo or video '
                                f'({", ".join(PHOTO_SUFFIXES + VIDEO_SUFFIXES)}); give another one')
        return found
    if path.exists():
        return [path]
    if has_magic(text):
        matched = sorted(p for p in map(Path, glob(str(path), recursive=True)) if p.is_file())
        if not matched:
            raise BadInputError(f'no file matches {text}; check the pattern')
        return matched
    raise BadInputError(f'{text} does not exist; check the path')


def _is_wanted(path: Path) -> bool:
    known = path.suffix.lower() in PHOTO_SUFFIXES + VIDEO_SUFFIXES
    return known and not path.name.startswith('.') and path.is_file()
