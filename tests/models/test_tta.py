"""Views of a mirrored person, brought back and averaged."""

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmroi.body_models import SMPL
from mmroi.engine.tta import mirrored_views
from mmroi.geometry import (
    average_full_camera,
    axis_angle_to_matrix,
    full_to_local,
    geodesic_distance,
    local_to_full,
    mirror_pose,
)
from mmroi.models.data_preprocessors import HMRDataPreprocessor
from mmroi.models.tta import MeshTTAModel
from mmroi.structures import SMPL_24, HMRDataSample, Predictions

M = 3
PIPELINE = [
    dict(type='LoadImage'),
    dict(type='GetPersonBox', scale=1.0),
    dict(type='MultiRoICrop', num_rois=M, crop_size=(32, 24)),
    dict(type='PackHMRInputs'),
]


class MirrorEquivariant(BaseModel):
    """A random network whose answer to a mirrored photo is the mirrored answer, exactly.

    Features are sums and differences of each crop and its mirror image, with c_x among the differences: the
    former are the same in the mirrored photo, the latter change sign. What a mirror leaves as it is (shape,
    s, t_y) is made of the former, t_x of the latter, and the pose of both, by its two parts.
    """

    def __init__(self, body_model):
        super().__init__(HMRDataPreprocessor())
        self.body_model = body_model
        generator = torch.Generator().manual_seed(3)
        self.even = 0.02 * torch.randn(M * 94, 72 + 10 + 2 * M, generator=generator, dtype=torch.float64)
        self.odd = 0.02 * torch.randn(M * 93, 72 + M, generator=generator, dtype=torch.float64)

    def forward(self, inputs, data_samples, mode='tensor'):
        # Column k of a mirrored crop is column W - k of the crop, and column 0 lies outside it.
        pixels = inputs[..., ::8, 1:].mean(2).double()
        x, y, size = torch.stack([torch.from_numpy(sample.boxes) for sample in data_samples]).unbind(-1)
        even = torch.cat(((pixels + pixels.flip(-1)).flatten(2), torch.stack((y, size), -1) / 100), -1)
        odd = torch.cat(((pixels - pixels.flip(-1)).flatten(2), x[..., None] / 100), -1)
        even, odd = even.flatten(1) @ self.even, odd.flatten(1) @ self.odd
        same, opposite = even[:, :72].unflatten(1, (24, 3)), odd[:, :72].unflatten(1, (24, 3))
        pose = axis_angle_to_matrix(same + mirror_pose(same) + opposite - mirror_pose(opposite))
        scale, t_y = even[:, 82:].chunk(2, 1)
        return predict(
            self.body_model,
            pose.float(),
            even[:, 72:82].float(),
            torch.stack((scale.exp(), odd[:, 72:], t_y), -1),
            data_samples,
        )


def predict(body_model, pose, betas, cameras, samples):
    """What ``MeshEstimator`` fills in."""
    body = body_model(pose[:, :1], pose[:, 1:], betas)
    for i, sample in enumerate(samples):
        one = slice(i, i + 1)
        boxes, focal = torch.from_numpy(sample.boxes)[None], torch.tensor([sample.focal_length])
        sample.pred_instances = InstanceData(
            global_orient=pose[one, 0],
            body_pose=pose[one, 1:],
            betas=betas[one],
            vertices=body.vertices[one],
            joints3d=body.joints[one],
            joints_h36m=body.joints_h36m[one],
            local_cameras=cameras[one],
            full_cameras=local_to_full(cameras[one], boxes, focal),
            camera_translation=average_full_camera(cameras[one], boxes, focal),
        )
    return samples


@pytest.fixture(scope='module')
def body_model():
    return SMPL().eval()


@pytest.fixture(scope='module')
def model(body_model):
    return MirrorEquivariant(body_model).eval()


