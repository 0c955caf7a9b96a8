"""Conversion of small networks of the published kinds, and what it refuses."""

import hashlib
import os

import pytest
import torch
from mmengine.config import Config
from safetensors import safe_open
from safetensors.torch import save_file

from mmroi.apis import PUBLISHED, build_model, convert_published, init_model
from mmroi.apis.published import START
from mmroi.version import __version__


@pytest.fixture
def network(tmp_path):
    """Config and published file of a Multi-RoI network with narrow layers and two RoIs."""
    config = tmp_path / 'small.py'
    Config(
        dict(
            default_scope='mmroi',
            model=dict(
                type='MeshEstimator',
                encoder=dict(
                    type='MultiRoIEncoder',
                    backbone=dict(type='mmdet.ResNet', depth=50, base_channels=8, out_indices=(3,)),
                ),
                fusion=dict(
                    type='RoIAwareFusion',
                    in_channels=256,
                    num_rois=2,
                    encoding=dict(type='Float32BoxEncoding'),
                ),
                head=dict(
                    type='CLIFFHead', in_channels=256, num_rois=2, boxes='all', hidden_channels=(32, 16)
                ),
                projector=dict(type='ContrastiveProjector', in_channels=256),
                body_model=dict(type='SMPL'),
            ),
        )
    ).dump(config)
    own = build_model(config).state_dict()
    kind = PUBLISHED['multi_roi_r50']
    state = {
        kind.their_names(name)[0]: torch.randn(value.shape) if value.is_floating_point() else value
        for name, value in own.items()
        if name != START
    }
    for name, size in zip(kind.start, (144, 10, 3), strict=True):
        state[name] = torch.randn(1, size)
    return config, state


@pytest.fixture
def convert(network, tmp_path):
    """Convert the published file with some tensors changed, or removed by None."""
    config, state = network

    def run(out='new.pth', config=config, kind='multi_roi_r50', **changes):
        content = {name: value for name, value in {**state, **changes}.items() if value is not None}
        torch.save(dict(model=content, optimizer=dict(lr=1), epoch=3), tmp_path / 'old.pt')
        return convert_published(tmp_path / 'old.pt', tmp_path / out, config, kind)

    return run


def test_what_is_written(network, convert, tmp_path):
    config, state = network
    done = convert('folder/new.pth')
    assert (done.kind, done.config, done.converted, done.dropped) == ('multi_roi_r50', config, len(state), {})
    content = torch.load(tmp_path / 'folder' / 'new.pth', weights_only=True)
    assert content['meta'] == dict(
        source_kind='multi_roi_r50',
        source_file='old.pt',
        config=str(config),
        mmroi_version=__version__,
        source_sha256=hashlib.sha256((tmp_path / 'old.pt').read_bytes()).hexdigest(),
        body_model=dict(name='SMPL_NEUTRAL'),
    )
    weights = content['state_dict']
    assert torch.equal(weights['encoder.backbone.layer4.2.conv3.weight'], state['layer4.2.conv3.weight'])
    assert torch.equal(weights['fusion.set_mlp.2.bias'], state['attention.2.bias'])
    assert torch.equal(weights['head.regressor.decoders.betas.weight'], state['decshape.weight'])
    start = torch.cat([state['init_pose'], state['init_shape'], state['init_cam']], 1)[0]
    assert torch.equal(weights[START], start)
    assert torch.equal(weights['projector.layers.3.weight'], state['proj_head.3.weight'])
    assert not (content.keys() - {'meta', 'state_dict'}) and len(list((tmp_path / 'folder').iterdir())) == 1


def test_safetensors_both_ways(network, convert, tmp_path):
    config, state = network
    convert('new.pth')
    save_file(state, tmp_path / 'old.safetensors')
    convert_published(tmp_path / 'old.safetensors', tmp_path / 'new.safetensors', config, 'multi_roi_r50')
    with safe_open(tmp_path / 'new.safetensors', 'pt') as file:
        assert file.metadata()['source_file'] == 'old.safetensors'
    one, other = (init_model(config, tmp_path / f'new.{end}').state_dict() for end in ('pth', 'safetensors'))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_half_precision_becomes_float32(network, convert, tmp_path):
    _, state = network
    convert(**{name: value.half() for name, value in state.items() if value.is_floating_point()})
    weights = torch.load(tmp_path / 'new.pth')['state_dict']
    assert weights['fusion.pair_fc.weight'].dtype == torch.float32
    assert torch.equal(weights['fusion.pair_fc.weight'], state['fuse_fc.weight'].half().float())
    assert torch.equal(weights[START][:144], state['init_pose'][0].half().float())


