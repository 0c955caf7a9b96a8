import pytest
import torch
from mmengine.structures import InstanceData

from mmroi.body_models import SMPL
from mmroi.structures import Predictions

SHAPES = dict(
    global_orient=(3, 3),
    body_pose=(23, 3, 3),
    betas=(10,),
    vertices=(6890, 3),
    joints3d=(54, 3),
    joints_h36m=(17, 3),
    local_cameras=(5, 3),
    full_cameras=(5, 3),
    camera_translation=(3,),
)


@pytest.fixture
def predictions():
    generator = torch.Generator().manual_seed(0)
    return Predictions(
        **{name: torch.randn(3, *shape, generator=generator) for name, shape in SHAPES.items()}
    )


def test_the_fields_in_order():
    assert Predictions.names() == tuple(SHAPES)


def test_split_gives_one_sample_each_and_cat_joins_them(predictions):
    parts = predictions.split()
    assert len(predictions) == len(parts) == 3
    for name, shape in SHAPES.items():
        assert parts[1][name].shape == (1, *shape)
        assert torch.equal(parts[1][name][0], getattr(predictions, name)[1])
    joined = Predictions.cat(parts)
    assert all(torch.equal(getattr(joined, name), getattr(predictions, name)) for name in SHAPES)
    two = Predictions.cat([predictions[2:], predictions[:1]])
    assert torch.equal(two.betas, predictions.betas[[2, 0]])


def test_instances_and_dicts_are_read_back(predictions):
    for given in (predictions.to_instances(), predictions.to_dict()):
        again = Predictions.from_instances(given)
        assert all(getattr(again, name) is getattr(predictions, name) for name in SHAPES)


def test_other_entries_are_ignored_and_missing_ones_named(predictions):
    instances = predictions.to_instances()
    instances.bbox_scores = torch.ones(3)
    assert len(Predictions.from_instances(instances)) == 3
    del instances.full_cameras, instances.betas
    with pytest.raises(ValueError, match='lack betas, full_cameras: .*Predictions lists'):
        Predictions.from_instances(instances)
    with pytest.raises(ValueError, match='at least one'):
        Predictions.cat([])


def test_rotations_have_the_root_first(predictions):
    assert predictions.rotations.shape == (3, 24, 3, 3)
    assert torch.equal(predictions.rotations[:, 0], predictions.global_orient)
    assert torch.equal(predictions.rotations[:, 1:], predictions.body_pose)


def test_a_posed_body_and_its_parameters(predictions):
    body = SMPL()(predictions.rotations[:, :1], predictions.rotations[:, 1:], predictions.betas)
    made = Predictions.from_body(
        predictions.rotations,
        predictions.betas,
        body,
        predictions.local_cameras,
        predictions.full_cameras,
        predictions.camera_translation,
    )
    assert torch.equal(made.rotations, predictions.rotations)
    assert made.vertices is body.vertices and made.joints3d is body.joints
    assert made.joints_h36m is body.joints_h36m
    assert isinstance(made.split()[0], InstanceData)


def test_deviations_of_joints_are_optional(predictions):
    std = torch.rand(3, 24)
    known = Predictions(**predictions.to_dict(), joints_std=std)
    assert 'joints_std' not in predictions.to_dict() and predictions.split()[0].get('joints_std') is None
    assert torch.equal(Predictions.cat(known.split()).joints_std, std)
    assert torch.equal(Predictions.from_instances(known.to_instances()).joints_std, std)
    assert Predictions.cat([known, predictions]).joints_std is None  # not known of everyone
