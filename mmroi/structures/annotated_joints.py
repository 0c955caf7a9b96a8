"""Names of joints as 2D annotation files spell them: COCO, CrowdPose, AI Challenger, MPII, PoseTrack."""

import re

from mmroi.structures.keypoint_names import SMPL_54

# Hips as annotators mark them are SPIN's ``hip_extra``, not the joints of SMPL's skeleton.
_PAIRED = {
    **{name: name for name in ('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'knee', 'ankle', 'heel')},
    'hip': 'hip_extra',
    'big_toe': 'bigtoe',
    'bigtoe': 'bigtoe',
    'small_toe': 'smalltoe',
    'smalltoe': 'smalltoe',
}
_SINGLE = {
    **dict.fromkeys(('head', 'headtop', 'head_top', 'top_head', 'top_of_head'), 'headtop'),
    **dict.fromkeys(('neck', 'upper_neck', 'head_bottom'), 'neck_extra'),
    **dict.fromkeys(('thorax', 'throax'), 'thorax_extra'),  # MPII files in COCO's format misspell it
    **dict.fromkeys(('pelvis', 'hip'), 'pelvis_extra'),
}
_SIDES = {'l': 'left', 'left': 'left', 'r': 'right', 'right': 'right'}
_RUN_TOGETHER = re.compile(rf'(left|right|l|r)({"|".join(_PAIRED)})')


def annotated_joint(name: str) -> str | None:
    """Find the joint of ``smpl_54`` that an annotation file means.

    Args:
        name: Such as ``left_hip``, ``Right Shoulder``, ``r_ankle``, ``lknee``, ``head_top``; names of
            ``smpl_54`` that mean nothing else in annotation files are accepted, too.

    Returns:
        Its name in ``smpl_54``; None if no joint of ``smpl_54`` is meant.
    """
    spaced = re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name)
    words = [word for word in re.split(r'[\W_]+', spaced.lower()) if word]
    key = '_'.join(words)
    if key in _SINGLE:
        return _SINGLE[key]
    joined = _RUN_TOGETHER.fullmatch(key)
    if joined:
        side, part = joined.groups()
    elif words and words[0] in _SIDES:
        side, part = words[0], '_'.join(words[1:])
    else:
        side, part = (words or [''])[-1], '_'.join(words[:-1])
    if side in _SIDES and part in _PAIRED:
        return f'{_SIDES[side]}_{_PAIRED[part]}'
    return key if key in SMPL_54 else None
