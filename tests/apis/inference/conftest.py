import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmroi.apis import MultiRoIInferencer
from mmroi.apis.inference import Frame, FrameResult
from mmroi.body_models import SMPL
from mmroi.geometry import average_full_camera, local_to_full, rot6d_to_matrix
from mmroi.structures import HMRDataSample

BOXES = np.array([[10.0, 20, 90, 180], [110, 30, 170, 150]])


@pytest.fixture(scope='session')
def inferencer():
    """The shipped Multi-RoI."""
    return MultiRoIInferencer(device='cpu', show_progress=False)


@pytest.fixture(scope='session')
def photo():
    """(200, 240, 3) BGR, different everywhere."""
    return np.random.default_rng(0).integers(0, 256, (200, 240, 3), dtype=np.uint8)


@pytest.fixture(scope='session')
def body():
    return SMPL()


@pytest.fixture
def make_result(body):
    """make_result(frame, boxes (P, 3)) -> people who stand upright, each where its M = 2 RoIs put it."""

    def make(frame: Frame, boxes=((0.0, 0.0, 120.0), (-60.0, 10.0, 90.0)), focal_length=400.0):
        samples = []
        rotations = rot6d_to_matrix(body.mean_pose6d.reshape(1, 24, 6))
        posed = body(rotations[:, :1], rotations[:, 1:], body.mean_betas[None])
        for number, box in enumerate(boxes):
            rois = np.stack([box, np.multiply(box, (1, 1, 1.5))])
            cameras = torch.tensor([[[0.9, 0.05, 0.1], [0.6, 0.0, 0.2]]])
            views = cameras, torch.tensor(rois)[None], torch.tensor([focal_length], dtype=torch.float64)
            sample = HMRDataSample(
                metainfo=dict(
                    boxes=rois,
                    focal_length=focal_length,
                    principal_point=np.array((120.0, 100.0)),
                    crop_size=(96, 72),
                    track_id=number,
                    bbox=BOXES[number % 2],
                    bbox_score=0.5,
                    focal_length_from='given',
                )
            )
            sample.pred_instances = InstanceData(
                global_orient=rotations[:, 0],
                body_pose=rotations[:, 1:],
                betas=body.mean_betas[None],
                vertices=posed.vertices,
                joints3d=posed.joints,
                joints_h36m=posed.joints_h36m,
                local_cameras=cameras,
                full_cameras=local_to_full(*views[:2], views[2][:, None]).float(),
                camera_translation=average_full_camera(*views).float(),
            )
            samples.append(sample)
        return FrameResult(frame, samples, body_model=body.name)

    return make
