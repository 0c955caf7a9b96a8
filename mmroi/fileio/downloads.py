"""Find checkpoints named in configs, and download them if needed."""

import hashlib
import os
import re
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import mmengine
import torch
from mmengine import dist

from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.state_dicts import fingerprint, read_state_dict
from mmroi.utils import ProgressBar
from mmroi.utils.installation import resolve_file

# MMEngine's tables of URLs by short name
SHORT_NAMES = {'torchvision://': 'torchvision_0.12.json', 'open-mmlab://': 'openmmlab.json'}

_CHUNK = 2**20  # bytes
_TIMEOUT = 30  # seconds without an answer


class DownloadError(OSError):
    """A file that could not be downloaded; the message is the reason alone."""


def locate(checkpoint: str | Path, sha256: str | None = None) -> Path:
    """Find the file of a checkpoint, and download it if it is not cached.

    Args:
        checkpoint: Path, also relative to this copy of the project (``checkpoints/...``); URL; or a short
            name of MMEngine such as ``torchvision://resnet50``.
        sha256: Hash that the file must have, in hexadecimal; None accepts any content.

    Returns:
        An existing file.

    Raises:
        FileNotFoundError: The file does not exist, cannot be downloaded, or the download has another hash;
            says which file to put where.
        ValueError: The short name or the scheme is unknown, or a file that is no download has another hash.
    """
    path = _find(str(checkpoint), sha256)
    if sha256 is not None and (found := sha256_of(path)) != sha256:
        raise ValueError(
            f'{path}: its SHA-256 is {found}, not {sha256}: it is damaged or another file; get it again.'
        )
    return path


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _find(name: str, sha256: str | None) -> Path:
    for scheme, table in SHORT_NAMES.items():
        if name.startswith(scheme):
            name = _look_up(name.removeprefix(scheme), scheme, table)
    if name.startswith(('http://', 'https://')):
        try:
            return fetch(name, sha256)
        except DownloadError as error:
            raise FileNotFoundError(
                f'pretrained weights {name} cannot be downloaded ({error}): download that file on a machine '
                f'with network access and put it at {cache_path(name)}, or set the '
                "config's init_cfg.checkpoint to another file."
            ) from None
    if '://' in name:
        raise ValueError(
            f'pretrained weights {name}: only files, http://, https:// and '
            f'{", ".join(SHORT_NAMES)} are supported; download the file and give its path.'
        )
    try:
        return resolve_file(name)
    except FileNotFoundError:
        raise FileNotFoundError(
            f'pretrained weights {name} do not exist: put the file there, or set the '
            "config's init_cfg.checkpoint to another path or URL."
        ) from None


def cache_path(url: str) -> Path:
    """Return the path of a downloaded file in torch's cache, which OpenMMLab and torchvision share."""
    return Path(torch.hub.get_dir(), 'checkpoints', PurePosixPath(urlparse(url).path).name)


def _look_up(name: str, scheme: str, table: str) -> str:
    urls = mmengine.load(Path(mmengine.__path__[0], 'hub', table))
    if name not in urls:
        raise ValueError(f'pretrained weights {scheme}{name}: MMEngine has no such name; give the URL.')
    return urls[name]


def fetch(url: str, sha256: str | None = None) -> Path:
    """Download a file to torch's cache, unless it is there.

    One process per machine downloads, under a temporary name, while the others wait. The content is checked,
    also of a file that is there: a wrong or cut one is removed, and downloaded again.

    Args:
        url: URL of the file.
        sha256: SHA-256 of the content or its first digits; by default the 8 digits in the name, which
            OpenMMLab and torchvision put there, or those of the weights, as of
            :func:`~mmroi.fileio.checkpoint_io.write_checkpoint`.

    Returns:
        The file.

    Raises:
        DownloadError: It cannot be downloaded, or the content does not match its name.
    """
    path = cache_path(url)
    sha256 = sha256 or _hash_in(path.name)
    reason, removed = 'the first process of this machine could not', ''
    if int(os.environ.get('LOCAL_RANK', dist.get_rank())) == 0:
        try:
            if path.is_file() and sha256 and not _has_hash(path, sha256):
                path.unlink()
                removed = '; the file in the cache had another SHA-256 and is removed'
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                _download(url, path, sha256)
        except (OSError, HTTPException) as error:
            reason = (' '.join(str(error).split()) or type(error).__name__) + removed
    dist.barrier()
    if not path.is_file():
        raise DownloadError(reason)
    return path


def download(url: str, path: Path) -> None:
    """Download a file whose name says nothing of its content.

    Args:
        url: URL of the file, http or https.
        path: File to write, whole or not at all.

    Raises:
        DownloadError: It cannot be downloaded.
    """
    try:
        _download(url, path, None)
    except (OSError, ValueError, HTTPException) as error:
        raise DownloadError(' '.join(str(error).split()) or type(error).__name__) from None


def _download(url: str, path: Path, sha256: str | None) -> None:
    """Write the content of a URL to a file, whole and checked or not at all."""
    with (
        urlopen(Request(url, headers={'User-Agent': 'mmroi'}), timeout=_TIMEOUT) as source,
        atomic_write(path) as temporary,
        temporary.open('wb') as file,
    ):
        length = source.headers['Content-Length']
        with ProgressBar(int(length) // _CHUNK if length else None, f'{path.name} (MiB)') as bar:
            while chunk := source.read(_CHUNK):
                file.write(chunk)
                bar.advance()
        if length and file.tell() != int(length):
            raise OSError(f'the connection ended after {file.tell()} of {length} bytes')
        file.flush()
        if sha256 and not _has_hash(temporary, sha256):
            raise OSError(f'the SHA-256 begins with {sha256_of(temporary)[:8]}, not with {sha256[:8]}')


def _has_hash(path: Path, sha256: str) -> bool:
    """Return whether these are the first digits of the SHA-256 of a file, or of the weights in it."""
    if sha256_of(path).startswith(sha256):
        return True
    try:
        return fingerprint(read_state_dict(path)).startswith(sha256)
    except ValueError:
        return False


def _hash_in(name: str) -> str | None:
    # a date such as 20220719 is none, but may follow
    found = re.search(r'-(?!20\d{6})([0-9a-f]{8})(_20\d{6})?\.\w+$', name)
    return None if found is None else found[1]