def test_counters_of_batch_norm_may_be_absent(network, convert, tmp_path):
    _, state = network
    convert(**dict.fromkeys(name for name in state if name.endswith('num_batches_tracked')))
    assert torch.load(tmp_path / 'new.pth')['state_dict']['encoder.backbone.bn1.num_batches_tracked'] == 0


def refused(convert, tmp_path, message, **options):
    with pytest.raises(ValueError, match=message):
        convert(**options)
    assert not list(tmp_path.glob('new*'))


def test_missing_unknown_and_misshapen_tensors_are_listed(network, convert, tmp_path):
    _, state = network
    changes = {
        'fc2.bias': None,
        'init_cam': None,
        'layer9.weight': torch.zeros(1),
        'layer1.0.oddity': torch.zeros(1),
        'bn1.weight': torch.zeros(3),
    }
    refused(
        convert,
        tmp_path,
        r'old.pt is .* ResNet-50, but does not fit the model of .*small.py: '
        r'2 tensors are missing: init_cam, fc2.bias; '
        r'2 tensors are unknown: layer9.weight, layer1.0.oddity; '
        r'1 tensor is of another shape: bn1.weight \(3,\) instead of \(8,\)',
        **changes,
    )
    layer = {name: None for name in state if name.startswith('layer') and 'tracked' not in name}
    refused(convert, tmp_path, f'{len(layer)} tensors are missing: .* and {len(layer) - 20} more', **layer)


def test_another_number_of_rois(network, convert, tmp_path):
    config = Config.fromfile(network[0])
    config.model.fusion.num_rois = config.model.head.num_rois = 3
    config.dump(tmp_path / 'three.py')
    refused(
        convert,
        tmp_path,
        'for 2 RoIs, but .*three.py builds one for 3; use configs/[^:]*$',
        config=tmp_path / 'three.py',
    )


@pytest.mark.parametrize(
    'head',
    [
        dict(type='MultiRoIHead', in_channels=256, num_rois=2),
        dict(type='CLIFFHead', in_channels=256, num_rois=2),
    ],
)
def test_another_head(network, convert, tmp_path, head):
    config = Config.fromfile(network[0])
    config.model.pop('head')
    config.model.head = head
    config.dump(tmp_path / 'other.py')
    refused(
        convert,
        tmp_path,
        f'made for another head than the {head["type"]} of .*other.py; use [^:]*$',
        config=tmp_path / 'other.py',
    )


def test_kind(convert, tmp_path):
    refused(convert, tmp_path, "there is no kind 'pare'; there are huawei_cliff_res50", kind='pare')
    refused(convert, tmp_path, r'old.pt: .*fc1.weight is \(32,', kind=None)  # found, but not in this size


def test_names_of_files(convert, tmp_path):
    refused(convert, tmp_path, 'must end in .pth or .safetensors, not .new.pt', out='new.pt')
    convert('new.pth')
    with pytest.raises(ValueError, match='new.pth is the published file itself'):
        convert_published(tmp_path / 'new.pth', tmp_path / '..' / tmp_path.name / 'new.pth')
    with pytest.raises(FileNotFoundError, match='nothing.pt does not exist'):
        convert_published(tmp_path / 'nothing.pt', tmp_path / 'x.pth')


class Payload:
    """Would create a folder when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('zipped', [True, False])
def test_a_file_that_would_run_code_is_refused(tmp_path, zipped):
    content = dict(model={'fc1.weight': torch.zeros(1)}, optimizer=Payload(tmp_path / 'harm'))
    torch.save(content, tmp_path / 'evil.pt', _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match='evil.pt is not a checkpoint that can be read safely'):
        convert_published(tmp_path / 'evil.pt', tmp_path / 'new.pth')
    assert [path.name for path in tmp_path.iterdir()] == ['evil.pt']


@pytest.mark.parametrize('zipped', [True, False])
def test_a_truncated_file_is_refused(tmp_path, zipped):
    path = tmp_path / 'cut.pt'
    torch.save(dict(model={'fc1.weight': torch.zeros(9999)}), path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(ValueError, match='cut.pt is not a checkpoint that can be read safely'):
        convert_published(path, tmp_path / 'new.pth')
