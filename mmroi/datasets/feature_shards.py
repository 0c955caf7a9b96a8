"""Files of a feature cache: shards of packed samples whose crops are replaced by features.

A shard is a file ``<shard>.<i>.npy`` for each map of the encoder, and ``<shard>.npz`` with labels and
metainfo, which is written last: a shard is complete if it exists.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.structures import InstanceData

from mmroi.fileio.atomic import atomic_write
from mmroi.structures import HMRDataSample

SHARD_SIZE = 256  # samples

_PER_ROI = ('boxes', 'crop_matrices')  # metainfo with a row for each RoI
_KINDS = {str: 'item', bool: 'item', int: 'item', float: 'item', tuple: 'tuple', list: 'list'}


def shard_path(folder: Path, variant: int, shard: int) -> Path:
    """Return the path of a shard without suffix."""
    return folder / f'variant_{variant:02d}' / f'{shard:06d}'


def shard_sizes(num_samples: int) -> list[int]:
    """Return the number of samples in each shard."""
    return [min(SHARD_SIZE, num_samples - start) for start in range(0, num_samples, SHARD_SIZE)]


def write_shard(path: Path, maps: Sequence[np.ndarray], samples: Sequence[HMRDataSample]) -> None:
    """Write a shard.

    Args:
        path: Without suffix.
        maps: Features of S samples for each map (S, M, C, h, w).
        samples: Their labels and metainfo.

    Raises:
        ValueError: Samples have different keys, or a value is no array, number, string or tuple.
    """
    for i, array in enumerate(maps):
        with atomic_write(path.with_suffix(f'.{i}.npy'), fsync=False) as temporary:
            np.save(temporary, array)
    labels = {
        f'label.{key}': _stack(key, [s.gt_instances[key] for s in samples]) for key in _keys(samples, True)
    }
    meta, kinds = {}, {}
    for key in _keys(samples, False):
        values = [sample.metainfo[key] for sample in samples]
        meta[f'meta.{key}'] = _stack(key, values)
        kinds[key] = _KINDS.get(type(values[0]), 'array')
    header = dict(kinds=kinds, bytes=[path.with_suffix(f'.{i}.npy').stat().st_size for i in range(len(maps))])
    with atomic_write(path.with_suffix('.npz'), fsync=False) as temporary:
        np.savez(temporary, header=np.array(json.dumps(header)), **labels, **meta)  # type: ignore[arg-type]


def is_complete(path: Path, size: int) -> bool:
    """Return whether a shard exists and its files have the sizes with which they were written.

    Args:
        path: Without suffix.
        size: Number of samples.
    """
    try:
        with np.load(path.with_suffix('.npz')) as file:
            header = json.loads(str(file['header']))
            num_samples = next((len(file[name]) for name in file.files if name != 'header'), 0)
        found = [os.path.getsize(path.with_suffix(f'.{i}.npy')) for i in range(len(header['bytes']))]
    except (OSError, ValueError, KeyError, EOFError):
        return False
    return num_samples == size and found == header['bytes']


class Shard:
    """A shard, whose features stay on disk until they are used.

    Args:
        path: Without suffix.

    Raises:
        FileNotFoundError: It is not complete.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path.with_suffix('.npz')) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop('header')))
        self._kinds: dict[str, str] = header['kinds']
        self._labels = {n.removeprefix('label.'): a for n, a in arrays.items() if n.startswith('label.')}
        self._meta = {n.removeprefix('meta.'): a for n, a in arrays.items() if n.startswith('meta.')}
        self._maps = [
            np.load(path.with_suffix(f'.{i}.npy'), mmap_mode='r') for i in range(len(header['bytes']))
        ]

    def get(self, index: int, num_rois: int | None = None) -> tuple[list[np.ndarray], HMRDataSample]:
        """Return features and sample at an index.

        Args:
            index: Index in the shard.
            num_rois: M, the first of the stored RoIs; None for all.

        Returns:
            For each map (M, C, h, w), and the sample of these RoIs.
        """
        meta = {key: _restore(array[index], self._kinds[key]) for key, array in self._meta.items()}
        meta.update({key: meta[key][:num_rois] for key in _PER_ROI if key in meta})
        sample = HMRDataSample(metainfo=meta)
        sample.gt_instances = InstanceData(**{key: array[index] for key, array in self._labels.items()})
        return [np.array(array[index, :num_rois]) for array in self._maps], sample


def _keys(samples: Sequence[HMRDataSample], labels: bool) -> list[str]:
    found = [tuple(s.gt_instances.keys() if labels else s.metainfo_keys()) for s in samples]
    if any(set(keys) != set(found[0]) for keys in found):
        differing = sorted(set().union(*found) - set(found[0]).intersection(*found))
        raise ValueError(f'samples differ in their keys ({", ".join(differing)}), so they cannot be cached')
    return list(found[0])


def _stack(key: str, values: Sequence[Any]) -> np.ndarray:
    try:
        array = np.stack([np.asarray(value) for value in values])
    except ValueError:
        array = np.array(None)
    if array.dtype.hasobject:
        raise ValueError(
            f'the values of {key!r} are no arrays of one shape, numbers or strings, so they cannot be '
            'cached; leave it out of meta_keys of PackHMRInputs'
        )
    return array


def _restore(value: Any, kind: str) -> Any:
    if kind == 'array':
        return value
    return value.item() if kind == 'item' else dict(tuple=tuple, list=list)[kind](value.tolist())
