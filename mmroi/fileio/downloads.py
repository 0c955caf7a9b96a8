"""From what a config calls a checkpoint to a file on this machine."""

import os
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

import mmengine
import torch
from mmengine import dist

# MMEngine's tables of the addresses behind its short names
SHORT_NAMES = {'torchvision://': 'torchvision_0.12.json', 'open-mmlab://': 'openmmlab.json'}


def locate(checkpoint: str | Path) -> Path:
    """Find the file of a checkpoint, fetching it if it is not here yet.

    Args:
        checkpoint: Path, URL, or one of MMEngine's short names such as ``torchvision://resnet50``.

    Returns:
        A file that exists.

    Raises:
        FileNotFoundError: There is no such file, or it cannot be fetched; says which file to put where.
        ValueError: The short name or the scheme is unknown.
    """
    name = str(checkpoint)
    for scheme, table in SHORT_NAMES.items():
        if name.startswith(scheme):
            name = _look_up(name.removeprefix(scheme), scheme, table)
    if name.startswith(('http://', 'https://')):
        return _fetch(name)
    if '://' in name:
        raise ValueError(
            f'pretrained weights {name}: only files, http://, https:// and '
            f'{", ".join(SHORT_NAMES)} are read; fetch the file and give its path.'
        )
    path = Path(name).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'pretrained weights {path} do not exist: put the file there, or set the '
            "config's init_cfg.checkpoint to another path or URL."
        )
    return path


def cache_path(url: str) -> Path:
    """Where a file from the net is kept: torch's cache, which all of OpenMMLab and torchvision use."""
    return Path(torch.hub.get_dir(), 'checkpoints', PurePosixPath(urlparse(url).path).name)


def _look_up(name: str, scheme: str, table: str) -> str:
    urls = mmengine.load(Path(mmengine.__path__[0], 'hub', table))
    if name not in urls:
        raise ValueError(f'pretrained weights {scheme}{name}: MMEngine knows no such name; give the URL.')
    return urls[name]


def _fetch(url: str) -> Path:
    """One process of each machine fetches, under another name until the file is whole; all wait for it."""
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
            f'pretrained weights {url} cannot be fetched ({reason}): download that file where there is '
            f"network and put it at {path}, or set the config's init_cfg.checkpoint to a file of your own."
        )
    return path
