"""Draw skeletons of ``smpl_54`` keypoints: sides by color, confidence by saturation."""

import numpy as np

from mmroi.structures import SMPL_24, SMPL_54, SMPL_PARENTS
from mmroi.visualization.drawing import disc, line

# BGR: the person's left is orange, the right blue, so that swapped sides are visible.
LEFT, RIGHT, MIDDLE = (40, 150, 255), (255, 150, 40), (110, 230, 110)
FAINT = np.array((150.0, 150.0, 150.0))
RESIDUAL = (90, 60, 255)


def _edges(*chains: str) -> list[tuple[int, int]]:
    """Return pairs of neighbors in chains of names; ``side_`` stands for both sides."""
    pairs = []
    for chain in chains:
        for side in ('left_', 'right_') if 'side_' in chain else ('',):
            joints = [SMPL_54.index(name) for name in chain.replace('side_', side).split()]
            pairs += list(zip(joints[:-1], joints[1:], strict=True))
    return pairs


_TREE = [(SMPL_PARENTS[i], i) for i in range(1, len(SMPL_24))]
# For annotations without SMPL's skeleton: no spine, and hips on the surface, as annotators mark them.
_MARKED = _edges(
    'side_shoulder side_elbow side_wrist',
    'side_shoulder side_hip_extra side_knee side_ankle',
    'left_shoulder right_shoulder',
    'left_hip_extra right_hip_extra',
    'neck_extra headtop',
    'neck_extra head_extra',  # of Human3.6M and MPI-INF-3DHP
    'side_ear side_eye nose',
)


def skeleton_edges(confidence: np.ndarray) -> list[tuple[int, int]]:
    """Return the bones between the known joints of a person.

    Args:
        confidence: (54,); 0 where the joint is unknown.

    Returns:
        Pairs of known joints: from SMPL's kinematic tree if one of its hips is known, else from the limbs
        between annotated joints.
    """
    hips = [SMPL_54.index('left_hip'), SMPL_54.index('right_hip')]
    edges = _TREE if (confidence[hips] > 0).any() else _MARKED
    return [(a, b) for a, b in edges if confidence[a] > 0 and confidence[b] > 0]


def draw_keypoints(image: np.ndarray, keypoints: np.ndarray, radius: float = 3.0) -> np.ndarray:
    """Draw the known joints of a person and the bones between them.

    Joints on bones are discs, others are dots. Discs with a confidence below 0.5 become rings, and colors
    fade to gray as the confidence decreases.

    Args:
        image: BGR image, (H, W, 3) uint8; not modified.
        keypoints: (54, 3) x, y in pixels (centers at integers) and confidence; joints with 0 are not drawn.
        radius: Radius of a joint, pixels.

    Returns:
        A new image, (H, W, 3) uint8.
    """
    image = image.copy()
    confidence = np.clip(keypoints[:, 2], 0, 1)
    edges = skeleton_edges(confidence)
    for a, b in edges:
        line(image, keypoints[a], keypoints[b], _color(b, min(confidence[a], confidence[b])), radius * 0.6)
    on_bones = {joint for edge in edges for joint in edge}
    for joint in np.flatnonzero(confidence > 0).tolist():
        size = radius if joint in on_bones else radius * 0.5
        sure = confidence[joint] >= 0.5 or joint not in on_bones
        disc(image, keypoints[joint], size, _color(joint, confidence[joint]), width=0 if sure else 1)
    return image


def _color(joint: int, confidence: float) -> tuple[int, ...]:
    name = SMPL_54[joint]
    color = LEFT if name.startswith('left') else RIGHT if name.startswith('right') else MIDDLE
    return tuple(np.rint(confidence * np.array(color) + (1 - confidence) * FAINT).astype(int).tolist())
