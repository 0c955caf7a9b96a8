import hashlib
from pathlib import Path

import pytest
import torch
from mmengine import registry
from mmengine.model import PretrainedInit
from torch import nn

from mmroi.models import HRNetClassificationNeck, MultiRoIEncoder, StrictPretrainedInit

pytestmark = pytest.mark.usefixtures('mmroi_scope', 'hub')

DECONV_HEAD = [f'head.deconv_layers.{i}.{n}' for i in (0, 3, 6) for n in ('weight', 'bias')]
FUSE = [f'stage4.2.fuse_layers.{i}.' for i in (1, 2, 3)]


def pretrained(path, prefix='backbone.', **kwargs):
    return dict(type='Pretrained', checkpoint=str(path), prefix=prefix, **kwargs)


@pytest.fixture
def log(monkeypatch):
    """The lines logged."""
    lines = []
    monkeypatch.setattr('mmroi.models.pretrained_init.print_log', lambda line, **_: lines.append(line))
    return lines


def randomize(module):
    for value in module.state_dict().values():
        if value.is_floating_point():
            nn.init.normal_(value)
    return module


def assert_same(module, other, without=()):
    for name, value in other.state_dict().items():
        if not name.startswith(tuple(without)):
            torch.testing.assert_close(module.state_dict()[name], value, msg=name)


def test_resnet_of_mmpose(resnet, mmpose_file):
    """``td-hm_res50_8xb64-210e_coco-256x192``: its backbone has these names and its head deconvolutions."""
    source = randomize(resnet(50))
    assert len(source.state_dict()) == 318  # torchvision's 320 without fc
    path = mmpose_file(source, DECONV_HEAD)
    encoder = MultiRoIEncoder(dict(type='mmdet.ResNet', depth=50, base_channels=4, init_cfg=pretrained(path)))
    encoder.init_weights()
    assert_same(encoder.backbone, source)


def test_hrnet_of_mmpose_lacks_the_last_fusion(hrnet, mmpose_file, log):
    """``td-hm_hrnet-w48_8xb32-210e_coco-256x192`` has ``multiscale_output=False`` in its last module."""
    source = randomize(hrnet())
    path = mmpose_file(source, leave_out=FUSE)
    network = hrnet(init_cfg=pretrained(path))
    network.init_weights()
    assert_same(network, source, without=FUSE)
    assert 'no fusion to the coarser branches' in log[-1]


@pytest.mark.parametrize('leave_out', [FUSE[:1], ['stage4.2.fuse_layers.0.'], ['stage4.1.fuse_layers.1.']])
def test_no_other_part_of_hrnet_may_be_absent(hrnet, mmpose_file, leave_out):
    path = mmpose_file(hrnet(), leave_out=leave_out)
    with pytest.raises(ValueError, match=rf'{leave_out[0]}.*is not in the file'):
        hrnet(init_cfg=pretrained(path)).init_weights()


def test_imagenet_resnet(resnet, tmp_path, log):
    """torchvision's files are plain state dicts in the older container of torch, with ``fc``."""
    source = randomize(resnet())
    state = dict(source.state_dict(), **{'fc.weight': torch.zeros(1000, 4), 'fc.bias': torch.zeros(1000)})
    counters = {n for n in state if n.endswith('num_batches_tracked')}
    torch.save(
        {n: v for n, v in state.items() if n not in counters},
        tmp_path / 'resnet18.pth',
        _use_new_zipfile_serialization=False,
    )
    network = resnet(init_cfg=pretrained(tmp_path / 'resnet18.pth', prefix=None))
    network.init_weights()
    assert_same(network, source, counters)
    assert 'left out: fc (2 tensors)' in log[-1]


