"""Joint names of the keypoint conventions, spelled as in MMHuman3D, whose files therefore load unchanged.

One exception: the two points of the head in Human3.6M and MPI-INF-3DHP. They are SPIN's "Jaw (H36M)" and
"Head (H36M)", the last two rows of J_regressor_extra.npy: ``jaw_extra`` and ``head_extra``. MMHuman3D calls
them ``head_extra`` and ``headtop``, which are other points in its files that come from SPIN's joints;
``headtop`` is the top of the head as annotated in images (LSP, MPII).
"""

from __future__ import annotations

SMPL_24 = (
    'pelvis',
    'left_hip',
    'right_hip',
    'spine_1',
    'left_knee',
    'right_knee',
    'spine_2',
    'left_ankle',
    'right_ankle',
    'spine_3',
    'left_foot',
    'right_foot',
    'neck',
    'left_collar',
    'right_collar',
    'head',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hand',
    'right_hand',
)

# Points of the surface that follow the joints, in this order, as in every tool made for SMPL.
SMPL_VERTEX_IDS = {
    'nose': 332,
    'right_eye': 6260,
    'left_eye': 2800,
    'right_ear': 4071,
    'left_ear': 583,
    'left_bigtoe': 3216,
    'left_smalltoe': 3226,
    'left_heel': 3387,
    'right_bigtoe': 6617,
    'right_smalltoe': 6624,
    'right_heel': 6787,
    'left_thumb': 2746,
    'left_index': 2319,
    'left_middle': 2445,
    'left_ring': 2556,
    'left_pinky': 2673,
    'right_thumb': 6191,
    'right_index': 5782,
    'right_middle': 5905,
    'right_ring': 6016,
    'right_pinky': 6133,
}
"""Vertex of SMPL's mesh for each of the 21 points."""

# Rows of J_regressor_extra.npy: LSP (4), MPII (2), Human3.6M (3).
_REGRESSED_EXTRA = (
    'right_hip_extra',
    'left_hip_extra',
    'neck_extra',
    'headtop',
    'pelvis_extra',
    'thorax_extra',
    'spine_extra',
    'jaw_extra',
    'head_extra',
)

SMPL_54 = SMPL_24 + tuple(SMPL_VERTEX_IDS) + _REGRESSED_EXTRA

# Rows of J_regressor_h36m.npy. Left leg first: H36M_TO_J14 reads the right ankle from row 6.
H36M_17 = (
    'pelvis_extra',
    'left_hip_extra',
    'left_knee',
    'left_ankle',
    'right_hip_extra',
    'right_knee',
    'right_ankle',
    'spine_extra',
    'neck_extra',
    'jaw_extra',
    'head_extra',
    'left_shoulder',
    'left_elbow',
    'left_wrist',
    'right_shoulder',
    'right_elbow',
    'right_wrist',
)

# SPIN's 24 "ground-truth" joints (the second part of its 49), which carry weight in the keypoint losses.
SPIN_24 = (
    'right_ankle',
    'right_knee',
    'right_hip_extra',
    'left_hip_extra',
    'left_knee',
    'left_ankle',
    'right_wrist',
    'right_elbow',
    'right_shoulder',
    'left_shoulder',
    'left_elbow',
    'left_wrist',
    'neck_extra',
    'headtop',
    'pelvis_extra',
    'thorax_extra',
    'spine_extra',
    'jaw_extra',
    'head_extra',
    'nose',
    'left_eye',
    'right_eye',
    'left_ear',
    'right_ear',
)

COCO_17 = (
    'nose',
    'left_eye',
    'right_eye',
    'left_ear',
    'right_ear',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hip_extra',
    'right_hip_extra',
    'left_knee',
    'right_knee',
    'left_ankle',
    'right_ankle',
)


LSP_14 = SPIN_24[:14]

MPII_16 = (
    *SPIN_24[:6],
    'pelvis_extra',
    'thorax_extra',
    'neck_extra',
    'headtop',
    'right_wrist',
    'right_elbow',
    'right_shoulder',
    'left_shoulder',
    'left_elbow',
    'left_wrist',
)

# 2D joints of 3DPW: OpenPose's 18 of COCO.
PW3D_18 = (
    'nose',
    'neck_extra',
    'right_shoulder',
    'right_elbow',
    'right_wrist',
    'left_shoulder',
    'left_elbow',
    'left_wrist',
    'right_hip_extra',
    'right_knee',
    'right_ankle',
    'left_hip_extra',
    'left_knee',
    'left_ankle',
    'right_eye',
    'left_eye',
    'right_ear',
    'left_ear',
)

