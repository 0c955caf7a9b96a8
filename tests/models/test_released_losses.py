"""The losses of the authors' code as plain loops, and the config of that form."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from mmroi.geometry import axis_angle_to_matrix, rot6d_to_matrix
from mmroi.models.estimators.views_and_labels import Labels, Views
from mmroi.registry import MODELS
from mmroi.structures import SMPL_54, SPIN_24

CONFIG = (
    Path(__file__).parents[2] / 'configs/multi_roi/multi-roi_r50_release-form-1xb48-25e_mixture-256x192.py'
)
N, M, ASPECT, TEMPERATURE = 3, 5, 0.75, 0.5
SPIN = [SMPL_54.index(name) for name in SPIN_24]
NAMES = ('smpl', 'vertices', 'keypoints3d', 'keypoints2d', 'camera', 'contrastive')


@pytest.fixture(scope='module')
def model():
    """The config's losses and kinds of parts, on a tiny encoder."""
    cfg = Config.fromfile(CONFIG).model
    cfg.encoder = dict(type='MultiRoIEncoder', backbone=dict(type='mmdet.ResNet', depth=18, base_channels=4))
    for part in (cfg.fusion, cfg.head, cfg.projector):
        part.in_channels = 32
    cfg.head.hidden_channels = (64, 32)
    cfg.body_model = dict(type='SMPL')
    torch.manual_seed(0)
    return MODELS.build(cfg).eval()


@pytest.fixture(scope='module')
def case():
    """Random predictions of M meshes and cameras for each person, and labels of SPIN's 24 joints."""
    generator = torch.Generator().manual_seed(1)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    def uniform(*shape):
        return torch.rand(*shape, generator=generator)

    upright = torch.eye(3)[:, :2].repeat(N, M, 24, 1, 1).flatten(-2)
    output = dict(
        pose6d=upright + 0.3 * normal(N, M, 24, 6),
        betas=normal(N, M, 10),
        features=normal(N, M, 32),
        cameras=torch.cat([0.6 + 0.5 * uniform(N, M, 1), 0.1 * normal(N, M, 2)], -1),
    )
    boxes = torch.cat([80 * normal(N, M, 2), 150 + 100 * uniform(N, M, 1)], -1).double()
    views = Views(boxes, torch.tensor([900.0, 1400.0, 2000.0]).double(), ASPECT)
    pixels, points = torch.zeros(N, 54, 3), torch.zeros(N, 54, 4)
    pixels[:, SPIN] = torch.cat([120 * normal(N, 24, 2), uniform(N, 24, 1).round()], -1)
    points[:, SPIN] = torch.cat([0.4 * normal(N, 24, 3) + 3, uniform(N, 24, 1).round()], -1)
    points[:, SPIN[2:4], 3] = 1  # the hips
    ones = torch.ones(N)
    rotations = axis_angle_to_matrix(0.4 * normal(N, 24, 3))
    return output, views, Labels(rotations, normal(N, 10), pixels, points, ones, ones, ones)


@pytest.fixture(scope='module')
def expected(model, case):
    """Terms of the loss without the common factor 60, by loops."""
    output, views, labels = case
    terms = dict.fromkeys(NAMES, 0.0)
    with torch.no_grad():
        turns = rot6d_to_matrix(output['pose6d'])
        bodies = [model.body_model(turns[i, :, :1], turns[i, :, 1:], output['betas'][i]) for i in range(N)]
        truth = model.body_model(labels.rotations[:, :1], labels.rotations[:, 1:], labels.betas)
        z = model.projector(output['features']).double()
    cameras, boxes = output['cameras'].double().tolist(), views.boxes.tolist()
    for i in range(N):
        for m in range(M):
            pose = (turns[i, m] - labels.rotations[i]).square().mean().item()
            shape = (output['betas'][i, m] - labels.betas[i]).square().mean().item()
            terms['smpl'] += (pose + 0.001 * shape) / (N * M)
            vertices = bodies[i].vertices[m] - bodies[i].joints_h36m[m, 0]
            wanted = truth.vertices[i] - truth.joints_h36m[i, 0]
            terms['vertices'] += (vertices - wanted).abs().mean().item() / (N * M)
            joints = bodies[i].joints[m, SPIN].double().tolist()
            terms['keypoints3d'] += 5 * keypoints3d(joints, labels.keypoints3d[i, SPIN].tolist()) / (N * M)
            terms['keypoints2d'] += (
                5
                / (N * M)
                * keypoints2d(
                    joints,
                    labels.keypoints2d[i, SPIN].tolist(),
                    cameras[i][m],
                    boxes[i][m],
                    views.focal_length[i].item(),
                )
            )
            terms['camera'] += camera(cameras[i][m], boxes[i][m], cameras[i][0], boxes[i][0]) / (N * M)
    terms['contrastive'] = 0.1 * TEMPERATURE * supcon(z.tolist())
    return terms


