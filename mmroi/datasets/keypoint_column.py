"""Keypoints of a file, mapped to the convention of the project."""

import numpy as np

from mmroi.fileio.human_data import HumanData
from mmroi.structures import CONVENTIONS, convert_keypoints, get_convention

_JAW, _HEAD, _TOP = (
    get_convention('human_data').index(name) for name in ('jaw_extra', 'head_extra', 'headtop')
)

# Joints of Human3.6M and MPI-INF-3DHP under MMHuman3D's names, as indices into its 190 keypoints.
_THEIR_NAMES = dict(jaw_extra='head_extra', head_extra='headtop')
_JOINTS_OF_MMHUMAN3D = {
    frozenset(get_convention('human_data').index(_THEIR_NAMES.get(n, n)) for n in get_convention(one))
    for one in ('h36m', 'mpi_inf_3dhp', 'mpi_inf_3dhp_test')
}


class KeypointColumn:
    """Keypoints of a file, mapped to smpl_54 by joint name, one row at a time.

    Args:
        human_data: The file.
        key: ``keypoints2d`` or ``keypoints3d``; may be missing from the file.
        dim: D, 3 or 4, including the confidence in the last place.

    Raises:
        KeyError: The file does not name the convention, and there are not 190 keypoints.
        ValueError: The convention is unknown, or does not match the number of keypoints.
    """

    def __init__(self, human_data: HumanData, key: str, dim: int) -> None:
        self.values = None
        self.dim = dim
        if key not in human_data:
            return
        values = human_data.raw(key)
        mask = human_data.joint_mask(key)
        convention = _convention(human_data, key, values.shape[1] if mask is None else len(mask))
        num_joints = len(get_convention(convention))
        present = np.ones(num_joints, bool) if mask is None else mask
        stored = present.sum() if human_data.keypoints_compressed else num_joints
        if len(present) != num_joints or values.shape[1] != stored:
            raise ValueError(
                f'{human_data.source}: {key!r} has {values.shape[1]} joints and a mask of '
                f'{len(present)}, expected {stored} and {num_joints} of convention '
                f"{convention!r}. Correct '{key}_convention' or convert the dataset again"
            )
        # Column of each joint of the convention: compressed files store only the joints of the mask.
        column = np.cumsum(present) - 1 if human_data.keypoints_compressed else np.arange(num_joints)
        column = np.where(present, column, -1)
        if convention == 'human_data':
            column = _name_points_of_the_head(column)
        source, named = convert_keypoints(column[:, None], convention, 'smpl_54')
        self.target = np.flatnonzero(named & (source[:, 0] >= 0))
        self.source = source[self.target, 0]
        self.values = values

    def row(self, row: int) -> np.ndarray:
        """Return the keypoints of one row.

        Args:
            row: Row of the file.

        Returns:
            (54, D) float32, zero where the confidence is zero. Confidences are at most 1: COCO's 2, and 255,
            are 1; ``find_faults`` refuses others.
        """
        keypoints = np.zeros((54, self.dim), np.float32)
        if self.values is not None:
            keypoints[self.target] = self.values[row][self.source]
            keypoints[keypoints[:, -1] <= 0] = 0
            keypoints[:, -1] = np.minimum(keypoints[:, -1], 1)
        return keypoints

    def confidences(self, rows: np.ndarray) -> np.ndarray:
        """Return the confidences of R rows.

        Args:
            rows: (R,) rows of the file.

        Returns:
            (R, 54) float32 between 0 and 1.
        """
        found = np.zeros((len(rows), 54), np.float32)
        if self.values is not None:
            found[:, self.target] = np.clip(take_rows(self.values, rows)[:, self.source, -1], 0, 1)
        return found

    def joint(self, joint: int, rows: np.ndarray) -> np.ndarray:
        """Return one joint of R rows.

        Args:
            joint: Index in smpl_54.
            rows: (R,) rows of the file.

        Returns:
            (R, D), zero if the file lacks the joint.
        """
        if self.values is None or joint not in self.target:
            return np.zeros((len(rows), self.dim))
        return np.asarray(self.values[rows, self.source[self.target == joint][0]])

    def stored(self, rows: np.ndarray) -> np.ndarray:
        """Return the joints of smpl_54 that the file has, in any order.

        Args:
            rows: (R,) rows of the file, which must have the key.

        Returns:
            (R, K, D), K joints of smpl_54.
        """
        assert self.values is not None
        values = take_rows(self.values, rows)
        return (
            values if np.array_equal(np.sort(self.source), range(values.shape[1])) else values[:, self.source]
        )


def take_rows(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows of an array: a view of it if they follow one another, as most do.

    Args:
        values: (N, ...).
        rows: (R,) indices.

    Returns:
        (R, ...).
    """
    if len(rows) and (np.diff(rows) == 1).all():
        return values[rows[0] : rows[-1] + 1]
    return values[rows]


def _convention(human_data: HumanData, key: str, num_joints: int) -> str:
    """Return the convention of keypoints; old files of MMHuman3D do not name ``human_data``."""
    if f'{key}_convention' not in human_data and num_joints == len(get_convention('human_data')):
        return 'human_data'
    human_data.require([f'{key}_convention'])
    convention = human_data[f'{key}_convention']
    if not isinstance(convention, str) or convention not in CONVENTIONS:
        raise ValueError(
            f"{human_data.source}: '{key}_convention' is {convention!r}, known are "
            f'{", ".join(CONVENTIONS)}. Correct it or convert the dataset again'
        )
    return convention


def _name_points_of_the_head(column: np.ndarray) -> np.ndarray:
    """Rename the two head points of Human3.6M and MPI-INF-3DHP.

    MMHuman3D's files of these datasets call them ``head_extra`` and ``headtop``, which are other points
    elsewhere. Such files are recognized by their joints, which are exactly those of the dataset.

    Args:
        column: (190,) column in which each joint of ``human_data`` is stored, -1 if it is not.

    Returns:
        (190,) columns under the names of this project.
    """
    if frozenset(np.flatnonzero(column >= 0).tolist()) in _JOINTS_OF_MMHUMAN3D:
        column[[_JAW, _HEAD, _TOP]] = column[_HEAD], column[_TOP], -1
    return column
