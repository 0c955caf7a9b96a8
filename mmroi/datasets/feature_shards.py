"""Files of a feature cache: packed samples whose crops are replaced by features.

A shard is one NumPy file with a record for each sample, which holds its features, labels and metainfo, and
their checksum. A sample is read by one read of the file, and no file stays open, however many shards there
are.
"""

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from mmroi.fileio.atomic import atomic_write
from mmroi.structures import HMRDataSample

SHARD_SIZE = 64  # samples
CHECKSUM = 'crc32'  # the last field, of the layout and the bytes before it; earlier versions have none
DAMAGED = (OSError, ValueError, EOFError)  # what reading a damaged shard raises

_KINDS = {str: 'item', bool: 'item', int: 'item', float: 'item', tuple: 'tuple', list: 'list'}
_FIELDS = ('feature', 'label', 'array', *_KINDS.values())
_dtypes: dict[np.dtype, np.dtype] = {}  # shards share theirs


def shard_path(folder: Path, variant: int, shard: int) -> Path:
    """Return the path of a shard."""
    return folder / f'variant_{variant:02d}' / f'{shard:06d}.npy'


def shard_sizes(num_samples: int) -> list[int]:
    """Return the number of samples in each shard."""
    return [min(SHARD_SIZE, num_samples - start) for start in range(0, num_samples, SHARD_SIZE)]


def pack_records(
    features: Sequence[Sequence[np.ndarray]], samples: Sequence[HMRDataSample], root: str = ''
) -> np.ndarray:
    """Pack samples into records.

    Args:
        features: Of each sample, a map (M, C_i, h_i, w_i) for each map of the encoder. They are stored as
            (M, h_i, w_i, C_i), as channels-last networks read them.
        samples: Their labels and metainfo.
        root: Folder of the data; ``img_path`` is stored relative to it.

    Returns:
        Structured array (S,).

    Raises:
        ValueError: Samples have different keys, or a value is no array, number, string or tuple.
    """
    columns = {
        f'feature.{i}': np.stack([np.moveaxis(array, 1, -1) for array in arrays])
        for i, arrays in enumerate(zip(*features, strict=True))
    }
    for key in _keys([sample.gt_instances.keys() for sample in samples]):
        columns[f'label.{key}'] = _stack(key, [sample.gt_instances[key] for sample in samples])
    for key in _keys([sample.metainfo_keys() for sample in samples]):
        values = [sample.metainfo[key] for sample in samples]
        kind = _KINDS.get(type(values[0]), 'array')
        if key == 'img_path':
            values = [str(path).removeprefix(os.path.join(root, '')) for path in values]
        columns[f'{kind}.{key}'] = _stack(key, values)
    columns[CHECKSUM] = np.zeros(len(samples), np.uint32)
    fields = [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
    records = np.zeros(len(samples), np.dtype(fields, align=True))
    for name, column in columns.items():
        records[name] = column
    for i in range(len(records)):
        records[CHECKSUM][i] = _checksum(records[i : i + 1])
    return records


def write_shard(path: Path, records: np.ndarray) -> None:
    """Write a shard whole or not at all.

    Args:
        path: The file.
        records: As of :func:`pack_records`.

    Raises:
        OSError: The disk is full.
    """
    # Not by ndarray.tofile, as np.save does, whose errors do not say that the disk is full.
    with atomic_write(path, fsync=False) as temporary, open(temporary, 'wb') as file:
        npy_format.write_array_header_1_0(file, npy_format.header_data_from_array_1_0(records))
        file.write(records.view(np.uint8).data)


def is_complete(path: Path, size: int) -> bool:
    """Return whether a shard exists and is as long as it should be. Checksums would take reading all of it.

    Args:
        path: The file.
        size: Number of samples.
    """
    try:
        return len(Shard(path)) == size
    except DAMAGED:
        return False


class Shard:
    """A shard, of which each sample is read from the file as it is asked for.

    Args:
        path: The file.
        root: Folder of the data, which ``img_path`` is relative to.

    Raises:
        OSError: The file does not exist.
        ValueError: The file is damaged.
    """

    def __init__(self, path: Path, root: str = '') -> None:
        self._path, self._root = path, root
        with open(path, 'rb') as file:
            try:
                npy_format.read_magic(file)
                (self._size,), _, dtype = npy_format.read_array_header_1_0(file)
            except Exception as error:  # damaged bytes raise almost anything
                raise ValueError(f'its header is damaged ({error})') from error
            self._offset = file.tell()
        if dtype.hasobject or dtype.names is None or self._size < 0:
            raise ValueError('it holds no records')
        unknown = {name for name in dtype.names if name.partition('.')[0] not in _FIELDS} - {CHECKSUM}
        if unknown:
            raise ValueError(f'it has unknown fields {sorted(unknown)}')
        self._dtype = _dtypes.setdefault(dtype, dtype)
        expected, found = self._offset + self._size * dtype.itemsize, path.stat().st_size
        if found != expected:
            raise ValueError(f'the file has {found} bytes instead of {expected}')
        self._unchecked = set(range(self._size)) if CHECKSUM in (dtype.names or ()) else set()

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> tuple[list[np.ndarray], dict[str, np.ndarray], dict[str, Any]]:
        """Read a sample.

        Args:
            index: From 0 to the number of samples - 1.

        Returns:
            Features (M, h_i, w_i, C_i), labels, and metainfo.

        Raises:
            OSError: The file does not exist any more.
            ValueError: The file is damaged. The checksum is verified when the sample is first read.
        """
        offset = self._offset + index * self._dtype.itemsize
        records = np.fromfile(self._path, self._dtype, 1, offset=offset)
        (record,) = records
        if index in self._unchecked:
            if record[CHECKSUM] != _checksum(records):
                raise ValueError(f'the checksum of sample {index} is wrong')
            self._unchecked.remove(index)
        maps, labels, meta = [], {}, {}
        for name in self._dtype.names or ():
            if name == CHECKSUM:
                continue
            kind, _, key = name.partition('.')
            value = record[name]
            if kind == 'feature':
                maps.append(value)
            elif kind == 'label':
                labels[key] = value.copy()  # a view would keep the features in memory
            else:
                meta[key] = _restore(value, kind)
        if 'img_path' in meta:
            meta['img_path'] = os.path.join(self._root, meta['img_path'])
        return maps, labels, meta


def _checksum(record: np.ndarray) -> int:
    """CRC-32 of the layout and of an array of one record, up to the field of the checksum."""
    assert record.dtype.fields is not None
    layout = zlib.crc32(repr(record.dtype.descr).encode())
    return zlib.crc32(record.view(np.uint8).data[: record.dtype.fields[CHECKSUM][1]], layout)


def _keys(found: Sequence[Sequence[str]]) -> list[str]:
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
        return value.copy()
    return value.item() if kind == 'item' else dict(tuple=tuple, list=list)[kind](value.tolist())