def people(focal_length=300.0):
    """Two people in a noisy photo; boxes and camera on whole pixels, so that crops need no interpolation."""
    image = np.random.default_rng(0).integers(0, 256, (160, 200, 3), dtype=np.uint8)
    for x in (30, 90):
        yield dict(
            img=image,
            img_path='',
            bbox_xywh=np.array([x, 20.0, 60.0, 80.0]),
            focal_length=focal_length,
            principal_point=np.array([100.0, 80.0]),
        )


def batch(pipeline, **camera):
    init_default_scope('mmroi')
    steps = Compose(pipeline)
    return pseudo_collate([steps(person) for person in people(**camera)])


def predictions(samples):
    names = (
        'global_orient',
        'body_pose',
        'betas',
        'vertices',
        'joints3d',
        'joints_h36m',
        'local_cameras',
        'full_cameras',
        'camera_translation',
    )
    return {name: torch.cat([sample.pred_instances[name] for sample in samples]).double() for name in names}


def views_of(pipeline):
    return batch(mirrored_views(pipeline))


@pytest.mark.parametrize('focal_length', [300.0, (150.0, 600.0)], ids=str)
def test_an_equivariant_network_gives_the_same_with_and_without(model, focal_length):
    camera = dict(focal_length=np.array(focal_length))
    plain = predictions(model.test_step(batch(PIPELINE, **camera)))
    merged_samples = MeshTTAModel(model).test_step(batch(mirrored_views(PIPELINE), **camera))
    merged = predictions(merged_samples)
    assert plain.keys() == merged.keys()
    for name in plain:
        torch.testing.assert_close(merged[name], plain[name], rtol=1e-5, atol=1e-5)
    assert not any(sample.flip for sample in merged_samples)


def test_it_would_not_with_other_rois_in_the_mirrored_photo(model):
    """The offsets of RoIs made after the mirror show other parts of the photo."""
    pipeline = mirrored_views(PIPELINE)
    for step in pipeline[-1]['transforms'][1]:
        step['mirror_rois'] = False
    merged = predictions(MeshTTAModel(model).test_step(batch(pipeline)))
    plain = predictions(model.test_step(batch(PIPELINE)))
    assert geodesic_distance(merged['body_pose'], plain['body_pose']).max() > 0.01


@pytest.mark.parametrize('context_size', [None, (48, 40)], ids=['crops', 'one crop for all'])
def test_mirrored_rois_are_mirror_images(context_size):
    crop = dict(PIPELINE[2], context_size=context_size)
    views = views_of([*PIPELINE[:2], crop, *PIPELINE[3:]])
    assert len(views['inputs'][0][0]) == (1 if context_size else M)
    for person in range(2):
        plain, mirrored = (view[person] for view in views['inputs'])
        torch.testing.assert_close(mirrored[..., 1:], plain[..., 1:].flip(-1))
        plain, mirrored = (view[person].boxes for view in views['data_samples'])
        np.testing.assert_allclose(mirrored, plain * (-1, 1, 1))


def fake_views(body_model, angles=(0.2, 0.6), translations=((0.1, 0.3, 4.0), (0.3, 0.1, 6.0))):
    """A person seen twice; of the second view everything is mirrored."""
    samples = []
    for flip, angle, translation in zip((False, True), angles, translations, strict=True):
        pose = torch.zeros(1, 24, 3)
        pose[0, 16] = torch.tensor((0.0, angle, 0.0))  # the left shoulder
        boxes = np.array([[40.0, -10.0, 200.0], [60.0, -10.0, 300.0]])
        translation = torch.tensor([translation])
        if flip:
            pose, boxes = mirror_pose(pose), boxes * (-1, 1, 1)
            translation = translation * torch.tensor([-1, 1, 1])
        sample = HMRDataSample(metainfo=dict(boxes=boxes, focal_length=500.0, flip=flip))
        cameras = full_to_local(translation[:, None], torch.from_numpy(boxes)[None], torch.tensor([500.0]))
        betas = torch.full((1, 10), angle)
        samples += predict(body_model, axis_angle_to_matrix(pose), betas, cameras, [sample])
    return samples


class Holder(torch.nn.Module):
    """An estimator that only has a body."""

    def __init__(self, body_model):
        super().__init__()
        self.body_model = body_model

    def test_step(self, data):
        raise NotImplementedError


