"""What the samples of a dataset depend on: its config, annotations and images."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmroi.fileio.downloads import sha256_of
from mmroi.fileio.image_archives import image_stamp


def describe_dataset(dataset: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """Describe what the samples of a dataset depend on.

    Folders do not count, the files in them do, so a dataset that is moved stays the same.

    Args:
        dataset: A ``BaseDataset``.
        config: Its config.

    Returns:
        Number of samples, config, and hashes of the annotation file and of names, sizes and times of the
        images; images in an archive have the time of the archive.
    """
    stamps = hashlib.sha256()
    for path in dict.fromkeys(_image_paths(dataset)):
        size, time = image_stamp(path)
        stamps.update(f'{Path(path).name} {size} {time}\n'.encode())
    annotations = sha256_of(dataset.ann_file) if os.path.isfile(dataset.ann_file) else ''
    return dict(
        num_samples=len(dataset),
        dataset=json.loads(json.dumps(_without_folders(config), default=str)),
        annotations=annotations,
        images=stamps.hexdigest(),
    )


def find_differences(one: Any, other: Any, name: str = '') -> list[str]:
    """List the entries in which two descriptions differ.

    Args:
        one: A number, string, list or dict.
        other: Another one.
        name: Name of both.

    Returns:
        Names of entries, with dots between the levels.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        keys = list(dict.fromkeys([*one, *other]))
        return [d for k in keys for d in find_differences(one.get(k), other.get(k), f'{name}.{k}'.strip('.'))]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [d for i, pair in pairs for d in find_differences(*pair, f'{name}.{i}')]
    return [] if one == other else [name]


def _image_paths(dataset: Any) -> list[str]:
    if hasattr(dataset, 'image_paths'):
        return dataset.image_paths()
    return [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]


def _without_folders(config: Any) -> Any:
    if isinstance(config, Mapping):
        return {k: _without_folders(v) for k, v in config.items() if k not in ('data_root', 'data_prefix')}
    return [_without_folders(v) for v in config] if isinstance(config, list | tuple) else config
