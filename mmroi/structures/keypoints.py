"""Keypoint conventions: look-up, conversion by joint name, left/right exchange."""

from __future__ import annotations

import numpy as np

from mmroi.structures.keypoint_names import (
    COCO_17,
    H36M_17,
    HUMAN_DATA_190,
    LSP_14,
    MPI_INF_3DHP_28,
    MPI_INF_3DHP_TEST_17,
    MPII_16,
    OPENPOSE_25,
    PW3D_18,
    SMPL_24,
    SMPL_54,
    SPIN_24,
    SPIN_49,
)

CONVENTIONS: dict[str, tuple[str, ...]] = {
    'smpl': SMPL_24,
    'smpl_24': SPIN_24,  # MMHuman3D's name for it; not the 24 joints of SMPL's skeleton
    'smpl_45': SMPL_54[:45],
    'smpl_49': SPIN_49,
    'smpl_54': SMPL_54,
    'h36m': H36M_17,
    'mpi_inf_3dhp': MPI_INF_3DHP_28,
    'mpi_inf_3dhp_test': MPI_INF_3DHP_TEST_17,
    'coco': COCO_17,
    'mpii': MPII_16,
    'lsp': LSP_14,
    'pw3d': PW3D_18,
    'openpose_25': OPENPOSE_25,
    'human_data': HUMAN_DATA_190,
}
"""Joint names by convention, named as in MMHuman3D."""

SMPL_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
"""Parent of each SMPL joint in the kinematic tree."""

H36M_TO_J14 = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
"""The 14 LSP joints that 3DPW and Human3.6M are evaluated on, as rows of the 17."""


def get_convention(name: str) -> tuple[str, ...]:
    """Look up the joint names of a convention, in order.

    Args:
        name: A key of ``CONVENTIONS``.

    Returns:
        tuple[str, ...]: One name per joint.

    Raises:
        ValueError: The convention is unknown.
    """
    if name not in tuple(CONVENTIONS):  # a list is no key
        raise ValueError(f'unknown keypoint convention {name!r}; known: {", ".join(sorted(CONVENTIONS))}')
    return CONVENTIONS[name]


def flip_indices(convention: str) -> tuple[int, ...]:
    """Compute the permutation that swaps left and right joints, for ``keypoints[..., indices, :]``.

    Args:
        convention: A key of ``CONVENTIONS``.

    Returns:
        tuple[int, ...]: One index per joint; an involution.

    Raises:
        ValueError: The convention is unknown.
    """
    names = get_convention(convention)
    other = {'left': 'right', 'right': 'left'}
    index = {name: i for i, name in enumerate(names)}
    partners = []
    for name in names:
        side, _, rest = name.partition('_')
        partners.append(index[f'{other[side]}_{rest}' if side in other else name])
    return tuple(partners)


def convert_keypoints(keypoints: np.ndarray, src: str, dst: str) -> tuple[np.ndarray, np.ndarray]:
    """Reorder keypoints from one convention to another by joint name.

    Args:
        keypoints: (..., K_src, D), coordinates and possibly a confidence.
        src: Convention of ``keypoints``.
        dst: Convention of the result.

    Returns:
        tuple[np.ndarray, np.ndarray]: keypoints (..., K_dst, D) of the same dtype, zero where ``src`` has no
        joint of that name, and the mask (K_dst,) bool of the joints that it has.

    Raises:
        ValueError: A convention is unknown, or K_src is not its number of joints.
    """
    src_names, dst_names = get_convention(src), get_convention(dst)
    if keypoints.ndim < 2 or keypoints.shape[-2] != len(src_names):
        raise ValueError(f'{src} keypoints must have shape (..., {len(src_names)}, D), got {keypoints.shape}')
    source = {name: i for i, name in enumerate(src_names)}
    mask = np.array([name in source for name in dst_names])
    converted = np.zeros((*keypoints.shape[:-2], len(dst_names), keypoints.shape[-1]), dtype=keypoints.dtype)
    converted[..., mask, :] = keypoints[..., [source[name] for name in dst_names if name in source], :]
    return converted, mask
