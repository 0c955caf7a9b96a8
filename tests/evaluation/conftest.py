"""Random labels, and predictions that a model could have made for them."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmroi.body_models import SMPL
from mmroi.body_models.body_files import OPEN_BODY
from mmroi.geometry import axis_angle_to_matrix, local_to_full
from mmroi.structures import HMRDataSample

FOCAL = 700.0


@pytest.fixture(scope='session')
def body_model():
    return SMPL().eval()


@pytest.fixture(scope='session')
def body_folder(tmp_path_factory):
    """A folder of three bodies as SMPL's: neutral is the open body, the others have another build."""
    folder = tmp_path_factory.mktemp('smpl')
    arrays = dict(np.load(OPEN_BODY))
    for gender, build in dict(NEUTRAL=(1, 1, 1), MALE=(1.2, 1.1, 1), FEMALE=(0.8, 0.9, 1.1)).items():
        np.savez(folder / f'SMPL_{gender}.npz', **{**arrays, 'v_template': arrays['v_template'] * build})
    return folder


@pytest.fixture(scope='session')
def make_sample(body_model):
    """make_sample(seed, noise, num_rois) -> data sample as a dict, as MMEngine's evaluator hands it over."""

    def make(seed: int, noise: float = 0.1, num_rois: int = 3) -> dict:
        rng = torch.Generator().manual_seed(seed)

        def normal(*shape, scale=1.0):
            return scale * torch.randn(*shape, generator=rng)

        label = dict(
            global_orient=normal(1, 3),
            body_pose=normal(1, 23, 3, scale=0.3),
            betas=normal(1, 10),
            pelvis=normal(1, 3, scale=0.3) + torch.tensor([[0.0, 0.0, 4.0]]),
            keypoints3d=torch.cat([normal(1, 54, 3, scale=0.4), torch.ones(1, 54, 1)], dim=2),
        )
        pose = axis_angle_to_matrix(
            torch.cat([label['global_orient'], label['body_pose'][0]]) + normal(24, 3, scale=noise)
        )
        betas = label['betas'] + normal(1, 10, scale=noise)
        body = body_model(pose[None, 0], pose[None, 1:], betas)
        boxes = torch.tensor([[20.0, -30.0, 350.0]]).repeat(num_rois, 1).double()
        cameras = (
            torch.tensor([[0.9, 0.0, 0.1]]).repeat(num_rois, 1).double()
            + normal(num_rois, 3, scale=noise).double()
        )
        full = local_to_full(cameras, boxes, FOCAL).float()
        sample = HMRDataSample(
            metainfo=dict(
                sample_idx=seed,
                img_path=f'images/{seed}.jpg',
                boxes=boxes.numpy(),
                gender='neutral',
                focal_length=FOCAL,
                principal_point=np.array([256.0, 256.0]),
            )
        )
        flags = {f'has_{name}': torch.ones(1) for name in ('smpl', 'transl', 'keypoints2d', 'keypoints3d')}
        sample.gt_instances = InstanceData(**label, **flags)
        sample.pred_instances = InstanceData(
            global_orient=pose[None, 0],
            body_pose=pose[None, 1:],
            betas=betas,
            vertices=body.vertices,
            joints3d=body.joints,
            joints_h36m=body.joints_h36m,
            full_cameras=full[None],
            local_cameras=cameras[None].float(),
            camera_translation=full.mean(0, keepdim=True),
        )
        return sample.to_dict()

    return make
