"""The people of a picture as plain arrays and as JSON."""

from typing import Any

import numpy as np
import torch

from mmroi.apis.inference.results import FrameResult
from mmroi.geometry import matrix_to_axis_angle, project
from mmroi.structures import SMPL_54, HMRDataSample

DECIMALS = 6  # of JSON's numbers: micrometers, millionths of radians and pixels


def person_arrays(sample: HMRDataSample, vertices: bool = False) -> dict[str, np.ndarray]:
    """One person's predictions.

    Args:
        sample: A sample of ``FrameResult``.
        vertices: Whether the mesh comes with them.

    Returns:
        ``track_id``; ``bbox`` (4,) xyxy and ``bbox_score`` of the person; ``boxes`` (M, 3) RoIs, center relative to
        the principal point and height, pixels; SMPL's ``global_orient`` (3,), ``body_pose`` (23, 3) axis-angle in
        radians, ``betas`` (10,); ``joints3d`` (54, 3) and ``vertices`` (V, 3), meters, to which
        ``camera_translation`` (3,) is to be added for the camera frame (it is SMPL's ``transl``); ``joints2d``
        (54, 2) in pixels of the picture; ``local_cameras`` (M, 3) ``(s, t_x, t_y)`` and ``full_cameras`` (M, 3).
    """
    predicted = sample.pred_instances
    pixels = project(predicted.joints3d, predicted.camera_translation, float(sample.focal_length))
    tensors = dict(
        global_orient=matrix_to_axis_angle(predicted.global_orient),
        body_pose=matrix_to_axis_angle(predicted.body_pose),
        betas=predicted.betas,
        camera_translation=predicted.camera_translation,
        joints3d=predicted.joints3d,
        joints2d=pixels + torch.as_tensor(sample.principal_point),
        local_cameras=predicted.local_cameras,
        full_cameras=predicted.full_cameras,
        **(dict(vertices=predicted.vertices) if vertices else {}),
    )
    return dict(
        track_id=np.asarray(sample.track_id),
        bbox=np.asarray(sample.bbox),
        bbox_score=np.asarray(sample.bbox_score),
        boxes=np.asarray(sample.boxes),
        **{name: tensor[0].numpy() for name, tensor in tensors.items()},
    )


def picture_arrays(result: FrameResult, vertices: bool = False) -> dict[str, np.ndarray]:
    """All people of a picture, and its camera.

    Args:
        result: The picture.
        vertices: Whether the meshes come with them.

    Returns:
        What ``person_arrays`` gives with a leading dimension of P people, and ``image_size`` (H, W),
        ``focal_length`` and ``principal_point`` (2,) in pixels; ``image_size`` alone where there is nobody.
    """
    picture = dict(image_size=np.asarray(result.frame.image.shape[:2]))
    if not result.samples:
        return picture
    people = [person_arrays(sample, vertices) for sample in result.samples]
    return dict(
        picture,
        focal_length=np.asarray(result.samples[0].focal_length, np.float64),
        principal_point=np.asarray(result.samples[0].principal_point),
        **{name: np.stack([person[name] for person in people]) for name in people[0]},
    )


def picture_dict(result: FrameResult) -> dict[str, Any]:
    """All people of a picture in the types of JSON.

    Args:
        result: The picture.

    Returns:
        Where the picture is from, its camera (None where there is nobody), the names of the 54 joints, and
        ``people``: what ``person_arrays`` gives without vertices.
    """
    frame, first = result.frame, result.samples[0] if result.samples else None
    return dict(
        name=frame.name,
        source=frame.source,
        video=frame.video,
        index=frame.index,
        time=frame.time,
        image_size=list(frame.image.shape[:2]),
        focal_length=_plain(first.focal_length) if first else None,
        focal_length_from=first.focal_length_from if first else None,
        principal_point=_plain(first.principal_point) if first else None,
        joint_names=list(SMPL_54),
        people=[
            {name: _plain(value) for name, value in person_arrays(sample).items()}
            for sample in result.samples
        ],
    )


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return array.tolist() if array.dtype.kind in 'iu' else array.astype(np.float64).round(DECIMALS).tolist()