# Order of annot2 and annot3 in the training set's annot.mat.
MPI_INF_3DHP_28 = (
    'spine_3',
    'spine_4_3dhp',
    'spine_2',
    'spine_extra',
    'pelvis_extra',
    'neck_extra',
    'jaw_extra',
    'head_extra',
    *(f'left_{part}' for part in ('clavicle_3dhp', 'shoulder', 'elbow', 'wrist', 'hand_3dhp')),
    *(f'right_{part}' for part in ('clavicle_3dhp', 'shoulder', 'elbow', 'wrist', 'hand_3dhp')),
    *(f'left_{part}' for part in ('hip_extra', 'knee', 'ankle', 'foot', 'toe_3dhp')),
    *(f'right_{part}' for part in ('hip_extra', 'knee', 'ankle', 'foot', 'toe_3dhp')),
)

# Order of the test set's annot_data.mat; the pelvis is joint 14.
MPI_INF_3DHP_TEST_17 = (
    'head_extra',
    'neck_extra',
    'right_shoulder',
    'right_elbow',
    'right_wrist',
    'left_shoulder',
    'left_elbow',
    'left_wrist',
    'right_hip_extra',
    'right_knee',
    'right_ankle',
    'left_hip_extra',
    'left_knee',
    'left_ankle',
    'pelvis_extra',
    'spine_extra',
    'jaw_extra',
)


def _numbered(prefix: str, *numbers: int) -> list[str]:
    return [f'{prefix}_{n}' for n in numbers]


_HANDS = [
    name
    for side in ('left', 'right')
    for finger in ('index', 'middle', 'pinky', 'ring', 'thumb')
    for name in _numbered(f'{side}_{finger}', 1, 2, 3)
]

_FACE = [
    *_numbered('right_eyebrow', 1, 2, 3, 4, 5),
    *_numbered('left_eyebrow', 5, 4, 3, 2, 1),
    *_numbered('nosebridge', 1, 2, 3, 4),
    'right_nose_2',
    'right_nose_1',
    'nose_middle',
    'left_nose_1',
    'left_nose_2',
    *_numbered('right_eye', 1, 2, 3, 4, 5, 6),
    *_numbered('left_eye', 4, 3, 2, 1, 6, 5),
    *_numbered('right_mouth', 1, 2, 3),
    'mouth_top',
    *_numbered('left_mouth', 3, 2, 1, 5, 4),
    'mouth_bottom',
    *_numbered('right_mouth', 4, 5),
    'right_lip_1',
    'right_lip_2',
    'lip_top',
    'left_lip_2',
    'left_lip_1',
    'left_lip_3',
    'lip_bottom',
    'right_lip_3',
    *_numbered('right_contour', *range(1, 9)),
    'contour_middle',
    *_numbered('left_contour', *range(8, 0, -1)),
]

OPENPOSE_25 = tuple(
    f'{name}_openpose'
    for name in (
        'nose',
        'neck',
        'right_shoulder',
        'right_elbow',
        'right_wrist',
        'left_shoulder',
        'left_elbow',
        'left_wrist',
        'pelvis',
        'right_hip',
        'right_knee',
        'right_ankle',
        'left_hip',
        'left_knee',
        'left_ankle',
        'right_eye',
        'left_eye',
        'right_ear',
        'left_ear',
        'left_bigtoe',
        'left_smalltoe',
        'left_heel',
        'right_bigtoe',
        'right_smalltoe',
        'right_heel',
    )
)

SPIN_49 = OPENPOSE_25 + SPIN_24

# The union of all conventions, in the order of MMHuman3D's HumanData files.
HUMAN_DATA_190 = (
    *SMPL_24[:22],
    'jaw',
    'left_eyeball',
    'right_eyeball',
    *_HANDS,
    *SMPL_VERTEX_IDS,
    *_FACE,
    *_REGRESSED_EXTRA,
    *OPENPOSE_25,
    'spine_4_3dhp',
    'left_clavicle_3dhp',
    'right_clavicle_3dhp',
    'left_hand_3dhp',
    'right_hand_3dhp',
    'left_toe_3dhp',
    'right_toe_3dhp',
    'head_h36m',
    'headtop_h36m',
    'head_bottom_pt',
    'left_hand',
    'right_hand',
)