def test_imagenet_hrnet_fills_backbone_and_neck(hrnet, tmp_path):
    """One file for both: each takes its own parts, and leaves the other's and the classifier out."""
    backbone, neck = randomize(hrnet()), randomize(HRNetClassificationNeck((4, 8, 16, 32), (2, 4, 8, 16), 10))
    torch.save(
        {**backbone.state_dict(), **neck.state_dict(), 'classifier.weight': torch.zeros(1000, 10)},
        tmp_path / 'hrnetv2.pth',
    )
    init = pretrained(tmp_path / 'hrnetv2.pth', prefix=None)
    copies = hrnet(init_cfg=init), HRNetClassificationNeck((4, 8, 16, 32), (2, 4, 8, 16), 10, init_cfg=init)
    for source, copy in zip((backbone, neck), copies, strict=True):
        copy.init_weights()
        assert_same(copy, source)


def test_half_precision_and_prefix_without_dot(resnet, mmpose_file):
    source = randomize(resnet()).half()
    network = resnet(init_cfg=pretrained(mmpose_file(source), prefix='backbone'))
    network.init_weights()
    assert network.conv1.weight.dtype == torch.float32
    assert_same(network, source.float())


@pytest.mark.parametrize(
    'source, target, message',
    [
        (50, 101, r'layer3\.6\.conv1\.weight is not in the file; layer3\.6\.bn1'),
        (101, 50, r'layer3\.6\.conv1\.weight is not in the network; layer3\.6\.bn1'),
        (50, 18, r'layer1\.0\.conv1\.weight is \(4, 4, 1, 1\) in the file, \(4, 4, 3, 3\) in the network'),
    ],
)
def test_another_depth_is_refused(resnet, mmpose_file, source, target, message):
    network = resnet(target, init_cfg=pretrained(mmpose_file(resnet(source))))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(ValueError, match=message) as error:
        network.init_weights()
    assert 'does not fit ResNet' in str(error.value) and '\n' not in str(error.value)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_file_of_another_hash_is_refused(resnet, mmpose_file):
    path = mmpose_file(resnet())
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    resnet(init_cfg=pretrained(path, sha256=digest)).init_weights()
    with open(path, 'rb+') as file:
        file.seek(-200, 2)
        file.write(b'x')
    with pytest.raises(ValueError, match=f'its SHA-256 is .*, not {digest}: it is damaged or another file'):
        resnet(init_cfg=pretrained(path, sha256=digest)).init_weights()


@pytest.mark.parametrize('prefix', [None, 'encoder.'])
def test_a_missing_or_wrong_prefix_says_what_is_there(resnet, mmpose_file, prefix):
    network = resnet(init_cfg=pretrained(mmpose_file(resnet()), prefix=prefix))
    with pytest.raises(ValueError, match='names in the file begin with backbone, head; set prefix'):
        network.init_weights()


def test_nothing_is_initialised_again_afterwards(resnet, mmpose_file):
    """The whole encoder from one file: its children's own initialization must not undo it."""
    source = randomize(resnet())
    config = dict(type='mmdet.ResNet', depth=18, base_channels=4)
    encoder = MultiRoIEncoder(config, init_cfg=pretrained(mmpose_file(source), prefix=None))
    encoder.init_weights()
    assert_same(encoder.backbone, source)


def test_frozen_and_channels_last_encoders_load_as_well(hrnet, mmpose_file):
    source = randomize(hrnet())
    config = dict(type='mmdet.HRNet', extra=source.extra, init_cfg=pretrained(mmpose_file(source)))
    encoder = MultiRoIEncoder(config, frozen_stages=3, channels_last=True)
    encoder.init_weights()
    assert_same(encoder.backbone, source)
    assert encoder.backbone.conv2.weight.is_contiguous(memory_format=torch.channels_last)


def test_only_mmroi_is_concerned(tmp_path):
    config = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))
    assert type(registry.WEIGHT_INITIALIZERS.build(dict(config))) is StrictPretrainedInit
    registry.DefaultScope._instance_dict.clear()
    assert type(registry.WEIGHT_INITIALIZERS.build(dict(config))) is PretrainedInit
