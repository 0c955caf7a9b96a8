import copy
import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint

from mmroi.apis import build_model, init_model, read_model_index
from mmroi.utils import installation

from ..conftest import SHIPPED_CLIFF, SHIPPED_MULTI_ROI

MILLION_PARAMETERS = {SHIPPED_CLIFF.name: 10.28, SHIPPED_MULTI_ROI.name: 13.1}


@pytest.fixture
def checkpoint(config, tmp_path):
    """File of a model whose weights are not those of a new one."""
    with pytest.warns(UserWarning, match='untrained'):
        model = init_model(config)
    torch.manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    path = tmp_path / 'weights.pth'
    torch.save(dict(meta={}, state_dict=model.state_dict()), path)
    return path


def test_loads_weights_and_is_ready(config, checkpoint):
    model = init_model(config, checkpoint)
    expected = torch.load(checkpoint)['state_dict']
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
    assert not model.training and model.cfg is config


def test_folded_norms(small_multi_roi, tmp_path):
    with pytest.warns(UserWarning, match='untrained'):
        model = init_model(small_multi_roi)
    torch.save(model.state_dict(), tmp_path / 'weights.pth')
    folded = init_model(small_multi_roi, tmp_path / 'weights.pth', fold_batch_norms=True)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.encoder.modules())
    crops = torch.randn(2, 5, 3, 64, 48)
    boxes, focal_length = torch.full((2, 5, 3), 200.0).double(), torch.full((2,), 500.0).double()
    with torch.no_grad():
        found, expected = (each.regress(crops, boxes, focal_length) for each in (folded, model))
    for name in ('cameras', 'pose6d', 'betas', 'features'):
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-4)


def test_config_from_a_file_with_options(config, checkpoint, tmp_path):
    path = tmp_path / 'config.py'
    config.dump(path)
    model = init_model(path, checkpoint, cfg_options={'model.data_preprocessor.bgr_to_rgb': False})
    assert model.cfg.model.data_preprocessor.bgr_to_rgb is False


def test_half_precision_becomes_float32(config, checkpoint):
    content = torch.load(checkpoint)
    half = {k: v.half() if v.is_floating_point() else v for k, v in content['state_dict'].items()}
    torch.save(half, checkpoint)  # a plain state dict, too
    for name, value in init_model(config, checkpoint).state_dict().items():
        assert value.dtype == content['state_dict'][name].dtype
        assert torch.equal(value, half[name].to(value.dtype))


def test_prefix_of_data_parallel_is_dropped(config, checkpoint):
    state = {f'module.{key}': value for key, value in torch.load(checkpoint)['state_dict'].items()}
    torch.save(state, checkpoint)
    init_model(config, checkpoint)


def test_a_network_inside_a_lightning_module(config, checkpoint):
    weights = torch.load(checkpoint)['state_dict']
    state = {f'model.{key}': value for key, value in weights.items()}
    torch.save({'state_dict': {**state, 'loss.weight': torch.ones(1)}, 'epoch': 3}, checkpoint)
    model = init_model(config, checkpoint)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    again = init_model(config, checkpoint)
    for parameter in again.parameters():
        torch.nn.init.zeros_(parameter)
    load_checkpoint(again, str(checkpoint))  # MMEngine's, which the tools call
    assert all(torch.equal(value, weights[name]) for name, value in again.state_dict().items())


def test_projector_may_be_absent_from_the_model(config, checkpoint):
    state = torch.load(checkpoint)['state_dict']
    torch.save({**state, 'projector.weight': torch.zeros(1)}, checkpoint)
    init_model(config, checkpoint)


@pytest.fixture
def forms(config):
    """The same small model, with and without a part that only training uses."""

    def make(part, present):
        form = copy.deepcopy(config)
        parts = dict(
            projector=dict(type='ContrastiveProjector', in_channels=64),
            heatmap_head=dict(type='HeatmapHead', in_channels=64, channels=(8,)),
        )
        form.model.update({part: parts[part]} if present else {})
        return form

    return make


@pytest.mark.parametrize('part', ['projector', 'heatmap_head'])
@pytest.mark.parametrize('in_checkpoint', [False, True])
def test_a_part_for_training_may_be_absent_from_either(forms, part, in_checkpoint, tmp_path):
    """As in tools/test.py, which loads by MMEngine's function."""
    source = build_model(forms(part, in_checkpoint))
    path = str(tmp_path / 'weights.pth')
    torch.save(dict(state_dict=source.state_dict()), path)
    target = forms(part, not in_checkpoint)
    tested = build_model(target)
    load_checkpoint(tested, path)
    loaded = init_model(target, path)
    for name, value in loaded.state_dict().items():
        if not name.startswith(part):
            assert torch.equal(value, source.state_dict()[name]), name
            assert torch.equal(value, tested.state_dict()[name]), name


