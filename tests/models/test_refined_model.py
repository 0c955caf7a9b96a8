"""A test with refinement: keypoints of known quality, the same for a person in any batch."""

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData

from mmroi.body_models import SMPL
from mmroi.models import RefinedModel
from mmroi.models.refiners import KeypointRefiner
from mmroi.models.refiners.keypoint_refiner import FEW_KEYPOINTS
from mmroi.structures import COCO_17, SMPL_54, HMRDataSample, Predictions


class Network(BaseModel):
    """Everyone stands still."""

    def __init__(self):
        super().__init__()
        self.body_model = SMPL()

    def test_step(self, data):
        count = len(data)
        eye, camera = torch.eye(3).repeat(count, 24, 1, 1), torch.tensor([[0.0, 0, 5]]).repeat(count, 1)
        body = self.body_model(eye[:, :1], eye[:, 1:], torch.zeros(count, 10))
        found = Predictions.from_body(
            eye, torch.zeros(count, 10), body, camera[:, None], camera[:, None], camera
        )
        for sample, instances in zip(data, found.split(), strict=True):
            sample.pred_instances = instances
        return data

    def forward(self, *arguments, **options):
        raise NotImplementedError


def make_sample(person, annotated=True):
    sample = HMRDataSample(
        metainfo=dict(boxes=np.array([[0.0, 0, 614.4]]), focal_length=500.0, person_id=person)
    )
    keypoints = torch.zeros(1, 54, 3)
    keypoints[..., 2] = 1
    flag = torch.tensor([[float(annotated)]])
    sample.gt_instances = InstanceData(keypoints2d=keypoints, has_keypoints2d=flag)
    return sample


@pytest.fixture
def observed(monkeypatch):
    """Keypoints that the refiner was called with."""
    seen = []

    forward = KeypointRefiner.forward

    def spy(self, predictions, keypoints, boxes, focal_length):
        seen.append(keypoints)
        found = forward(self, predictions, keypoints, boxes, focal_length)
        return found._replace(predictions=predictions)

    monkeypatch.setattr('mmroi.models.refiners.KeypointRefiner.forward', spy)
    return seen


def test_noise_grows_with_the_person_and_some_joints_are_missing(observed):
    model = RefinedModel(Network(), noise=3.0, missing=0.2)
    samples = model.test_step([make_sample(person) for person in range(200)])
    (keypoints,) = observed
    names = [name for name, seen in zip(SMPL_54, keypoints[..., 2].any(0).tolist(), strict=True) if seen]
    assert sorted(names) == sorted(COCO_17)
    coco = keypoints[:, [SMPL_54.index(name) for name in COCO_17]]
    assert coco[..., 2].mean().item() == pytest.approx(0.8, abs=0.02)
    assert coco[..., :2].std().item() == pytest.approx(6.0, rel=0.03)  # of people of 512 pixels
    assert set(samples[0].refinement) == {'status', 'before', 'after', 'distances', 'joint_std'}


def test_a_person_has_the_same_keypoints_in_any_batch(observed):
    model = RefinedModel(Network(), noise=3.0, missing=0.2, convention='smpl_54')
    model.test_step([make_sample(7), make_sample(8)])
    model.test_step([make_sample(8)])
    RefinedModel(Network(), noise=3.0, missing=0.2, convention='smpl_54', seed=1).test_step([make_sample(8)])
    together, alone, other = observed
    assert torch.equal(together[1], alone[0]) and not torch.equal(other, alone)
    assert together[..., 2].all(0).sum() > 20


def test_people_without_annotated_keypoints_stay(observed):
    samples = RefinedModel(Network()).test_step([make_sample(1, annotated=False), make_sample(2)])
    assert not observed[0][0].any() and observed[0][1].any()
    assert samples[0].refinement['status'] == FEW_KEYPOINTS != samples[1].refinement['status']


def test_a_convention_without_joints_of_the_body_is_refused():
    with pytest.raises(ValueError, match="unknown keypoint convention 'hands'"):
        RefinedModel(Network(), convention='hands')


@pytest.mark.parametrize('options', [dict(noise=-3.0), dict(missing=2.0), dict(noise='much')])
def test_noise_and_omissions_out_of_range_are_refused_before_the_test(options):
    with pytest.raises(
        ValueError, match=f'RefinedModel: .*{next(iter(options))}={next(iter(options.values()))}'
    ):
        RefinedModel(Network(), **options)
