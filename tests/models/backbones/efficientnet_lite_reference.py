"""What ``efficientnet_lite_pytorch`` computes, and the script that made ``efficientnet_lite0.npz`` of it.

    pip install --no-deps efficientnet-lite-pytorch==0.1.0
    python tests/models/backbones/efficientnet_lite_reference.py

The file has every 16th channel of the last map (``last``) of an image of 64x96 and of the weights that
``make_state`` makes.
"""

from pathlib import Path

import numpy as np
import torch
from movenet_reference import make_weights  # beside this file

from mmroi.models import EfficientNetLite0

DATA = Path(__file__).parent / 'data' / 'efficientnet_lite0.npz'
IMAGE = torch.linspace(-1, 1, 3 * 64 * 96).view(1, 3, 64, 96).sin()
# Our convolution; theirs and its BatchNorm.
NAMES = dict(
    stem=('_conv_stem', '_bn0'),
    expand=('_expand_conv', '_bn0'),
    depthwise=('_depthwise_conv', '_bn1'),
    project=('_project_conv', '_bn2'),
    last=('_conv_head', '_bn1'),
)


def make_state():
    """Make weights under their names, with a classifier of ten classes."""
    shapes = {'_fc.weight': torch.empty(10, 1280), '_fc.bias': torch.empty(10)}
    for name, value in EfficientNetLite0().state_dict().items():
        path, part, kind = f'.{name}'.rsplit('.', 2)
        convolution, norm = NAMES[part]
        path = path[1:].replace('blocks', '_blocks') + '.' if path else ''
        if kind == 'weight':
            shapes[f'{path}{convolution}.weight'] = value
        else:
            for key in ('weight', 'bias', 'running_mean', 'running_var'):
                shapes[f'{path}{norm}.{key}'] = value
    state = {name: value.float() for name, value in make_weights(shapes).items()}
    for name, value in state.items():
        if name.endswith('running_var'):
            value += 1  # from 0.7 to 1.3
        elif '_bn' in name and name.endswith('weight'):
            value.mul_(0.2).add_(1)  # from 0.5 to 1.5
    return state


def main():
    """Keep what their network computes."""
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name('efficientnet-lite0', num_classes=10).eval()
    missing = network.load_state_dict(make_state(), strict=False)
    assert not missing.unexpected_keys and all('num_batches' in name for name in missing.missing_keys)
    with torch.no_grad():
        last = network.extract_features(IMAGE)
    np.savez_compressed(DATA, last=last[0, ::16])


if __name__ == '__main__':
    main()
