import pytest
import torch
from torch import nn

from mmroi.models.estimators.loss_inputs import LossInputs
from mmroi.models.estimators.views_and_labels import stack_labels, stack_views
from mmroi.registry import MODELS


def crops(num_people, num_rois):
    return torch.randn(num_people, num_rois, 3, 64, 48, generator=torch.Generator().manual_seed(0))


class Recorder(nn.Module):
    """Keeps what it is called with."""

    def forward(self, vertices, cameras, gt_vertices, has_smpl, *, boxes, person_ids, pose6d, height=1.7):
        self.seen = dict(vertices=vertices, cameras=cameras, gt_vertices=gt_vertices, has_smpl=has_smpl)
        self.seen |= dict(boxes=boxes, person_ids=person_ids, pose6d=pose6d, height=height)
        return vertices.square().mean()


class Slim(nn.Module):
    """Takes what there is: the optional argument is bound where the model has it."""

    def forward(self, joints, projections=None):
        self.projections = projections
        return joints.square().mean()


class Needy(nn.Module):
    def forward(self, joints, depth_map, uvd):
        return joints.sum()


def test_a_loss_of_a_user_is_a_module_in_the_config(multi_roi, build, people):
    multi_roi['losses'] = dict(anything=dict(type=Recorder))
    model, inputs, samples = build(multi_roi), crops(2, 3), people(2, 3)
    losses = model(inputs, samples, mode='loss')
    seen = model.losses['anything'].seen
    assert list(losses) == ['loss_anything'] and losses['loss_anything'].isfinite()
    assert seen['vertices'].shape == seen['gt_vertices'].shape == (2, 6890, 3)
    assert seen['cameras'].shape == seen['boxes'].shape == (2, 3, 3) and seen['boxes'].dtype == torch.float64
    assert seen['has_smpl'].tolist() == [1, 1] and seen['person_ids'] is None
    assert seen['pose6d'].shape == (2, 24, 6) and seen['height'] == 1.7


def test_an_optional_argument_is_bound_where_the_model_has_it(multi_roi, build, people):
    for projector in (multi_roi['projector'], None):
        model = build(dict(multi_roi, projector=projector, losses=dict(slim=dict(type=Slim))))
        model(crops(2, 3), people(2, 3), mode='loss')
        assert (model.losses['slim'].projections is None) == (projector is None)


def test_a_part_that_only_an_optional_argument_asks_for_is_trained(multi_roi, build):
    model = build(dict(multi_roi, losses=dict(slim=dict(type=Slim))))
    assert all(p.requires_grad for p in model.projector.parameters())
    assert not any(p.requires_grad for p in model.heatmap_head.parameters())


def test_one_error_names_all_that_is_missing_what_exists_and_the_remedies(cliff, build):
    cliff['losses'] |= dict(mine=dict(type=Needy), contrastive=dict(type='ContrastiveLoss'))
    with pytest.raises(ValueError) as error:
        build(cliff)
    message = str(error.value)
    for part in (
        "the loss 'mine' (Needy) asks for 'depth_map', which neither the estimator nor CLIFFHead gives",
        "asks for 'uvd'",
        "'contrastive' (ContrastiveLoss) asks for 'projections', which needs the part projector: add "
        "projector=dict(type='ContrastiveProjector')",
        'Available: rotations, betas, joints, ',
        'pose6d.',
    ):
        assert part in message
    assert 'heatmaps' not in message.partition('Available')[2]


def test_inputs_are_computed_once_and_only_when_asked_for(multi_roi, build, people):
    model, inputs, samples = build(multi_roi).eval(), crops(2, 3), people(2, 3)
    calls = []
    for name in ('body_model', 'projector', 'heatmap_head'):
        module = getattr(model, name)
        module.register_forward_hook(lambda *_, name=name: calls.append(name))
    output = model(inputs, samples)
    arguments = (output, stack_views(samples, inputs), stack_labels(samples, inputs.device))
    given = LossInputs(model, *arguments, asked={'vertices', 'joints'})
    assert given['betas'] is given['betas'] and not calls
    assert given['vertices'] is given['vertices'] and given['joints'] is given.joints
    assert calls == ['body_model']
    assert given['projections'] is given['projections'] and given['heatmaps'] is given['heatmaps']
    assert sorted(calls) == ['body_model', 'heatmap_head', 'projector']
    skeleton = LossInputs(model, *arguments, asked={'joints'})
    torch.testing.assert_close(skeleton['joints'], given['joints'], rtol=1e-4, atol=1e-5)
    assert len(calls) == 3


def test_ground_truth_is_repeated_for_a_mesh_per_roi(multi_roi, build, people):
    multi_roi['head']['type'] = 'PerRoIMeshHead'
    model, inputs, samples = build(multi_roi).eval(), crops(2, 3), people(2, 3)
    labels = stack_labels(samples, inputs.device)
    given = LossInputs(model, model(inputs, samples), stack_views(samples, inputs), labels, {'gt_vertices'})
    for name, label in (('gt_betas', labels.betas), ('keypoints3d', labels.keypoints3d)):
        assert given[name].shape[0] == given['rotations'].shape[0] == 6
        assert torch.equal(given[name], label[[0, 0, 0, 1, 1, 1]])
    assert given['gt_vertices'].shape == (6, 6890, 3) and not given['gt_vertices'].requires_grad
    assert given['keypoints2d'].shape == (2, 54, 3) and given['cameras'].shape == (2, 3, 3)


def test_every_input_has_a_shape_in_its_docstring():
    for name in LossInputs.names():
        assert '(' in vars(LossInputs)[name].__doc__ or name == 'aspect', name


def test_a_name_of_a_registered_loss_is_free(cliff, build, people):
    renamed = dict(cliff, losses={f'my_{name}': loss for name, loss in cliff['losses'].items()})
    inputs, samples = crops(2, 1), people(2, 1)
    ours, theirs = (build(config).eval()(inputs, samples, mode='loss') for config in (cliff, renamed))
    assert {f'loss_my_{name[5:]}': value.item() for name, value in ours.items()} == {
        name: value.item() for name, value in theirs.items()
    }
    assert MODELS.get('VertexLoss') is type(build(renamed).losses['my_vertices'])


class Positional(nn.Module):
    def forward(self, joints, /):
        return joints.sum()


class Anything(nn.Module):
    def forward(self, *args, **kwargs):
        return torch.zeros(())


class Absent(nn.Module):
    """Has no forward."""


@pytest.mark.parametrize('loss', [Positional, Anything, Absent])
def test_a_loss_to_which_nothing_can_be_bound_is_refused(cliff, build, loss):
    with pytest.raises(ValueError, match=f"'mine' .{loss.__name__}. has a forward without named arguments"):
        build(dict(cliff, losses=dict(mine=dict(type=loss))))


class PerJoint(nn.Module):
    def forward(self, joints):
        return joints.sum(-1)


class Several(nn.Module):
    def forward(self, joints):
        return dict(a=joints.sum())


@pytest.mark.parametrize(('loss', 'found'), [(PerJoint, r'shape \(2, 54\)'), (Several, 'dict')])
def test_a_loss_returns_one_number(cliff, build, people, loss, found):
    model = build(dict(cliff, losses=dict(mine=dict(type=loss))))
    with pytest.raises(
        TypeError, match=f"'mine' .{loss.__name__}. must return one weighted number.* {found}"
    ):
        model(crops(2, 1), people(2, 1), mode='loss')
