"""Results of frames from their JSON files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmroi.apis.inference.frames import Frame
from mmroi.apis.inference.results import SCHEMA_VERSION, FrameResult
from mmroi.body_models import SMPL
from mmroi.geometry import axis_angle_to_matrix
from mmroi.structures import HMRDataSample, Predictions

_TOLERANCE = 1e-4  # meters, between joints of the file and of the body that its parameters pose


def read_result(path: Path, frame: Frame, body: SMPL, crop_size: tuple[int, int]) -> FrameResult | None:
    """Read what ``frame_dict`` wrote; meshes are posed again.

    Args:
        path: The JSON file.
        frame: The frame that it belongs to.
        body: The body that posed the people.
        crop_size: Height and width of the crops.

    Returns:
        The result; None if the file is of another frame, body or version, damaged, or has people whose joints
        are not those of their parameters, such as averages of meshes.

    Raises:
        OSError: If the file cannot be read.
    """
    try:
        content = json.loads(path.read_bytes())
        own = dict(
            schema_version=SCHEMA_VERSION,
            name=frame.name,
            source=frame.source,
            body_model=body.name,
            image_size=list(frame.image.shape[:2]),
        )
        if any(content[key] != value for key, value in own.items()):
            return None
        samples = [_read_person(person, content, body, crop_size) for person in content['people']]
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    return FrameResult(frame, samples, body_model=body.name, restored=True)


@torch.no_grad()
def _read_person(
    person: dict[str, Any], content: dict[str, Any], body: SMPL, crop_size: tuple[int, int]
) -> HMRDataSample:
    device = body.mean_betas.device
    orient, pose = (axis_angle_to_matrix(_tensor(person[name])) for name in ('global_orient', 'body_pose'))
    betas, joints = _tensor(person['betas']), _tensor(person['joints3d'])
    posed = body(orient.to(device), pose.to(device), betas.to(device))
    if not (posed.joints.cpu() - joints).abs().max() < _TOLERANCE:
        raise ValueError('other joints')
    sample = HMRDataSample(
        metainfo=dict(
            boxes=np.array(person['boxes'], np.float64),
            focal_length=float(content['focal_length']),
            focal_length_from=content['focal_length_from'],
            principal_point=np.array(content['principal_point'], np.float64),
            crop_size=crop_size,
            track_id=int(person['track_id']),
            bbox=np.array(person['bbox'], np.float64),
            bbox_score=float(person['bbox_score']),
        )
    )
    if 'det_keypoints' in person:
        sample.set_metainfo(dict(det_keypoints=np.array(person['det_keypoints'], np.float64)))
    if 'refinement' in person:
        report = {
            name: value if isinstance(value, str) else np.array(value, np.float64)  # None becomes NaN
            for name, value in person['refinement'].items()
        }
        sample.set_metainfo(dict(refinement=report))
    sample.pred_instances = Predictions(
        global_orient=orient,
        body_pose=pose,
        betas=betas,
        vertices=posed.vertices.cpu(),
        joints3d=joints,
        joints_h36m=posed.joints_h36m.cpu(),
        local_cameras=_tensor(person['local_cameras']),
        full_cameras=_tensor(person['full_cameras']),
        camera_translation=_tensor(person['camera_translation']),
        joints_std=_tensor(person['joints_std']) if 'joints_std' in person else None,
    ).to_instances()
    return sample


def _tensor(values: Any) -> Tensor:
    """Add the dimension of N = 1 people."""
    return torch.tensor(values, dtype=torch.float32)[None]
