"""Find checkpoints named in configs, and download them if needed."""

import hashlib
import os
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

import mmengine
import torch
from mmengine import dist

from mmroi.fileio.installation import find_file

# MMEngine's tables of URLs by short name
SHORT_NAMES = {'torchvision://': 'torchvision_0.12.json', 'open-mmlab://': 'openmmlab.json'}


def locate(checkpoint: str | Path, sha256: str | None = None) -> Path:
    """Find the file of a checkpoint, and download it if it is not cached.

    Args:
        checkpoint: Path, also relative to this copy of the project (``checkpoints/...``); URL; or a short
            name of MMEngine such as ``torchvision://resnet50``.
        sha256: Hash that the file must have, in hexadecimal; None accepts any content.

    Returns:
        An existing file.

    Raises:
        FileNotFoundError: The file does not exist or cannot be downloaded; says which file to put where.
        ValueError: The short name or the scheme is unknown, or the file has another hash.
    """
    path = _find(str(checkpoint))
    if sha256 is not None and (found := sha256_of(path)) != sha256:
        raise ValueError(
            f'{path}: its SHA-256 is {found}, not {sha256}: it is damaged or another file than '
            f'{checkpoint}; delete it and download it again.'
        )
    return path


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _find(name: str) -> Path:
    for scheme, table in SHORT_NAMES.items():
        if name.startswith(scheme):
            name = _look_up(name.removeprefix(scheme), scheme, table)
    if name.startswith(('http://', 'https://')):
        return _fetch(name)
    if '://' in name:
        raise ValueError(
            f'pretrained weights {name}: only files, http://, https:// and '
            f'{", ".join(SHORT_NAMES)} are supported; download the file and give its path.'
        )
    path = Path(name).expanduser()
    if path.is_file():
        return path
    try:
        return find_file(name)
    except FileNotFoundError:
        raise FileNotFoundError(
            f'pretrained weights {path} do not exist: put the file there, or set the '
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


def _fetch(url: str) -> Path:
    """Download a file in one process per machine, under a temporary name, while the others wait."""
    path = cache_path(url)
    reason = 'the first process of this machine could not'
    if not path.is_file() and int(os.environ.get('LOCAL_RANK', dist.get_rank())) == 0:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path))
        except (OSError, HTTPException) as error:
            reason = ' '.join(str(error).split()) or type(error).__name__
    dist.barrier()
    if not path.is_file():
        raise FileNotFoundError(
            f'pretrained weights {url} cannot be downloaded ({reason}): download that file on a machine with '
            f"network access and put it at {path}, or set the config's init_cfg.checkpoint to another file."
        )
    return path
