"""Every published network, converted and run: against its authors' code or a walk over its file's names."""

import json
import lzma
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmroi.apis import convert_published, init_model
from mmroi.geometry import decode_box, rot6d_to_matrix

DATA = Path(__file__).parent / 'data'
SHAPES = json.loads(lzma.decompress((DATA / 'published_shapes.json.xz').read_bytes()))


def noise(name, shape):
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)


def fill(name, shape):
    """A tensor by rule from its name: how the outputs in data/ were made."""
    last = name.rsplit('.', 1)[-1]
    if last == 'num_batches_tracked':
        return np.zeros(shape, np.int64)
    if last == 'init_cam':
        return np.float32([[0.9, 0, 0]])
    values = noise(name, shape)
    if last == 'running_var':
        return 1 + 0.1 * np.abs(values)
    if last in ('running_mean', 'bias', 'init_shape'):
        return 0.1 * values
    if last == 'init_pose':
        return np.tile(np.float32([1, 0, 0, 1, 0, 0]), 24)[None] + 0.05 * values
    return 1 + 0.1 * values if len(shape) == 1 else values / np.sqrt(np.prod(shape[1:]))


def filled(network):
    state = {name: torch.as_tensor(fill(name, shape)) for name, shape in SHAPES[network].items()}
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def network_inputs(persons, rois, height, width):
    images = noise('input:images', (persons, rois, 3, height, width))
    return torch.from_numpy(images), torch.from_numpy(0.5 * noise('input:boxes', (persons, rois, 3)))


@pytest.fixture
def convert():
    """Save as found in the wild, converts, loads; the files are large and go at once."""

    def run(state, kind, key='model', prefix='', legacy=False, suffix='.pth'):
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder, 'published.pt'), Path(folder, f'converted{suffix}')
            content = {key: {prefix + name: value for name, value in state.items()}, 'epoch': 3}
            torch.save(content, source, _use_new_zipfile_serialization=not legacy)
            done = convert_published(source, out)
            assert done.kind == kind
            return init_model(done.config, out, body_model='open')

    return run


@torch.no_grad()
def run(model, images, boxes):
    focal = torch.tensor([1000.0, 700.0], dtype=torch.float64)[: len(images)]
    # What a network shall see of the boxes and says of its cameras; one that counts widths is given heights.
    size = torch.tensor([1.0, 1.0, model.head.box_scale], dtype=torch.float64)
    output = model.regress(images, decode_box(boxes.double(), focal) / size, focal)
    cameras = output['cameras'] / size.flip(0)
    shape = images.shape[:2]
    return dict(
        rotmat=rot6d_to_matrix(output['pose6d']).reshape(*shape, 24, 3, 3),
        betas=output['betas'].reshape(*shape, 10),
        cameras=cameras.float(),
        features=output['features'],
    )


