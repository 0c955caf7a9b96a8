"""Keypoints of a file in the project's convention."""
import numpy as np

from mmroi.structures import convert_keypoints, get_convention

from .human_data import HumanData


class KeypointColumn:
    """The keypoints of a file, mapped to smpl_54 by joint name, a row at a time.

    Args:
        human_data: The file.
        key: ``keypoints2d`` or ``keypoints3d``; may be missing.
        dim: D, 3 or 4, confidence last.

    Raises:
        KeyError: The file does not say in which convention the keypoints are.
        ValueError: The convention is unknown, or its number of joints is not the array's.
    """

    def __init__(self, human_data: HumanData, key: str, dim: int) -> None:
        self.values = None
        self.dim = dim
        if key not in human_data:
            return
        human_data.require([f'{key}_convention'])
        convention = human_data[f'{key}_convention']
        num_joints = len(get_convention(convention))
        values = human_data.raw(key)
        mask = human_data.get(f'{key}_mask')
        present = np.ones(num_joints, bool) if mask is None else np.asarray(mask) == 1
        stored = present.sum() if human_data.keypoints_compressed else num_joints
        if len(present) != num_joints or values.shape[1] != stored:
            raise ValueError(f'{human_data.source}: {key!r} has {values.shape[1]} joints and a mask of '
                             f'{len(present)}, expected {stored} and {num_joints} of convention '
                             f"{convention!r}. Correct '{key}_convention' or convert the dataset again")
        # Where each joint of the convention is stored: compressed files keep only the joints of the mask.
        column = np.cumsum(present) - 1 if human_data.keypoints_compressed else np.arange(num_joints)
        column = np.where(present, column, -1)
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

    def find_nan(self, rows: np.ndarray) -> np.ndarray:
        """Find rows where a joint that counts is not finite; without confidence it may hold anything.

        Args:
            rows: (R,) rows of the file.

        Returns:
            np.ndarray: (R,) bool.
        """
        if self.values is None:
            return np.zeros(len(rows), bool)
        values = np.asarray(self.values[rows])[:, self.source]
        return find_nan(np.where(values[..., -1:] <= 0, 0, values))


def find_nan(values: np.ndarray) -> np.ndarray:
    """Rows with a number that is not finite.

    Args:
        values: (R, ...).

    Returns:
        np.ndarray: (R,) bool.
    """
    return ~np.isfinite(values.reshape(len(values), -1)).all(1)
