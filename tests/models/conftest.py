import copy

import pytest
import torch
from mmengine.structures import InstanceData

import mmroi.models  # noqa: F401
from mmroi.body_models import SMPL
from mmroi.geometry import axis_angle_to_matrix, make_rois, matrix_to_axis_angle, project, roi_offsets
from mmroi.registry import MODELS
from mmroi.structures import HMRDataSample

WIDTH = 32  # of a ResNet-18 of 4 base channels


@pytest.fixture(scope='session')
def body():
    return SMPL()


@pytest.fixture(scope='session')
def people(body):
    """Make samples of upright people, seen by true cameras, whose labels all agree."""

    def make(num_people, num_rois, seed=0):
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape):
            return torch.randn(*shape, generator=generator)

        turn = axis_angle_to_matrix(torch.tensor([[torch.pi, 0.0, 0.0]]) + 0.3 * normal(num_people, 3))
        pose, betas = 0.25 * normal(num_people, 23, 3), normal(num_people, 10)
        translation = torch.tensor([0.0, 0.0, 5.0]) + normal(num_people, 3) * torch.tensor([0.8, 0.3, 0.5])
        with torch.no_grad():
            joints = body(turn, axis_angle_to_matrix(pose), betas).joints
        focal_length = 600.0
        pixels = project(joints, translation, torch.tensor(focal_length))
        low, high = pixels.amin(1), pixels.amax(1)
        box = torch.cat([(low + high) / 2, 1.2 * (high - low)[:, 1:]], dim=-1).double()
        boxes = make_rois(box, roi_offsets(num_rois))
        ones = torch.ones(1)
        samples = []
        for i in range(num_people):
            sample = HMRDataSample(metainfo=dict(boxes=boxes[i].numpy(), focal_length=focal_length))
            sample.gt_instances = InstanceData(
                global_orient=matrix_to_axis_angle(turn[i : i + 1]),
                body_pose=pose[i : i + 1],
                betas=betas[i : i + 1],
                keypoints2d=torch.cat([pixels[i], torch.ones(54, 1)], dim=-1)[None],
                keypoints3d=torch.cat([joints[i] + translation[i], torch.ones(54, 1)], dim=-1)[None],
                has_smpl=ones,
                has_keypoints2d=ones,
                has_keypoints3d=ones,
                has_transl=ones,
            )
            samples.append(sample)
        return samples

    return make


MULTI_ROI = dict(
    type='MeshEstimator',
    encoder=dict(type='MultiRoIEncoder', backbone=dict(type='mmdet.ResNet', depth=18, base_channels=4)),
    fusion=dict(type='RoIAwareFusion', in_channels=WIDTH, num_rois=3),
    head=dict(type='MultiRoIHead', in_channels=WIDTH, num_rois=3, hidden_channels=(64, 64)),
    projector=dict(type='ContrastiveProjector', in_channels=WIDTH),
    heatmap_head=dict(type='HeatmapHead', in_channels=WIDTH, channels=(8,)),
    body_model=dict(type='SMPL'),
    losses=dict(
        smpl=dict(type='SMPLParameterLoss'),
        vertices=dict(type='VertexLoss'),
        keypoints3d=dict(type='Keypoint3DLoss'),
        keypoints2d=dict(type='Keypoint2DLoss'),
        camera=dict(type='CameraConsistencyLoss'),
        contrastive=dict(type='ContrastiveLoss'),
        heatmaps=dict(type='HeatmapLoss'),
    ),
)
CLIFF = dict(
    type='MeshEstimator',
    encoder=MULTI_ROI['encoder'],
    body_model=dict(type='SMPL'),
    head=dict(type='CLIFFHead', in_channels=WIDTH, hidden_channels=(64, 64)),
    losses={name: MULTI_ROI['losses'][name] for name in ('smpl', 'vertices', 'keypoints3d', 'keypoints2d')},
)


@pytest.fixture
def multi_roi():
    """Config of a tiny Multi-RoI model of three RoIs."""
    return copy.deepcopy(MULTI_ROI)


@pytest.fixture
def cliff():
    """Config of a tiny CLIFF model."""
    return copy.deepcopy(CLIFF)


@pytest.fixture(scope='session')
def build():
    """Build a model whose weights depend on the config alone."""

    def make(config, seed=0):
        torch.manual_seed(seed)
        return MODELS.build(config)

    return make
