import pytest
import torch
from mmengine.runner import load_checkpoint


@pytest.fixture
def file(tmp_path):
    def save(state_dict):
        torch.save(dict(state_dict=state_dict), tmp_path / 'checkpoint.pth')
        return str(tmp_path / 'checkpoint.pth')

    return save


def test_its_own_checkpoint_loads(multi_roi, build, file):
    source, target = build(multi_roi, seed=0), build(multi_roi, seed=1)
    load_checkpoint(target, file(source.state_dict()))
    for name, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], value), name
    target.load_state_dict(source.state_dict())  # torch's own way


def test_prefix_of_a_wrapper(multi_roi, build):
    model = build(multi_roi)
    wrapped = {f'0.{name}': value for name, value in model.state_dict().items()}
    other = torch.nn.Sequential(build(multi_roi, seed=1))
    other.load_state_dict(wrapped)
    assert all(torch.equal(value, wrapped[name]) for name, value in other.state_dict().items())


@pytest.mark.parametrize('model, checkpoint', [('multi_roi', 'cliff'), ('cliff', 'multi_roi')])
def test_other_parts_are_refused(model, checkpoint, build, file, request):
    source, target = (build(request.getfixturevalue(name)) for name in (checkpoint, model))
    with pytest.raises(RuntimeError, match='another architecture than the config.* Use the config'):
        load_checkpoint(target, file(source.state_dict()))


def test_other_widths_are_refused(multi_roi, build, file):
    source = build(multi_roi)
    multi_roi['head']['hidden_channels'] = (128, 64)
    with pytest.raises(RuntimeError, match=r'fc1.bias is \(64,\) in the checkpoint, \(128,\) in the model'):
        load_checkpoint(build(multi_roi), file(source.state_dict()))


def test_other_kinds_of_model_are_refused_with_the_remedy(multi_roi, build, file):
    model = build(multi_roi)
    weights = {f'backbone.{name}': value for name, value in model.encoder.backbone.state_dict().items()}
    with pytest.raises(RuntimeError, match="not of a MeshEstimator.*prefix='backbone.'"):
        load_checkpoint(model, file(weights))


def test_the_named_remedy_works(multi_roi, build, file):
    source = build(multi_roi, seed=0)
    weights = source.encoder.backbone.state_dict()
    path = file({f'backbone.{name}': value for name, value in weights.items()})
    pretrained = dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    multi_roi['encoder']['backbone']['init_cfg'] = pretrained
    target = build(multi_roi, seed=1)
    target.init_weights()
    assert torch.equal(target.encoder.backbone.conv1.weight, source.encoder.backbone.conv1.weight)


def test_training_can_start_from_an_encoder_alone(multi_roi, build, file):
    source, target = build(multi_roi, seed=0), build(multi_roi, seed=1)
    encoder = {name: value for name, value in source.state_dict().items() if name.startswith('encoder.')}
    load_checkpoint(target, file(encoder))
    assert torch.equal(target.encoder.backbone.conv1.weight, source.encoder.backbone.conv1.weight)


def test_a_projector_that_the_model_lacks_is_ignored(multi_roi, build, file):
    source = build(multi_roi, seed=0)
    multi_roi.pop('projector')
    multi_roi['losses'].pop('contrastive')
    target = build(multi_roi, seed=1)
    load_checkpoint(target, file(source.state_dict()))
    assert torch.equal(target.head.mesh_decoder.fc1.weight, source.head.mesh_decoder.fc1.weight)
