"""Rows of a HumanData file as dictionaries, created on access."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

import numpy as np

from mmroi.body_models import normalize_gender
from mmroi.datasets.boxes import make_upright
from mmroi.datasets.camera_params import read_cameras
from mmroi.datasets.derived_keypoints import DerivedKeypoints
from mmroi.datasets.keypoint_column import KeypointColumn, take_rows
from mmroi.datasets.row_checks import SMPL_KEYS, find_duplicates, find_faults
from mmroi.fileio.human_data import HumanData

_CHUNK = 8192
# Linux maps up to 512 kB around each page that is read. Rows in random order would soon map the whole file,
# which counts as memory of this process, although all processes share it.
_ROWS_UNTIL_RELEASE = 16


class PersonRows(Sequence[dict[str, Any]]):
    """View of some rows of a file: the arrays of the file and one index per row, no dictionaries.

    The arrays are memory-mapped, or read once before the loader forks, so all workers share them.

    Args:
        human_data: The file.
        dataset_name: Copied into every row.
        derived: Computes the keypoints that rows lack; None leaves them zero.
        crop_boxes: Read square boxes as the 3:4 boxes of the same height.

    Raises:
        KeyError: The file has no image paths or boxes.
        ValueError: An array has the wrong shape, or the keypoint convention is unknown.
    """

    def __init__(
        self,
        human_data: HumanData,
        dataset_name: str,
        derived: DerivedKeypoints | None = None,
        crop_boxes: bool = False,
    ) -> None:
        human_data.require(('image_path', 'bbox_xywh'))
        self.human_data = human_data
        self.dataset_name = dataset_name
        self.derived = derived
        self.crop_boxes = crop_boxes
        self.indices = np.arange(human_data.data_len)
        self._num_read = 0
        self._columns: _Columns | None = _Columns(human_data, derived, crop_boxes)

    @property
    def columns(self) -> '_Columns':
        """Arrays of the file."""
        if self._columns is None:
            self._columns = _Columns(self.human_data, self.derived, self.crop_boxes)
        return self._columns

    def __len__(self) -> int:
        """Return the number of rows in the view."""
        return len(self.indices)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice | np.ndarray) -> 'PersonRows': ...

    def __getitem__(self, index: Any) -> Any:
        """Return a row as a dictionary, or a narrower view for a slice or an array of indices."""
        if isinstance(index, slice | np.ndarray):
            view = object.__new__(PersonRows)
            view.__dict__.update(self.__dict__, indices=self.indices[index])
            return view
        row = int(self.indices[index])
        self.human_data.check_unchanged()
        self._num_read += 1
        if self._num_read % _ROWS_UNTIL_RELEASE == 0:
            self.human_data.release()
        return {**self.columns.row(row), 'dataset_name': self.dataset_name, 'row': row}

    def image_paths(self) -> list[str]:
        """Return the path of each row's image as it is in the file."""
        return [str(path) for path in np.asarray(self.columns.image_path)[self.indices]]

    def find_faults(self) -> np.ndarray:
        """Check boxes, labels and cameras.

        Returns:
            (len(self),) uint8, 0 for good rows, otherwise a fault code; see ``row_checks``.
        """
        return np.concatenate(list(self._in_chunks(lambda rows: find_faults(self.columns.checked(rows)))))

    def find_derived(self) -> np.ndarray:
        """Find rows whose keypoints or root position are computed from the body.

        Returns:
            (len(self), 3) bool: 2D keypoints, 3D keypoints, root position.
        """
        return np.concatenate(list(self._in_chunks(self.columns.find_derived)))

    def label_confidences(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Report which labels the rows have; see ``HumanImageDataset.label_confidences``.

        Yields:
            Confidences of the 2D and of the 3D keypoints of R rows, (R, 54) each, and has_smpl, (R,) bool.
        """
        return self._in_chunks(self.columns.label_confidences)

    def _in_chunks(self, look: Callable[[np.ndarray], Any]) -> Iterator[Any]:
        for chunk in np.split(self.indices, range(_CHUNK, len(self), _CHUNK)):
            self.human_data.check_unchanged()
            yield look(chunk)
            self.human_data.release()  # otherwise the whole file would count as memory of this process

    def find_duplicates(self) -> np.ndarray:
        """Find rows with the image and the box of an earlier row of the view.

        Returns:
            (len(self),) bool.
        """
        columns, indices = self.columns, self.indices
        boxes = take_rows(columns.bbox, indices)[:, :4]
        return find_duplicates(boxes, lambda i: str(columns.image_path[indices[i]]))

    def __deepcopy__(self, memo: dict[int, Any]) -> 'PersonRows':
        """Return a view of the same arrays, which are never modified."""
        return self[:]

    def __getstate__(self) -> dict[str, Any]:
        # A spawned worker reads the file itself instead of receiving its arrays through a pipe.
        return {**self.__dict__, '_columns': None}


class _Columns:
    """Arrays of a file, with keypoints mapped to smpl_54."""

    def __init__(self, human_data: HumanData, derived: DerivedKeypoints | None, crop_boxes: bool) -> None:
        self.derived = derived
        self.image_path = human_data['image_path']
        boxes = human_data['bbox_xywh']
        self.bbox = make_upright(boxes) if crop_boxes else boxes
        self.keypoints2d = KeypointColumn(human_data, 'keypoints2d', 3)
        self.keypoints3d = KeypointColumn(human_data, 'keypoints3d', 4)
        smpl = human_data['smpl'] if 'smpl' in human_data else {}
        self.smpl = {name: np.asanyarray(smpl[name]) for name in SMPL_KEYS if name in smpl}
        self.has_smpl = _flags(human_data, 'has_smpl') if 'has_smpl' in human_data else None
        missing = set(SMPL_KEYS[:3]) - set(self.smpl)
        if self.smpl and missing:
            raise KeyError(f"{human_data.source}: 'smpl' lacks {sorted(missing)}. Convert the dataset again")
        self.gender = _genders(human_data)
        self.action = human_data.per_row('meta', 'action', np.str_)
        self.cameras = read_cameras(human_data)

    def row(self, row: int) -> dict[str, Any]:
        bbox = np.array(self.bbox[row], np.float64)
        keypoints2d, keypoints3d = self.keypoints2d.row(row), self.keypoints3d.row(row)
        has_smpl = bool(self.smpl) and (self.has_smpl is None or bool(self.has_smpl[row]))
        has_transl = has_smpl and bool(self._has_transl(row, keypoints3d[0]))
        focal_length, principal_point = self.cameras.row(row)
        sample = dict(
            img_path=str(self.image_path[row]),
            bbox_xywh=bbox[:4],
            bbox_score=float(bbox[4]),
            keypoints2d=keypoints2d,
            keypoints3d=keypoints3d,
            global_orient=self._smpl('global_orient', row, has_smpl, (3,)),
            body_pose=self._smpl('body_pose', row, has_smpl, (23, 3)),
            betas=self._smpl('betas', row, has_smpl, (10,)),
            pelvis=keypoints3d[0, :3] if has_transl else np.zeros(3, np.float32),
            focal_length=focal_length,
            principal_point=principal_point,
            gender='neutral' if self.gender is None else str(self.gender[row]),
            action='' if self.action is None else str(self.action[row]),
            has_smpl=has_smpl,
            has_keypoints2d=bool((keypoints2d[:, 2] > 0).any()),
            has_keypoints3d=bool((keypoints3d[:, 3] > 0).any()),
            has_transl=has_transl,
        )
        if self.derived is not None and has_smpl and 'transl' in self.smpl:
            self.derived.complete(sample, self.smpl['transl'][row])
        return sample

    def label_confidences(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        confidences = self.keypoints2d.confidences(rows), self.keypoints3d.confidences(rows)
        labeled = self._labeled(rows)
        if self.derived is not None and 'transl' in self.smpl:
            for values, derivable in zip(confidences, (self.cameras.known, True), strict=True):
                values[labeled & derivable & ~values.any(1)] = 1
        return *confidences, labeled.copy()

    @property
    def flags_without_smpl(self) -> bool:
        """Whether the file says that rows have SMPL's parameters, but has none."""
        return not self.smpl and self.has_smpl is not None and bool(self.has_smpl.any())

    @property
    def lacks_transl(self) -> bool:
        """Whether the file has neither keypoints nor the translation to compute them."""
        no_keypoints = self.keypoints2d.values is None and self.keypoints3d.values is None
        return no_keypoints and bool(self.smpl) and 'transl' not in self.smpl

    def find_derived(self, rows: np.ndarray) -> np.ndarray:
        found = np.zeros((len(rows), 3), bool)
        if self.derived is not None and 'transl' in self.smpl:
            found[:, 0] = self.cameras.known & ~self.keypoints2d.confidences(rows).any(1)
            found[:, 1] = ~self.keypoints3d.confidences(rows).any(1)
            found[:, 2] = ~self._has_transl(rows, self.keypoints3d.joint(0, rows))
            found &= self._labeled(rows)[:, None]
        return found

    def checked(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Collect what ``find_faults`` checks."""
        arrays = {'bbox_xywh': take_rows(self.bbox, rows)[:, :4], 'has_smpl': self._labeled(rows)}
        for key in ('keypoints2d', 'keypoints3d'):
            column = getattr(self, key)
            if column.values is not None:
                arrays[key] = column.stored(rows)
        arrays.update({key: take_rows(values, rows) for key, values in self.smpl.items()})
        for key in ('focal_length', 'principal_point'):
            values = getattr(self.cameras, key)
            if values is not None:
                arrays[key] = take_rows(values, rows)
        return arrays

    def _labeled(self, rows: np.ndarray) -> np.ndarray:
        known = bool(self.smpl) & (True if self.has_smpl is None else self.has_smpl[rows])
        return np.broadcast_to(known, len(rows))

    def _has_transl(self, rows: np.ndarray | int, pelvis: np.ndarray) -> np.ndarray:
        # ``transl`` is the root position minus its rest position, which depends on the body model.
        # Augmentation needs the position itself, which the keypoints contain, unless the file holds keypoints
        # relative to the root: then the two differ by more than the size of a body.
        if 'transl' not in self.smpl:
            return np.zeros(pelvis.shape[:-1], bool)
        near = np.abs(self.smpl['transl'][rows] - pelvis[..., :3]).max(-1) < 1
        return (pelvis[..., 3] > 0) & near

    def _smpl(self, name: str, row: int, has_smpl: bool, shape: tuple[int, ...]) -> np.ndarray:
        return np.array(self.smpl[name][row], np.float32) if has_smpl else np.zeros(shape, np.float32)


def _genders(human_data: HumanData) -> np.ndarray | None:
    """(N,) strings; numbers and bytes become 'm', 'f' or 'n'."""
    stored = human_data['meta'].get('gender') if 'meta' in human_data else None
    of_text = isinstance(stored, np.ndarray) and stored.dtype.kind == 'U'
    values = human_data.per_row('meta', 'gender', np.str_ if of_text else object)
    if values is None:
        return None
    genders = values
    if not of_text:
        genders = np.array([v if isinstance(v, str) else _letter(v) for v in values], np.str_)
    found = set()
    for chunk in np.split(genders, range(_CHUNK, len(genders), _CHUNK)):
        found.update(chunk.tolist())
    for gender in sorted(found):
        row = int(np.argmax(genders == gender))
        normalize_gender(values[row] if gender == '?' else gender, f'row {row} of {human_data.source}')
    return genders


def _letter(gender: Any) -> str:
    try:
        return normalize_gender(gender)[0]
    except ValueError:
        return '?'


def _flags(human_data: HumanData, key: str) -> np.ndarray:
    """(N,) bool from whole numbers (N,) or (N, 1), such as 0 and 1 or 0 and 255; NaN and None count as False.

    Others are no flags but, for example, confidences, or marks whose meaning is unknown.
    """
    remedy = "Correct it, delete it if all rows have SMPL's parameters, or convert the dataset again"
    stored = human_data[key]
    try:
        values = np.nan_to_num(np.asarray(stored, np.float64), posinf=-1)
    except (TypeError, ValueError):
        raise ValueError(f'{human_data.source}: {key!r} must be 0 or 1 for each row. {remedy}') from None
    if values.size != human_data.data_len:
        raise ValueError(
            f'{human_data.source}: {key!r} has shape {values.shape}, expected '
            f'({human_data.data_len},), one number per row. {remedy}'
        )
    values = values.reshape(-1)
    wrong = np.flatnonzero((values < 0) | (values != np.floor(values)))
    if len(wrong):
        raise ValueError(
            f'{human_data.source}: {key!r} must be 0 or 1 for each row, found '
            f'{np.asarray(stored).reshape(-1)[wrong[0]]} in row {wrong[0]}. {remedy}'
        )
    return values > 0
