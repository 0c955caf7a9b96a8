"""Focal lengths and principal points of the rows of a file, in all forms that converters write."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmroi.fileio.human_data import HumanData

# MMHuman3D's names, from CameraParameter, PerspectiveCameras and the HybrIK converters. ``intrinsic`` of the
# latter is the inverse of the matrix, so ``f`` and ``c`` beside it take precedence.
_FOCAL_LENGTHS = ('focal_length', 'f', 'focal')
_PRINCIPAL_POINTS = ('principal_point', 'c', 'princpt')
_MATRICES = ('in_mat', 'K', 'intrinsic', 'intrinsics')
_NAMES = (*_FOCAL_LENGTHS, *_PRINCIPAL_POINTS, *_MATRICES)
_REMEDY = 'Correct it, or delete the key to use the diagonal of the image'


@dataclass
class Cameras:
    """Cameras of the N rows of a file.

    Attributes:
        focal_length: (N,), or (N, 2) fx and fy, pixels; None if unknown.
        principal_point: (N, 2) pixels; None if unknown.
        key: Key of the focal lengths in the file, for messages.
    """

    focal_length: np.ndarray | None = None
    principal_point: np.ndarray | None = None
    key: str = ''

    @property
    def known(self) -> bool:
        """Whether both focal lengths and principal points are known."""
        return self.focal_length is not None and self.principal_point is not None

    def row(self, row: int) -> tuple[float | np.ndarray | None, np.ndarray | None]:
        """Return the camera of one row.

        Args:
            row: Row of the file.

        Returns:
            Focal length, a float or (2,) if fx and fy differ, and principal point (2,), in pixels; None if
            unknown.
        """
        focal_length: float | np.ndarray | None = None
        if self.focal_length is not None:
            both = self.focal_length[row]
            one = both.ndim == 0 or abs(both[0] - both[1]) <= 1e-6 * abs(both[0])
            focal_length = float(both if both.ndim == 0 else both[0]) if one else both.copy()
        return focal_length, None if self.principal_point is None else self.principal_point[row].copy()

    def describe(self, row: int, reason: str) -> str:
        """Describe the focal length of a row for a message.

        Args:
            row: Row of the file.
            reason: Why the row is bad.

        Returns:
            Key and value; '' if the reason is another one.
        """
        if self.focal_length is None or not (
            'focal length' in reason or not (self.focal_length[row] > 0).all()
        ):
            return ''
        return f', {self.key} is {self.focal_length[row]}'


def read_cameras(human_data: HumanData) -> Cameras:
    """Read focal lengths and principal points.

    The first of these that the file has is used:

    * ``misc['focal_lengths']`` (N, 2), or ``misc['focal_length']`` (N,) or (N, 2), and
      ``misc['principal_point']`` (N, 2);
    * ``cam_param`` of MMHuman3D, at the top level or in ``misc`` or ``meta``: a camera per row, arrays of N
      rows, or cameras whose names occur in the image paths (Human3.6M: subject and number). A camera has a
      matrix ``in_mat``, ``K`` (also in PyTorch3D's 4 x 4 form) or ``intrinsic``, or ``focal_length`` or
      ``f`` and ``principal_point`` or ``c``.

    Args:
        human_data: The file.

    Raises:
        ValueError: A camera has none of these forms, or a row has no camera.
    """
    misc_focal = 'focal_lengths' if 'focal_lengths' in human_data.get('misc', {}) else 'focal_length'
    focal_length = human_data.per_row('misc', misc_focal, np.float64, (), (2,))
    cameras = Cameras(
        focal_length, human_data.per_row('misc', 'principal_point', np.float64, (2,)), f"misc['{misc_focal}']"
    )
    if not cameras.known:
        key, value = _find(human_data)
        if value is not None:
            found = _Reader(human_data, key).read(value)
            if cameras.focal_length is None:
                cameras.focal_length, cameras.key = found[0], key
            if cameras.principal_point is None:
                cameras.principal_point = found[1]
        human_data.forget('cam_param')
    return cameras


def _find(human_data: HumanData) -> tuple[str, Any]:
    """Return key and value of ``cam_param``, None if the file has none."""
    if 'cam_param' in human_data:
        return 'cam_param', human_data['cam_param']
    for group in ('misc', 'meta'):
        if 'cam_param' in human_data.get(group, {}):
            return f"{group}['cam_param']", human_data[group]['cam_param']
    return '', None


_Pair = tuple[np.ndarray | None, np.ndarray | None]


class _Reader:
    """Converts ``cam_param`` to focal lengths (N, 2) and principal points (N, 2), each None if unknown."""

    def __init__(self, human_data: HumanData, key: str) -> None:
        self.human_data = human_data
        self.num_rows = human_data.data_len
        self.place = f'{human_data.source}: {key}'

    def read(self, value: Any) -> _Pair:
        if value is None or (isinstance(value, Mapping) and not value):
            return None, None
        if isinstance(value, Mapping):
            if not any(name in value for name in _NAMES):
                return self._read_by_name(value)
            return self._read_columns(value, self.num_rows, 'row {}'.format)
        values: Sequence[Any] = value if isinstance(value, list) else list(np.atleast_1d(value))
        if len(values) and isinstance(values[0], Mapping):
            if len(values) != self.num_rows:
                raise self._fault(f'has {len(values)} cameras for {self.num_rows} rows')
            return self._read_list(values, 'row {}'.format)
        return self._read_columns(dict(K=value), self.num_rows, 'row {}'.format)

    def _read_by_name(self, cameras: Mapping[Any, Any]) -> _Pair:
        names = list(cameras)
        found = self._read_list(list(cameras.values()), lambda i: f'camera {names[i]}')
        chosen = self._choose(names)
        return tuple(None if values is None else values[chosen] for values in found)  # type: ignore[return-value]

    def _choose(self, names: list[Any]) -> np.ndarray:
        """Return the camera of each row, (N,): the one whose names all occur in the image path."""
        words = [_words('_'.join(map(str, name)) if isinstance(name, tuple) else str(name)) for name in names]
        known = frozenset().union(*words)
        seen: dict[frozenset[str], int] = {}
        chosen = np.empty(self.num_rows, np.int64)
        for row, path in enumerate(self.human_data['image_path']):
            found = _words(str(path)) & known
            if found not in seen:
                fitting = [i for i, parts in enumerate(words) if parts <= found]
                if len(fitting) != 1:
                    raise self._fault(
                        f'has {len(fitting)} cameras, expected 1, whose name occurs in the '
                        f'image path of row {row}, {path!s}; it names {names[:4]}'
                    )
                seen[found] = fitting[0]
            chosen[row] = seen[found]
        return chosen

    def _read_list(self, cameras: Sequence[Any], where: Callable[[int], str]) -> _Pair:
        first = cameras[0]
        names = [name for name in _NAMES if isinstance(first, Mapping) and name in first]
        for i, camera in enumerate(cameras):
            if not names or not isinstance(camera, Mapping) or not all(name in camera for name in names):
                raise self._fault(
                    f'of {where(i)} has none of {", ".join(_NAMES)}'
                    if not names
                    else f'of {where(i)} lacks {", ".join(names)}, which the first has'
                )
        columns = {name: [camera[name] for camera in cameras] for name in names}
        columns['in_ndc'] = [camera.get('in_ndc', False) for camera in cameras]
        return self._read_columns(columns, len(cameras), where)

    def _read_columns(self, columns: Mapping[str, Any], num: int, where: Callable[[int], str]) -> _Pair:
        if np.any(columns.get('in_ndc', False)):
            raise self._fault('is in normalized device coordinates (in_ndc), expected pixels')
        focal_length, principal_point = (
            next((self._pairs(columns[name], name, num, where) for name in names if name in columns), None)
            for names in (_FOCAL_LENGTHS, _PRINCIPAL_POINTS)
        )
        matrix = next((name for name in _MATRICES if name in columns), None)
        if matrix is not None and (focal_length is None or principal_point is None):
            matrices = self._matrices(columns[matrix], matrix, num, where)
            if focal_length is None:
                focal_length = matrices[:, (0, 1), (0, 1)]
            if principal_point is None:
                principal_point = matrices[:, :2, 2].copy()
        return focal_length, principal_point

    def _pairs(self, values: Any, name: str, num: int, where: Callable[[int], str]) -> np.ndarray:
        """Return (N, 2) from one or two numbers per row, or for all rows."""
        array = self._array(values, name, num, where, ((), (2,), (1,), (1, 2), (2, 1)))
        return np.broadcast_to(array.reshape(len(array), -1), (num, 2)).copy()

    def _matrices(self, values: Any, name: str, num: int, where: Callable[[int], str]) -> np.ndarray:
        """Return (N, 3, 3), the upper two rows of which are those of intrinsic matrices."""
        matrices = self._array(values, name, num, where, ((3, 3), (4, 4), (1, 3, 3), (1, 4, 4)))
        size = matrices.shape[-1]
        matrices = matrices.reshape(-1, size, size)
        # 4 x 4 matrices have two forms: PyTorch3D's, used by MMHuman3D's cameras, swaps the last two rows.
        lasts = (np.eye(3)[2:],) if size == 3 else (np.eye(4)[2:], np.eye(4)[[3, 2]])
        right = np.any([(np.abs(matrices[:, 2:] - last) <= 1e-6).all((1, 2)) for last in lasts], axis=0)
        right &= np.abs(matrices[:, 1, 0]) <= 1e-6
        if not right.all():
            i = int(np.flatnonzero(~right)[0])
            raise self._fault(
                f'of {where(i)}: {name} {matrices[i].tolist()} is no intrinsic matrix '
                '((fx, s, cx), (0, fy, cy), (0, 0, 1))'
            )
        return np.broadcast_to(matrices[:, :3, :3], (num, 3, 3))

    def _array(
        self, values: Any, name: str, num: int, where: Callable[[int], str], shapes: Sequence[tuple[int, ...]]
    ) -> np.ndarray:
        """Return numbers of one of the shapes per row, (N, ...), or for all rows, (1, ...)."""
        array = _numbers(values)
        if array is not None and array.shape in {(num, *one) for one in shapes}:
            return array
        if array is not None and array.shape in shapes:
            return array[None]
        wanted = f'expected {shapes[0]} or {shapes[1]} for each'
        rows = values if isinstance(values, list | tuple) or np.ndim(array) else ()  # type: ignore[arg-type]
        for i, value in enumerate(rows if len(rows) == num else ()):
            found = _numbers(value)
            if found is None or found.shape not in shapes:
                raise self._fault(f'of {where(i)}: {name} is {value!s:.80}, {wanted}')
        shape = None if array is None else array.shape
        raise self._fault(f'has {name} of shape {shape} for {num} rows, {wanted}')

    def _fault(self, what: str) -> ValueError:
        return ValueError(f'{self.place} {what}. {_REMEDY}')


def _numbers(values: Any) -> np.ndarray | None:
    """Convert to float64; None for what is not an array of numbers."""
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        return None


def _words(text: str) -> frozenset[str]:
    return frozenset(re.split(r'[^0-9A-Za-z]+', text))
