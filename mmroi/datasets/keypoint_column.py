"""Keypoints of a file in the project's convention."""

import numpy as np

from mmroi.fileio.human_data import HumanData
from mmroi.structures import CONVENTIONS, convert_keypoints, get_convention

_JAW, _HEAD, _TOP = (
    get_convention('human_data').index(name) for name in ('jaw_extra', 'head_extra', 'headtop')
)

# Joints of Human3.6M and of MPI-INF-3DHP under MMHuman3D's names, as indices into its 190.
_THEIR_NAMES = dict(jaw_extra='head_extra', head_extra='headtop')
_JOINTS_OF_MMHUMAN3D = {
    frozenset(get_convention('human_data').index(_THEIR_NAMES.get(n, n)) for n in get_convention(one))
    for one in ('h36m', 'mpi_inf_3dhp', 'mpi_inf_3dhp_test')
}


class KeypointColumn:
    """The keypoints of a file, mapped to smpl_54 by joint name, a row at a time.

    Args:
        human_data: The file.
        key: ``keypoints2d`` or ``keypoints3d``; may be missing.
        dim: D, 3 or 4, confidence last.

    Raises:
        KeyError: The file does not say in which convention the keypoints are, and they are not 190.
        ValueError: The convention is unknown, or its number of joints is not the array's.
    """

    def __init__(self, human_data: HumanData, key: str, dim: int) -> None:
        self.values = None
        self.dim = dim
        if key not in human_data:
            return
        values = human_data.raw(key)
        mask = human_data.get(f'{key}_mask')
        convention = _convention(human_data, key, values.shape[1] if mask is None else len(mask))
        num_joints = len(get_convention(convention))
        present = np.ones(num_joints, bool) if mask is None else np.asarray(mask) == 1
        stored = present.sum() if human_data.keypoints_compressed else num_joints
        if len(present) != num_joints or values.shape[1] != stored:
            raise ValueError(
                f'{human_data.source}: {key!r} has {values.shape[1]} joints and a mask of '
                f'{len(present)}, expected {stored} and {num_joints} of convention '
                f"{convention!r}. Correct '{key}_convention' or convert the dataset again"
            )
        # Where each joint of the convention is stored: compressed files keep only the joints of the mask.
        column = np.cumsum(present) - 1 if human_data.keypoints_compressed else np.arange(num_joints)
        column = np.where(present, column, -1)
        if convention == 'human_data':
            column = _name_points_of_the_head(column)
        source, named = convert_keypoints(column[:, None], convention, 'smpl_54')
        self.target = np.flatnonzero(named & (source[:, 0] >= 0))
        self.source = source[self.target, 0]
        self.values = values

    def row(self, row: int) -> np.ndarray:
        """One row.

        Args:
            row: Row of the file.

        Returns:
            np.ndarray: (54, D) float32, zero where there is no confidence.
        """
        keypoints = np.zeros((54, self.dim), np.float32)
        if self.values is not None:
            keypoints[self.target] = self.values[row][self.source]
            keypoints[keypoints[:, -1] <= 0] = 0
        return keypoints

    def confidences(self, rows: np.ndarray) -> np.ndarray:
        """Confidences of many rows.

        Args:
            rows: (R,) rows of the file.

        Returns:
            np.ndarray: (R, 54) float32, none below zero.
        """
        found = np.zeros((len(rows), 54), np.float32)
        if self.values is not None:
            found[:, self.target] = np.maximum(self.values[rows, :, -1][:, self.source], 0)
        return found

    def joint(self, joint: int, rows: np.ndarray) -> np.ndarray:
        """One joint of many rows.

        Args:
            joint: Index in smpl_54.
            rows: (R,) rows of the file.

        Returns:
            np.ndarray: (R, D); zero if the file lacks the joint.
        """
        if self.values is None or joint not in self.target:
            return np.zeros((len(rows), self.dim))
        return np.asarray(self.values[rows, self.source[self.target == joint][0]])

    def stored(self, rows: np.ndarray) -> np.ndarray:
        """Return the joints that the file has, in its own order.

        Args:
            rows: (R,) rows of the file; the file must have the key.

        Returns:
            (R, K, D), K joints of smpl_54.
        """
        assert self.values is not None
        return np.asarray(self.values[rows])[:, self.source]


def _convention(human_data: HumanData, key: str, num_joints: int) -> str:
    """The convention of some keypoints; old files of MMHuman3D leave out that it is ``human_data``."""
    if f'{key}_convention' not in human_data and num_joints == len(get_convention('human_data')):
        return 'human_data'
    human_data.require([f'{key}_convention'])
    convention = human_data[f'{key}_convention']
    if convention not in CONVENTIONS:
        raise ValueError(
            f"{human_data.source}: '{key}_convention' is {convention!r}, known are "
            f'{", ".join(CONVENTIONS)}. Correct it or convert the dataset again'
        )
    return convention


def _name_points_of_the_head(column: np.ndarray) -> np.ndarray:
    """Give Human3.6M's and MPI-INF-3DHP's two points of the head the names that they have here.

    MMHuman3D's files of these sets call them ``head_extra`` and ``headtop``; they are told by their joints,
    which are exactly those of the set. In other files every joint is what its name says.

    Args:
        column: (190,) where each joint of ``human_data`` is stored, -1 for those that are not.

    Returns:
        np.ndarray: (190,).
    """
    if frozenset(np.flatnonzero(column >= 0).tolist()) in _JOINTS_OF_MMHUMAN3D:
        column[[_JAW, _HEAD, _TOP]] = column[_HEAD], column[_TOP], -1
    return column