@pytest.mark.parametrize('name, millions', MILLION_PARAMETERS.items())
def test_parameters_of_the_shipped_networks(name, millions):
    """Those that predict: Multi-RoI also has a part that only training uses."""
    model = init_model(name)
    assert round(model.num_parameters() / 1e6, 2) == millions
    only_training = sum(parameter.numel() for parameter in model.parameters()) - model.num_parameters()
    assert (only_training > 0) == (name == SHIPPED_MULTI_ROI.name)


def test_another_architecture_is_refused(config, checkpoint):
    config.model.head = dict(type='CLIFFHead', in_channels=64)
    config.model.pop('fusion')
    with pytest.raises(ValueError, match='weights.pth.*config'):
        init_model(config, checkpoint)


def test_a_checkpoint_of_the_encoder_alone_is_refused(config, checkpoint):
    state = torch.load(checkpoint)['state_dict']
    torch.save({key: value for key, value in state.items() if key.startswith('encoder.')}, checkpoint)
    with pytest.raises(ValueError, match='weights.pth: .* lacks weights of the model: .*in all'):
        init_model(config, checkpoint)


class Payload:
    """Would create a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_malicious_pickle_is_refused(config, tmp_path):
    path = tmp_path / 'evil.pth'
    torch.save(dict(state_dict=Payload(tmp_path / 'harm')), path)
    with pytest.raises(ValueError, match='evil.pth is not a checkpoint that can be read safely'):
        init_model(config, path)
    assert not (tmp_path / 'harm').exists()


@pytest.mark.parametrize('content, message', [(b'', 'read safely'), (b'not a checkpoint', 'read safely')])
def test_broken_file(config, tmp_path, content, message):
    path = tmp_path / 'broken.pth'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f'broken.pth.*{message}'):
        init_model(config, path)


def test_truncated_file(config, checkpoint):
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    with pytest.raises(ValueError, match='weights.pth is not a checkpoint that can be read safely'):
        init_model(config, checkpoint)


def test_no_weights_in_the_file(config, tmp_path):
    torch.save(dict(epoch=3), tmp_path / 'odd.pth')
    with pytest.raises(ValueError, match='odd.pth holds no state dict; its content is: epoch'):
        init_model(config, tmp_path / 'odd.pth')


def test_absent_files(config, tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.pth does not exist'):
        init_model(config, tmp_path / 'nothing.pth')
    message = f'nothing.py does not exist; models with weights: .*{SHIPPED_CLIFF.name}'
    with pytest.raises(FileNotFoundError, match=message):
        init_model(tmp_path / 'nothing.py')
    config.pop('model')
    with pytest.raises(ValueError, match='has no `model`'):
        init_model(config)


def test_a_name_takes_config_and_weights_of_the_index():
    named = init_model(SHIPPED_CLIFF.name.upper())
    from_files = init_model(SHIPPED_CLIFF.config, SHIPPED_CLIFF.weights).state_dict()
    assert all(torch.equal(value, from_files[name]) for name, value in named.state_dict().items())


def test_it_knows_every_name_that_the_inferencer_knows(config, tmp_path, monkeypatch):
    """With a small network in place of each config."""
    config.dump(tmp_path / 'small.py')
    read = []
    monkeypatch.setattr(Config, 'fromfile', lambda path: read.append(Path(path)) or config)
    models = read_model_index()
    assert len(models) > 60
    for name, model in models.items():
        assert build_model(name).cfg is config
        assert read.pop() == model.config


def test_a_name_without_weights_is_untrained(config, tmp_path, monkeypatch):
    (tmp_path / 'configs').mkdir()
    config.dump(tmp_path / 'configs' / 'small.py')
    (tmp_path / 'model-index.yml').write_text('Import: [a.yml]')
    (tmp_path / 'a.yml').write_text('Models: [{Name: small, Config: configs/small.py}]')
    monkeypatch.setattr(installation, 'ROOTS', (tmp_path,))
    with pytest.warns(UserWarning, match='untrained'):
        init_model('small')
    with pytest.raises(FileNotFoundError, match='did you mean small'):
        init_model('smal')
