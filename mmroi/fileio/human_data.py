"""HumanData, the annotation format on disk: MMHuman3D's npz."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.fileio.named_errors import name_errors
from mmroi.fileio.npz_io import write_npz
from mmroi.fileio.unpacked_npz import UnpackedNpz

# Expected shapes, with N rows of the file and K named joints, and the meaning of the last axis for messages.
_SHAPES: dict[str, tuple[tuple[int | str, ...], str]] = {
    'image_path': (('N',), 'one path per row, relative to the image folder'),
    'bbox_xywh': (('N', 5), 'x, y, width, height, confidence in pixels'),
    'keypoints2d': (('N', 'K', 3), 'x, y in pixels, confidence'),
    'keypoints3d': (('N', 'K', 4), 'x, y, z in meters in the camera frame, confidence'),
    'smpl.global_orient': (('N', 3), 'axis-angle in radians'),
    'smpl.body_pose': (('N', 23, 3), 'axis-angle in radians'),
    'smpl.betas': (('N', 10), 'shape coefficients'),
    'smpl.transl': (('N', 3), 'meters'),
}
_GROUPS = {
    'smpl': 'global_orient, body_pose, betas and optionally transl',
    'meta': 'gender or other values per row',
    'misc': 'focal_length, principal_point or other values per row',
}
_ATTRIBUTES = ('__key_strict__', '__data_len__', '__keypoints_compressed__')
_KEYPOINTS = re.compile(r'(keypoints[23]d)(?!.*(_mask|_convention)$)')


class HumanData(MutableMapping[str, Any]):
    """Annotations in MMHuman3D's layout, one row per person.

    Values are read from the file on first access. Compressed keypoints, of which only the joints of the mask
    are stored, are padded with zeros; :meth:`raw` returns them as stored. Shapes of known keys are checked on
    reading and on assignment.

    =================================  ==================  ==============================================
    key                                shape               meaning
    =================================  ==================  ==============================================
    ``image_path``                     N strings           relative to the image folder of the dataset
    ``bbox_xywh``                      (N, 5)              x, y, width, height, confidence; pixels
    ``keypoints2d``                    (N, K, 3)           x, y, confidence; pixels
    ``keypoints3d``                    (N, K, 4)           x, y, z, confidence; meters, OpenCV camera frame
    ``keypoints{2,3}d_mask``           (K,)                1 (or 255) if the file has the joint
    ``keypoints{2,3}d_convention``     str                 a key of ``mmroi.structures.CONVENTIONS``
    ``smpl``                           dict                ``global_orient`` (N, 3), ``body_pose`` (N, 23, 3),
                                                           ``betas`` (N, 10), optionally ``transl`` (N, 3)
    ``has_smpl``                       (N,)                0 if the row has no SMPL parameters (optional)
    ``meta``                           dict                ``gender``: N strings
    ``misc``                           dict                ``focal_length`` (N,) or (N, 2),
                                                           ``principal_point`` (N, 2); pixels
    ``cam_param``                      list or dict        MMHuman3D's cameras; see ``read_cameras``
    ``config``                         str                 name of the dataset
    =================================  ==================  ==============================================

    Args:
        source: Initial values.

    Raises:
        ValueError: A value has the wrong shape or number of rows.
    """

    def __init__(self, source: Mapping[str, Any] | None = None) -> None:
        self._file: UnpackedNpz | None = None
        self._keys: dict[str, None] = {}
        self._values: dict[str, Any] = {}
        self._edited: set[str] = set()
        self._data_len: int | None = None
        self.keypoints_compressed = False
        for key, value in (source or {}).items():
            self[key] = value

    @classmethod
    def fromfile(cls, path: str | Path) -> 'HumanData':
        """Open a file. Arrays are read on access; a large compressed file is unpacked the first time.

        Args:
            path: An npz written by :meth:`dump` or by MMHuman3D.

        Raises:
            FileNotFoundError: The file does not exist.
            ValueError: The file is not an npz or is damaged.
        """
        human_data = cls()
        human_data._file = UnpackedNpz(path)
        keys = human_data._file.keys()
        human_data._keys = dict.fromkeys(key for key in keys if key not in _ATTRIBUTES)
        if '__keypoints_compressed__' in keys:
            with name_errors(path, "'__keypoints_compressed__'"):
                human_data.keypoints_compressed = bool(human_data._file.read('__keypoints_compressed__'))
        return human_data

    def dump(self, path: str | Path, compress: bool = False) -> None:
        """Write the npz atomically. MMHuman3D can read it, too.

        Args:
            path: File to write, ending in ``.npz``.
            compress: Compress the arrays. Uncompressed files are memory-mapped when they are read, which is
                better for large files.

        Raises:
            ValueError: The path does not end in ``.npz``.
        """
        if Path(path).suffix != '.npz':
            raise ValueError(f'{path}: a HumanData file ends in .npz')
        members = {key: self.raw(key) for key in self._keys}
        attributes = {
            '__key_strict__': False,
            '__data_len__': self.data_len,
            '__keypoints_compressed__': self.keypoints_compressed,
        }
        write_npz(path, {**attributes, **members}, compress)

    @property
    def data_len(self) -> int:
        """Number of rows N; 0 without any row-wise value."""
        for key in ('image_path', 'bbox_xywh', 'smpl', 'keypoints2d', 'keypoints3d'):
            if self._data_len is None and key in self._keys:
                self.raw(key)
        return self._data_len or 0

    @property
    def source(self) -> str:
        """Name of the file, for messages."""
        return str(self._file.path) if self._file else 'HumanData'

    def raw(self, key: str) -> Any:
        """Return a value as stored: compressed keypoints have only the joints of their mask.

        Args:
            key: A key of the file.

        Raises:
            KeyError: The file has no such key.
            ValueError: The value has the wrong shape.
            pickle.UnpicklingError: The value is a pickle that could run code.
        """
        self.require([key])
        if key not in self._values:
            assert self._file is not None
            value: Any = self._file.read(key)
            if value.ndim == 0:
                value = value.item()
            with name_errors(self.source, repr(key)):
                self._values[key] = self._checked(key, value)
        return self._values[key]

    def release(self) -> None:
        """Free the memory of arrays read from the file. They are read again when needed."""
        if self._file is not None:
            self._file.release()

    def check_unchanged(self) -> None:
        """Check that the file is the one that was opened.

        Raises:
            ValueError: It was replaced, or someone wrote into it.
        """
        if self._file is not None:
            self._file.check_unchanged()

    def forget(self, key: str) -> None:
        """Drop a value read from the file, such as a large pickle. It is read again when needed."""
        if self._file is not None and key not in self._edited:
            self._values.pop(key, None)

    def per_row(self, group: str, name: str, dtype: type, *shapes: tuple[int, ...]) -> np.ndarray | None:
        """Return a value that a dictionary of the file has for each row, as an array.

        Arrays stay shared between processes, while reference counts would unshare the memory of a list.

        Args:
            group: Key of the file, such as ``misc``.
            name: Key of the dictionary.
            dtype: Type of the result.
            *shapes: Possible shapes of a row; by default a single value.

        Returns:
            ``(N, *shape)``; None if there is no such value.

        Raises:
            ValueError: The value has another shape.
        """
        values = self[group].get(name) if group in self else None
        if values is None:
            return None
        with name_errors(self.source, f'{group}[{name!r}]'):
            values = np.asarray(values, dtype)
        wanted = [(self.data_len, *shape) for shape in shapes or ((),)]
        for shape in wanted:
            if values.size == np.prod(shape):
                return values.reshape(shape)
        raise ValueError(
            f'{self.source}: {group}[{name!r}] has shape {values.shape}, expected '
            f'{" or ".join(map(str, wanted))}, one value per row. Convert the dataset again'
        )

    def require(self, keys: Iterable[str]) -> None:
        """Check that keys exist, without reading them.

        Raises:
            KeyError: A key is missing; lists the keys of the file.
        """
        missing = [key for key in keys if key not in self._keys]
        if missing:
            raise KeyError(
                f'{self.source}: key {", ".join(map(repr, missing))} is missing; the file has '
                f'{sorted(self._keys)}. Convert the dataset again, or use a file with this label'
            )

    def joint_mask(self, key: str) -> np.ndarray | None:
        """Return which joints of a keypoint convention the file has.

        Args:
            key: ``keypoints2d`` or ``keypoints3d``.

        Returns:
            (K,) bool; None if the file has no mask.

        Raises:
            ValueError: The mask is not of 0 and 1, or of 0 and 255.
        """
        if f'{key}_mask' not in self:
            return None
        mask = np.asarray(self.raw(f'{key}_mask'))
        if mask.ndim != 1 or not any(np.isin(mask, (0, true)).all() for true in (1, 255)):
            shown = np.array2string(mask.ravel()[:8], threshold=8)
            raise ValueError(
                f"{self.source}: '{key}_mask' must be 0 or 1 for each joint of the convention, found "
                f'{shown} of shape {mask.shape}. Correct it or convert the dataset again'
            )
        return mask > 0

    def compress_keypoints_by_mask(self) -> None:
        """Store only the joints of the masks, as MMHuman3D's method of this name does.

        Raises:
            KeyError: Keypoints have no mask.
        """
        if self.keypoints_compressed:
            return
        keys = [key for key in self._keys if _KEYPOINTS.match(key)]
        self.require(f'{key}_mask' for key in keys)
        for key in keys:
            self._values[key] = self.raw(key)[:, self.joint_mask(key)]
        self._edited.update(keys)
        self.keypoints_compressed = True

    def take(self, rows: np.ndarray) -> 'HumanData':
        """Return a copy of some of the rows.

        Values of N items belong to the rows, all others are kept as they are. In files of up to 4 rows,
        matrices and vectors of ``cam_param`` that all rows share may be mistaken for values of rows.

        Args:
            rows: (R,) indices of rows, in the order of the result.

        Raises:
            IndexError: There is no such row.
        """
        taken, num = HumanData(), self.data_len
        taken.keypoints_compressed = self.keypoints_compressed
        for key in self._keys:
            shared = key.endswith(('_mask', '_convention'))
            taken[key] = self.raw(key) if shared else _take(self.raw(key), np.asarray(rows), num)
        return taken

    def __getitem__(self, key: str) -> Any:
        """Return a value; compressed keypoints are padded to the full convention."""
        value = self.raw(key)
        if not (self.keypoints_compressed and _KEYPOINTS.match(key)):
            return value
        self.require([f'{key}_mask'])
        mask = self.joint_mask(key)
        assert mask is not None  # by the line above
        if mask.sum() != value.shape[1]:
            raise ValueError(
                f'{self.source}: {key!r} holds {value.shape[1]} joints but its mask names '
                f'{mask.sum()}. Convert the dataset again'
            )
        padded = np.zeros((len(value), len(mask), value.shape[2]), value.dtype)
        padded[:, mask] = value
        return padded

    def __setitem__(self, key: str, value: Any) -> None:
        """Set a value, after checking its shape and number of rows."""
        self._values[key] = self._checked(key, value)
        self._keys[key] = None
        self._edited.add(key)

    def __delitem__(self, key: str) -> None:
        """Remove a key."""
        del self._keys[key]
        self._values.pop(key, None)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys, in the order of the file."""
        return iter(self._keys)

    def __len__(self) -> int:
        """Return the number of keys; the number of rows is :attr:`data_len`."""
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        """Whether there is such a key. Reads nothing."""
        return key in self._keys

    def __getstate__(self) -> dict[str, Any]:
        # Values that can be read from the file again are not pickled into a spawned worker.
        kept = self._values.keys() if self._file is None else self._edited
        return {**self.__dict__, '_values': {key: self._values[key] for key in kept if key in self._values}}

    def _checked(self, key: str, value: Any) -> Any:
        if key in ('meta', 'misc') and value is None:  # as MMHuman3D stores what is missing
            value = {}
        if key in _GROUPS and not isinstance(value, Mapping):
            raise ValueError(
                f'{self.source}: {key!r} is a {type(value).__name__}, expected a dictionary of '
                f'{_GROUPS[key]}. Convert the dataset again'
            )
        if key == 'image_path':
            value = self._paths(value)
        if key.endswith('_convention'):
            value = _text(value)
        if key == 'bbox_xywh':
            value = np.asarray(value)
            if value.ndim == 2 and value.shape[1] == 4:
                value = np.concatenate([value, np.ones_like(value[:, :1])], axis=1)
        parts = {f'smpl.{name}': part for name, part in value.items()} if key == 'smpl' else {key: value}
        for name, part in parts.items():
            keypoints = _KEYPOINTS.match(name)
            kind = keypoints.group(1) if keypoints else name
            if kind in _SHAPES:
                # Count a list of strings without converting it to an array.
                found = (len(part),) if kind == 'image_path' else self._numbers(name, part).shape
                self._check_shape(name, found, *_SHAPES[kind])
        return value

    def _paths(self, value: Any) -> Any:
        """Check image paths, and decode those stored as bytes as the file system does."""
        flat = value.ndim == 1 if isinstance(value, np.ndarray) else isinstance(value, Sequence)
        if not flat or isinstance(value, str | bytes):
            raise ValueError(
                f"{self.source}: 'image_path' is no list but {type(value).__name__}, expected one path per "
                'row. Convert the dataset again'
            )
        if isinstance(value, np.ndarray) and value.dtype.kind == 'U':
            return value
        return [os.fsdecode(path) if isinstance(path, bytes) else path for path in value]

    def _numbers(self, name: str, value: Any) -> np.ndarray:
        array = np.asarray(value)
        if array.dtype.kind not in 'biuf':
            raise ValueError(
                f'{self.source}: {name!r} holds values of type {array.dtype}, expected numbers. Convert the '
                'dataset again, or correct this key'
            )
        return array

    def _check_shape(
        self, name: str, found: tuple[int, ...], shape: tuple[int | str, ...], meaning: str
    ) -> None:
        fits = len(found) == len(shape) and all(
            want in ('N', 'K', have) for want, have in zip(shape, found, strict=True)
        )
        if fits and self._data_len is None:
            self._data_len = found[0]
        if not fits or found[0] != self._data_len:
            rows = 'N' if self._data_len is None else f'N={self._data_len}'
            wanted = ', '.join([rows, *map(str, shape[1:])])
            raise ValueError(
                f'{self.source}: {name!r} has shape {found}, expected ({wanted}): {meaning}. '
                'Convert the dataset again, or reshape this key'
            )


def _take(value: Any, rows: np.ndarray, num: int) -> Any:
    """Take rows of a value that has one item for each of ``num`` rows, also within dictionaries."""
    if isinstance(value, Mapping):
        return {name: _take(part, rows, num) for name, part in value.items()}
    if isinstance(value, np.ndarray) and value.ndim and len(value) == num:
        return value[rows]
    if isinstance(value, list | tuple) and len(value) == num:
        return [value[row] for row in rows]
    return value


def _text(value: Any) -> Any:
    """Return a word that is stored as an array of one word, or as bytes."""
    while isinstance(value, np.ndarray | list | tuple) and np.size(value) == 1:
        value = np.asarray(value, object).reshape(-1)[0]
    return value.decode('latin1') if isinstance(value, bytes) else value
