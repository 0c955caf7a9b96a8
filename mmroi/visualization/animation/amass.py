"""Write a motion in the layout of AMASS (Mahmood et al., ICCV 2019)."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.fileio.npz_io import write_npz
from mmroi.visualization.animation.clips import Clip
from mmroi.visualization.animation.rig import Rig

# AMASS's world, z up: x right, y away from the camera.
Z_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
BODY = 22  # joints that SMPL and SMPL+H share
_POSE, _BETAS, _DMPLS = 156, 16, 8  # sizes in AMASS, whose body is SMPL+H


def write_amass(path: str | Path, clip: Clip, rig: Rig, gender: str = 'neutral') -> None:
    """Write an npz file.

    It has ``poses`` (T, 156), axis-angle of SMPL+H: the root, 21 body joints, zeros for the fingers;
    ``trans`` (T, 3) meters, SMPL's ``transl``; ``betas`` (16,), padded by zeros; ``dmpls``
    (T, 8), zeros; ``gender`` and ``mocap_framerate``; beyond AMASS the name of the ``body_model``. All
    numbers are float64. The world is z up. SMPL's rotations of the hands have no place in this layout.

    Args:
        path: File to write.
        clip: The motion.
        rig: Body of the shape ``clip.betas``.
        gender: Of the body model.
    """
    rotations, root = clip.turned(Z_UP)
    poses = np.zeros((len(clip), _POSE))
    body = Rotation.from_matrix(rotations[:, :BODY].reshape(-1, 3, 3)).as_rotvec()
    poses[:, : 3 * BODY] = body.reshape(len(clip), -1)
    betas = np.zeros(_BETAS)
    betas[: len(clip.betas)] = clip.betas[:_BETAS]
    write_npz(
        path,
        dict(
            poses=poses,
            betas=betas,
            trans=root - rig.joints[0],
            dmpls=np.zeros((len(clip), _DMPLS)),
            mocap_framerate=np.float64(clip.fps),
            gender=np.array(gender),
            body_model=np.array(rig.body_model),
        ),
    )