def assert_agree(actual, expected):
    for name, value in expected.items():
        bounds = dict(rtol=0, atol=1e-3) if name == 'rotmat' else dict(rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(actual[name], torch.as_tensor(value), **bounds)


# Against the authors' code ---------------------------------------------------------------------------------


def test_cliff_r50_agrees_with_its_authors_code(convert):
    model = convert(filled('cliff_r50'), 'cliff_r50', suffix='.safetensors')
    assert_agree(run(model, *network_inputs(2, 1, 256, 192)), np.load(DATA / 'cliff_r50_outputs.npz'))


def test_multi_roi_r50_agrees_with_its_authors_code(convert):
    model = convert(filled('multi_roi_r50'), 'multi_roi_r50', legacy=True)
    output = run(model, *network_inputs(2, 5, 256, 192))
    features = output['features'].flatten(0, 1)
    with torch.no_grad():  # z before it is brought to unit length
        output['z'] = model.projector.layers(features * features.relu().sigmoid()).reshape(2, 5, -1)
    assert_agree(output, np.load(DATA / 'multi_roi_r50_outputs.npz'))


def test_mmhuman3d_cliff_is_the_same_network_by_other_names(convert):
    head = ('fc', 'dec', 'init')
    state = {
        f'head.{name}' if name.startswith(head) else f'backbone.{name}': value
        for name, value in filled('cliff_r50').items()
    }
    state |= {'body_model_train.shapedirs': torch.zeros(3), 'body_model_test.faces_tensor': torch.zeros(2)}
    model = convert(state, 'mmhuman3d_cliff', key='state_dict')
    assert_agree(run(model, *network_inputs(2, 1, 256, 192)), np.load(DATA / 'cliff_r50_outputs.npz'))


# Against a walk over the names of the file -------------------------------------------------------------


def conv(state, name, x, stride=1):
    weight = state[f'{name}.weight']
    return F.conv2d(x, weight, state.get(f'{name}.bias'), stride, weight.shape[-1] // 2)


def norm(state, name, x):
    parts = ('running_mean', 'running_var', 'weight', 'bias')
    return F.batch_norm(x, *(state[f'{name}.{part}'] for part in parts))


def count(state, prefix):
    return len({name[len(prefix) :].split('.')[0] for name in state if name.startswith(prefix)})


def block(state, name, x, stride=1):
    """Residual block: three convolutions, the second with the stride, or two."""
    convs = count(state, f'{name}.conv')
    y = x
    for i in range(1, convs + 1):
        y = norm(state, f'{name}.bn{i}', conv(state, f'{name}.conv{i}', y, stride if i == convs - 1 else 1))
        y = y.relu() if i < convs else y
    if f'{name}.downsample.0.weight' in state:
        x = norm(state, f'{name}.downsample.1', conv(state, f'{name}.downsample.0', x, stride))
    return (x + y).relu()


def blocks(state, name, x, stride=1):
    for i in range(count(state, f'{name}.')):
        x = block(state, f'{name}.{i}', x, stride if i == 0 else 1)
    return x


def resnet(state, p, x):
    x = F.max_pool2d(norm(state, f'{p}bn1', conv(state, f'{p}conv1', x, 2)).relu(), 3, 2, 1)
    for i in range(1, 5):
        x = blocks(state, f'{p}layer{i}', x, 1 if i == 1 else 2)
    return x.mean((2, 3))


def step(state, name, x, stride, relu=True):
    x = norm(state, f'{name}.1', conv(state, f'{name}.0', x, stride))
    return x.relu() if relu else x


def fuse(state, name, maps):
    """Each branch becomes the sum of all, resized by convolutions of stride 2 or by repetition."""

    def resize(i, j, x):
        if i < j:
            return F.interpolate(step(state, f'{name}.{i}.{j}', x, 1, relu=False), scale_factor=2 ** (j - i))
        for k in range(i - j):
            x = step(state, f'{name}.{i}.{j}.{k}', x, 2, relu=k < i - j - 1)
        return x

    return [sum(resize(i, j, x) for j, x in enumerate(maps)).relu() for i in range(len(maps))]


def hrnet(state, p, x):
    for i in (1, 2):
        x = norm(state, f'{p}bn{i}', conv(state, f'{p}conv{i}', x, 2)).relu()
    x = blocks(state, f'{p}layer1', x)
    maps = [step(state, f'{p}transition1.0', x, 1), step(state, f'{p}transition1.1.0', x, 2)]
    for stage in (2, 3, 4):
        if stage > 2:
            maps = maps + [step(state, f'{p}transition{stage - 1}.{stage - 1}.0', maps[-1], 2)]
        for m in range(count(state, f'{p}stage{stage}.')):
            name = f'{p}stage{stage}.{m}'
            maps = [blocks(state, f'{name}.branches.{b}', y) for b, y in enumerate(maps)]
            maps = fuse(state, f'{name}.fuse_layers', maps)
    return maps


def strided(state, x):
    """Branches of the pose HRNet at the coarsest resolution, joined."""
    maps = hrnet(state, 'backbone.', x)
    for i, y in enumerate(maps[:-1]):
        for k in range(3 - i):
            name = f'backbone.downsample_stage_{i + 1}'
            y = norm(state, f'{name}.{3 * k + 1}', conv(state, f'{name}.{3 * k}', y, 2)).relu()
        maps[i] = y
    assert len({y.shape[-2:] for y in maps}) == 1
    return torch.cat(maps, 1).mean((2, 3))


def classification(state, x):
    maps = hrnet(state, 'encoder.', x)
    y = blocks(state, 'encoder.incre_modules.0', maps[0])
    for i in range(3):
        y = step(state, f'encoder.downsamp_modules.{i}', y, 2)
        y = y + blocks(state, f'encoder.incre_modules.{i + 1}', maps[i + 1])
    return step(state, 'encoder.final_layer', y, 1).mean((2, 3))


def regress(state, features):
    """Features beside the boxes that the network sees (B, ...) to parameters."""
    found = {name: state[f'init_{name}'].expand(len(features), -1) for name in ('pose', 'shape', 'cam')}
    for _ in range(3):
        x = torch.cat([features, *found.values()], 1)
        for name in ('fc1', 'fc2'):
            x = F.linear(x, state[f'{name}.weight'], state[f'{name}.bias'])
        found = {
            name: value + F.linear(x, state[f'dec{name}.weight'], state[f'dec{name}.bias'])
            for name, value in found.items()
        }
    rotmat = rot6d_to_matrix(found['pose'].reshape(1, -1, 24, 6))
    return dict(rotmat=rotmat, betas=found['shape'][None], cameras=found['cam'][None])


def cliff(state, h, boxes):
    return dict(regress(state, torch.cat([h, boxes], 1)), features=h[None])


def fused(state, h, boxes):
    """Features (M, d) of the RoIs of a person, each by the others' relation to it."""
    rows = []
    for box in boxes:
        angles = torch.addcmul(state['pos_enc._phases'], (box - boxes)[:, None], state['pos_enc._freqs'])
        relations = torch.cat([h, box - boxes, angles.sin().flatten(1)], 1)
        x = F.linear(relations, state['fuse_fc.weight'], state['fuse_fc.bias']).flatten()
        for i in (0, 2, 4):
            x = F.linear(x, state[f'attention.{i}.weight'], state[f'attention.{i}.bias']).tanh()
        rows.append(x.softmax(0) @ h)
    return torch.stack(rows)


@torch.no_grad()
def test_huawei_cliff_res50(convert):
    state = filled('huawei_cliff_res50')
    images, boxes = network_inputs(1, 1, 96, 64)
    h = resnet(state, 'encoder.', images[0])
    model = convert(state, 'huawei_cliff_res50', prefix='module.', legacy=True)
    assert_agree(run(model, images, boxes), cliff(state, h, boxes[0]))


@torch.no_grad()
def test_huawei_cliff_hr48(convert):
    state = filled('huawei_cliff_hr48')
    images, boxes = network_inputs(1, 1, 96, 64)
    h = classification(state, images[0])
    assert h.shape == (1, 2048)
    model = convert(state, 'huawei_cliff_hr48', prefix='module.')
    assert_agree(run(model, images, boxes), cliff(state, h, boxes[0]))


@torch.no_grad()
def test_cliff_hr48_of_the_release(convert):
    state = filled('cliff_hr48_release')
    images, boxes = network_inputs(1, 1, 96, 64)
    h = strided(state, images[0])
    assert h.shape == (1, 720)
    model = convert(state, 'cliff_hr48')
    assert_agree(run(model, images, boxes), cliff(state, h, boxes[0]))


@torch.no_grad()
def test_multi_roi_hr48(convert):
    state = filled('multi_roi_hr48')
    images, boxes = network_inputs(1, 5, 96, 64)
    h = strided(state, images[0])
    seen = torch.cat([fused(state, h, boxes[0]), boxes[0].flatten().expand(5, -1)], 1)
    model = convert(state, 'multi_roi_hr48')
    assert_agree(run(model, images, boxes), dict(regress(state, seen), features=h[None]))


@torch.no_grad()
@pytest.mark.parametrize('kind', ['spin', 'mmhuman3d_hmr'])
def test_networks_without_boxes(convert, kind):
    state = filled('cliff_r50')
    weight = state['fc1.weight']
    state['fc1.weight'] = torch.cat([weight[:, :2048], weight[:, 2051:]], 1)
    images, boxes = network_inputs(1, 1, 64, 64)
    h = resnet(state, '', images[0])
    expected = dict(regress(state, h), features=h[None])
    head = ('fc', 'dec', 'init')
    if kind == 'mmhuman3d_hmr':
        state = {
            f'head.{name}' if name.startswith(head) else f'backbone.{name}': value
            for name, value in state.items()
        }
        state['disc.fc.weight'] = torch.zeros(2)
    model = convert(state, kind, key='model' if kind == 'spin' else 'state_dict')
    assert_agree(run(model, images, boxes), expected)