def keypoints3d(joints, target):
    """Aligned at the mean of joints 2 and 3 of the 24; mean over 24 joints and 3 axes."""
    total = 0.0
    for axis in range(3):
        pelvis = (joints[2][axis] + joints[3][axis]) / 2
        wanted = (target[2][axis] + target[3][axis]) / 2
        for joint, point in zip(joints, target, strict=True):
            total += point[3] * (joint[axis] - pelvis - point[axis] + wanted) ** 2
    return total / (24 * 3)


def keypoints2d(joints, target, local_camera, box, focal):
    """Into the full image, then into the crop, whose borders are -1 and 1; mean over 49 joints and 2 axes."""
    (s, tx, ty), (cx, cy, b) = local_camera, box
    full = tx + 2 * cx / (b * s), ty + 2 * cy / (b * s), 2 * focal / (b * s)
    total = 0.0
    for joint, (u, v, confidence) in zip(joints, target, strict=True):
        x, y, depth = (a + t for a, t in zip(joint, full, strict=True))
        total += confidence * (
            ((focal * x / depth - u) / (ASPECT * b / 2)) ** 2 + ((focal * y / depth - v) / (b / 2)) ** 2
        )
    return total / (49 * 2)


def camera(camera_m, box_m, camera_0, box_0):
    """The sum of the x and y residuals squared, and the square of 1e-4 times that of b s."""
    (s_m, tx_m, ty_m), (cx_m, cy_m, b_m) = camera_m, box_m
    (s_0, tx_0, ty_0), (cx_0, cy_0, b_0) = camera_0, box_0
    x = tx_m + 2 * cx_m / (b_m * s_m) - tx_0 - 2 * cx_0 / (b_0 * s_0)
    y = ty_m + 2 * cy_m / (b_m * s_m) - ty_0 - 2 * cy_0 / (b_0 * s_0)
    return (x + y) ** 2 + (1e-4 * (b_m * s_m - b_0 * s_0)) ** 2


def supcon(z):
    """Positives in the denominator too, mean over anchors."""

    def similarity(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True)) / TEMPERATURE

    rows = [(i, row) for i, person in enumerate(z) for row in person]
    total = 0.0
    for a, (i, anchor) in enumerate(rows):
        below = math.log(sum(math.exp(similarity(anchor, row)) for b, (_, row) in enumerate(rows) if b != a))
        positives = [similarity(anchor, row) - below for b, (j, row) in enumerate(rows) if j == i and b != a]
        total -= sum(positives) / len(positives)
    return total / len(rows)


@pytest.mark.parametrize('name', NAMES)
def test_each_term(name, model, case, expected):
    with torch.no_grad():
        losses = model.loss(*case)
    assert losses[f'loss_{name}'].item() == pytest.approx(expected[name], rel=1e-5)
    assert expected[name] > 1e-4


def test_the_sum(model, case, expected):
    with torch.no_grad():
        losses = model.loss(*case)
    assert set(losses) == {f'loss_{name}' for name in NAMES}
    assert sum(losses.values()).item() == pytest.approx(sum(expected.values()), rel=1e-5)


def test_the_terms_are_not_those_of_our_form(model, case, expected):
    """What would notice that the config had lost its settings."""
    output, views, _ = case
    for name, inputs in (
        ('camera', (output['cameras'], views.boxes)),
        ('contrastive', (F.normalize(output['features'], dim=-1),)),
    ):
        default = MODELS.build(dict(type=type(model.losses[name]).__name__))
        assert default(*inputs).item() != pytest.approx(expected[name], rel=1e-2)
