"""Exact ground truth of rendered scenes, one row per sufficiently visible person, in HumanData format."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from mmroi.fileio.human_data import HumanData
from mmroi.synthetic.body import matrices_to_rotvecs
from mmroi.synthetic.renderer import Rendering
from mmroi.synthetic.scene import Scene

Rows = dict[str, np.ndarray]

_CONVENTION = 'smpl_54'
_MISC = ('focal_length', 'principal_point', 'image_size', 'person_id', 'visible', 'keypoints2d_occluded')


def label_rows(scene: Scene, rendering: Rendering, min_visible: float) -> Rows:
    """Compute the ground truth of the people in a rendering.

    Args:
        scene: The scene.
        rendering: Its rendering.
        min_visible: Minimum visible share of a person; people below it get no row.

    Returns:
        Arrays with R rows:

        * ``bbox_xywh`` (R, 5): box of the visible pixels of the dressed person, pixels, and confidence 1.
        * ``keypoints2d`` (R, 54, 3): exact projections, also outside of the image; the confidence is 1 inside
          and 0 outside. Occluded keypoints keep confidence 1, because they are exact too.
        * ``keypoints2d_occluded`` (R, 54): 1 if another person or a box hides the joint.
        * ``keypoints3d`` (R, 54, 4): meters, camera frame; confidence 1.
        * ``global_orient`` (R, 3), ``body_pose`` (R, 23, 3), ``betas`` (R, 10), ``transl`` (R, 3): SMPL
          parameters.
        * ``focal_length`` (R,), ``principal_point`` (R, 2), ``image_size`` (R, 2) as (height, width): pixels.
        * ``person_id`` (R,): index in the scene; ``visible`` (R,): visible share of the person.
    """
    camera = scene.camera
    kept = [
        k
        for k, share in enumerate(rendering.visible)
        if share >= min_visible and rendering.boxes[k, 2:].min() > 2
    ]
    joints = np.array([scene.people[k].joints for k in kept], np.float32).reshape(-1, 54, 3)
    points = camera.project(joints)
    size = np.array([camera.width, camera.height])
    inside = np.all((points >= 0) & (points <= size - 1), axis=-1)
    vectors = matrices_to_rotvecs(np.array([scene.people[k].rotations for k in kept]).reshape(-1, 24, 3, 3))
    ones = np.ones((len(kept), 1))
    return dict(
        bbox_xywh=np.hstack([rendering.boxes[kept].reshape(-1, 4), ones]).astype(np.float32),
        keypoints2d=np.concatenate([points, inside[..., None]], -1).astype(np.float32),
        keypoints2d_occluded=_occluded(rendering, points, joints[..., 2], inside, np.array(kept)),
        keypoints3d=np.concatenate([joints, np.ones_like(joints[..., :1])], -1),
        global_orient=vectors[:, 0],
        body_pose=vectors[:, 1:],
        betas=np.array([scene.people[k].betas for k in kept], np.float32).reshape(-1, 10),
        transl=np.array(
            [scene.people[k].pelvis - scene.people[k].rest_root for k in kept], np.float32
        ).reshape(-1, 3),
        focal_length=np.full(len(kept), camera.focal_length),
        principal_point=np.tile(camera.principal_point, (len(kept), 1)),
        image_size=np.tile(size[::-1], (len(kept), 1)),
        person_id=np.array(kept, np.int64),
        visible=rendering.visible[kept],
    )


def _occluded(
    rendering: Rendering, points: np.ndarray, depth: np.ndarray, inside: np.ndarray, people: np.ndarray
) -> np.ndarray:
    """Mark the joints (R, 54), uint8, that something other than the person itself hides."""
    samples = rendering.owner.shape[0] // rendering.image.shape[0]
    x, y = (np.where(inside, (points[..., axis] + 0.5) * samples, 0).astype(int) for axis in (0, 1))
    foreign = (rendering.owner[y, x] != -1) & (rendering.owner[y, x] != people[:, None])
    return (inside & foreign & (rendering.depth[y, x] < depth)).astype(np.uint8)


def to_human_data(image_paths: list[str], rows: Iterable[Rows]) -> HumanData:
    """Concatenate rows and convert them to HumanData.

    Args:
        image_paths: Image path of each row, relative to the data root.
        rows: Results of :func:`label_rows`, in the same order.

    Returns:
        The annotations; fields other than boxes, keypoints and SMPL parameters are in ``misc``.
    """
    parts = list(rows)
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    mask = np.ones(54, np.int64)
    content: dict[str, Any] = dict(
        image_path=list(image_paths),
        bbox_xywh=joined['bbox_xywh'],
        keypoints2d=joined['keypoints2d'],
        keypoints2d_mask=mask,
        keypoints2d_convention=_CONVENTION,
        keypoints3d=joined['keypoints3d'],
        keypoints3d_mask=mask,
        keypoints3d_convention=_CONVENTION,
        smpl={key: joined[key] for key in ('global_orient', 'body_pose', 'betas', 'transl')},
        meta=dict(gender=['neutral'] * len(image_paths)),
        misc={key: joined[key] for key in _MISC},
        config='synthetic',
    )
    return HumanData(content)
