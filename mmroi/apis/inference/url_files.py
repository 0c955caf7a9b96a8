"""Images and videos from the web."""

import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlparse

from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.apis.inference.videos import Video
from mmroi.fileio.downloads import DownloadError, download

WEB = ('http://', 'https://')


class WebVideo:
    """A video that is downloaded, and kept as long as this object; its sound is not.

    Args:
        url: Address of the file.
        name: As in :class:`.Video`.
        suffix: Of the file, such as ``.mp4``.

    Raises:
        BadInputError: It cannot be downloaded.
    """

    def __init__(self, url: str, name: str, suffix: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix='mmroi_')
        path = Path(self._folder.name, f'video{suffix}')
        _download(url, path)
        self._video = Video(path, name, url, has_sound=False)

    @property
    def name(self) -> str:
        """``video`` of its frames."""
        return self._video.name

    @property
    def num_frames(self) -> int | None:
        """As in :class:`.Video`."""
        return self._video.num_frames

    def __iter__(self) -> Iterator[Frame | BadInput]:
        return iter(self._video)


def read_url(url: str) -> bytes:
    """Download a file into memory.

    Args:
        url: Address of the file.

    Returns:
        Its content.

    Raises:
        BadInputError: It cannot be downloaded.
    """
    with tempfile.TemporaryDirectory(prefix='mmroi_') as folder:
        path = Path(folder, 'file')
        _download(url, path)
        return path.read_bytes()


def url_name(url: str) -> tuple[str, str]:
    """Return the name of the file at a URL without its suffix, and the suffix in lower case."""
    path = PurePosixPath(unquote(urlparse(url).path))
    return path.stem or 'download', path.suffix.lower()


def _download(url: str, path: Path) -> None:
    try:
        download(url, path)
    except DownloadError as error:
        raise BadInputError(
            f'{url} cannot be downloaded ({error}); check the address, or download it and give the file'
        ) from None