def test_means_by_hand(body_model):
    (merged,) = MeshTTAModel(Holder(body_model)).merge_preds([fake_views(body_model)])
    predicted = merged.pred_instances
    pose = torch.zeros(24, 3)
    pose[16, 1] = 0.4  # halfway between 0.2 and 0.6
    torch.testing.assert_close(predicted.body_pose[0], axis_angle_to_matrix(pose)[1:])
    torch.testing.assert_close(predicted.betas, torch.full((1, 10), 0.4))
    mean = torch.tensor((0.2, 0.2, 4.8))  # 2 / (1/4 + 1/6)
    torch.testing.assert_close(predicted.camera_translation, mean[None])
    torch.testing.assert_close(predicted.full_cameras, mean.expand(1, 2, 3))
    body = body_model(
        *(x[None] for x in (axis_angle_to_matrix(pose)[:1], axis_angle_to_matrix(pose)[1:])), predicted.betas
    )
    torch.testing.assert_close(predicted.vertices, body.vertices)
    boxes = torch.from_numpy(merged.boxes)[None]
    again = local_to_full(predicted.local_cameras, boxes, torch.tensor([500.0]))
    torch.testing.assert_close(again, predicted.full_cameras)


def test_rotations_about_pi_do_not_cancel(body_model):
    """Means of axis-angles would give no turn at all."""
    first, second = fake_views(body_model)
    for sample, angle in ((first, np.pi - 0.1), (second, np.pi - 0.1)):
        turn = axis_angle_to_matrix(torch.tensor([[0.0, angle, 0.0]]))
        sample.pred_instances.global_orient = turn  # seen in the mirror this is a turn by -angle
    (merged,) = MeshTTAModel(Holder(body_model)).merge_preds([(first, second)])
    half_turn = axis_angle_to_matrix(torch.tensor([[0.0, np.pi, 0.0]]))
    torch.testing.assert_close(merged.pred_instances.global_orient, half_turn, atol=1e-5, rtol=0)


def test_bad_views(body_model):
    model = MeshTTAModel(Holder(body_model))
    first, second = fake_views(body_model)
    with pytest.raises(ValueError, match='needs an unmirrored view of each person'):
        model.merge_preds([(second, second)])
    first.set_metainfo(dict(roll=0.1))
    with pytest.raises(ValueError, match='not rolled ones: remove RandomCameraRoll'):
        model.merge_preds([(first, second)])


def test_deviations_of_mirrored_views_change_sides_and_are_averaged():
    """Root mean square of each joint and of its partner in the mirror image."""
    body = SMPL()
    model = MeshTTAModel(MirrorBody(body))
    std = torch.rand(2, 1, 24)
    views = []
    for flip in (False, True):
        rotations = torch.eye(3).expand(1, 24, 3, 3)
        camera = torch.tensor([[0.0, 0.0, 5.0]])
        posed = body(rotations[:, :1], rotations[:, 1:], torch.zeros(1, 10))
        sample = HMRDataSample(
            metainfo=dict(flip=flip, boxes=np.array([[0.0, 0.0, 100.0]]), focal_length=500.0)
        )
        sample.pred_instances = Predictions.from_body(
            rotations, torch.zeros(1, 10), posed, camera[:, None], camera[:, None], camera, std[int(flip)]
        ).to_instances()
        views.append(sample)
    (merged,) = model.merge_preds([views])
    left, right = SMPL_24.index('left_wrist'), SMPL_24.index('right_wrist')
    expected = (std[0, 0, left] ** 2 / 2 + std[1, 0, right] ** 2 / 2).sqrt()
    assert merged.pred_instances.joints_std[0, left].item() == pytest.approx(expected.item())


class MirrorBody(BaseModel):
    """A network of which only the body is used."""

    def __init__(self, body):
        super().__init__()
        self.body_model = body

    def forward(self, inputs, data_samples=None, mode='tensor'):
        raise NotImplementedError
