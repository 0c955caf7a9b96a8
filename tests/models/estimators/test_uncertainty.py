"""The uncertainty head as a part of the estimator."""

import copy
import warnings

import pytest
import torch
from mmengine.runner import load_checkpoint

HEAD = dict(type='JointUncertaintyHead', hidden_channels=8)
LOSS = dict(type='JointUncertaintyLoss')


def crops(num_people, num_rois, seed=0):
    return torch.randn(num_people, num_rois, 3, 64, 48, generator=torch.Generator().manual_seed(seed))


def with_head(config, **options):
    config = copy.deepcopy(config)
    config['uncertainty_head'] = dict(HEAD, **options)
    config['losses']['uncertainty'] = LOSS
    return config


def test_predictions_have_deviations_only_with_the_head(multi_roi, build, people):
    with torch.no_grad():
        (sample,) = build(with_head(multi_roi)).eval()(crops(1, 3), people(1, 3), mode='predict')
        (plain,) = build(multi_roi).eval()(crops(1, 3), people(1, 3), mode='predict')
    assert sample.pred_instances.joints_std.shape == (1, 24)
    assert 'joints_std' not in plain.pred_instances
    for name, value in plain.pred_instances.items():
        assert torch.equal(sample.pred_instances[name], value), name


@pytest.mark.parametrize('kind', ['multi_roi', 'cliff'])
def test_the_regression_trains_as_without_the_head(kind, build, people, request):
    """Losses, gradients and weights after two steps are equal to the bit."""
    config = request.getfixturevalue(kind)
    rois = 3 if kind == 'multi_roi' else 1
    models = [build(config), build(with_head(config))]
    for model in models:
        torch.manual_seed(1)  # of the dropout
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(2):
            optimizer.zero_grad()
            losses = model(crops(2, rois, step), people(2, rois, step), mode='loss')
            sum(losses.values()).backward()
            optimizer.step()
    plain, both = (dict(model.named_parameters()) for model in models)
    assert {name for name in both if name not in plain} == {
        f'uncertainty_head.{layer}.{kind}' for layer in ('fc', 'decoder') for kind in ('weight', 'bias')
    }
    for name, value in plain.items():
        assert torch.equal(both[name], value), name
    assert both['uncertainty_head.decoder.weight'].any()  # it has learned


def test_gradients_flow_back_where_asked(cliff, build, people):
    cliff = copy.deepcopy(cliff)
    cliff['uncertainty_head'] = dict(HEAD, detach=False)
    cliff['losses'] = dict(uncertainty=dict(LOSS, detach=False))
    model = build(cliff)
    torch.nn.init.normal_(model.uncertainty_head.decoder.weight)
    model(crops(2, 1), people(2, 1), mode='loss')['loss_uncertainty'].backward()
    assert model.head.regressor.fc1.weight.grad.any() and model.encoder.backbone.conv1.weight.grad.any()


def test_the_head_alone_trains_on_frozen_parts(multi_roi, build, people):
    config = with_head(multi_roi)
    config['losses'] = dict(uncertainty=LOSS)
    config['frozen_parts'] = ['encoder', 'fusion', 'head', 'projector', 'heatmap_head']
    model = build(config)
    model.train()
    trained = {name.split('.')[0] for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {'uncertainty_head'}
    assert not model.encoder.training and not model.head.training and model.uncertainty_head.training
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.uncertainty_head.parameters(), lr=0.05)
    values = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = model(crops(2, 3), people(2, 3), mode='loss')['loss_uncertainty']
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < values[0] - 0.1
    for name, value in model.state_dict().items():  # BatchNorm's statistics included
        assert torch.equal(value, before[name]) != name.startswith('uncertainty_head') or 'scale' in name


def test_frozen_parts_that_do_not_exist_are_refused(cliff, build):
    with pytest.raises(ValueError, match='frozen_parts names fusion.*its parts are encoder, head'):
        build(dict(cliff, frozen_parts=['fusion']))


def test_the_loss_needs_the_head(cliff, build):
    cliff['losses']['uncertainty'] = LOSS
    with pytest.raises(ValueError, match=r"joints_std.*uncertainty_head=dict\(type='JointUncertaintyHead'\)"):
        build(cliff)


def test_a_head_that_no_loss_trains_is_left_alone(cliff, build):
    model = build(dict(cliff, uncertainty_head=HEAD))
    assert not any(p.requires_grad for p in model.uncertainty_head.parameters())


@pytest.fixture
def file(tmp_path):
    def save(model):
        torch.save(dict(state_dict=model.state_dict()), tmp_path / 'checkpoint.pth')
        return str(tmp_path / 'checkpoint.pth')

    return save


def test_a_checkpoint_without_the_head_loads_with_a_warning(cliff, build, file):
    source, target = build(cliff, seed=0), build(with_head(cliff), seed=1)
    with pytest.warns(UserWarning, match=r'no uncertainty_head.*Remove model.uncertainty_head'):
        load_checkpoint(target, file(source))
    assert torch.equal(target.head.regressor.fc1.weight, source.head.regressor.fc1.weight)


def test_a_checkpoint_with_the_head_loads_without_it(cliff, build, file):
    source, target = build(with_head(cliff), seed=0), build(cliff, seed=1)
    with warnings.catch_warnings():  # the shipped files have one
        warnings.simplefilter('error', UserWarning)
        load_checkpoint(target, file(source))
    assert torch.equal(target.head.regressor.fc1.weight, source.head.regressor.fc1.weight)


def test_a_head_of_another_width_is_refused(cliff, build, file):
    with pytest.raises(RuntimeError, match='another architecture'):
        load_checkpoint(build(with_head(cliff, hidden_channels=16)), file(build(with_head(cliff))))
