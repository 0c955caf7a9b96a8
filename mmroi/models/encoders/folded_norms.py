"""BatchNorm folded into the convolutions before it, for prediction."""

import copy
import logging

import torch
from mmcv.cnn.utils import fuse_conv_bn
from mmengine.logging import print_log
from torch import nn

from mmroi.models.encoders.multi_roi_encoder import MultiRoIEncoder

_TOLERANCE = 1e-4  # relative to the largest feature


@torch.no_grad()
def fold_norms(encoder: MultiRoIEncoder) -> MultiRoIEncoder:
    """Fold BatchNorm into the convolutions before it.

    In evaluation mode BatchNorm is a scale and a shift of each channel, which the convolution can do. The
    pairs are found by the order in which a module registers its children, as everywhere in OpenMMLab; the
    features of a crop of noise tell whether that was right.

    Args:
        encoder: In evaluation mode.

    Returns:
        A copy without BatchNorm, which can neither be trained nor load checkpoints; or the encoder itself, if
        it has none, or if the copy computes other features, with a message.
    """
    if not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in encoder.modules()):
        return encoder
    folded: MultiRoIEncoder = fuse_conv_bn(copy.deepcopy(encoder))
    folded.to(memory_format=folded.memory_format).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    crop = torch.randn(1, 1, 3, *encoder.crop_size, generator=generator)
    crop = crop.to(next(encoder.parameters()).device)
    base_box = crop.new_tensor([[[0, 0, 1]]], dtype=torch.float64)
    expected, found = (each(crop, base_box) for each in (encoder, folded))
    difference = float((found - expected).abs().max() / expected.abs().max())
    if not difference <= _TOLERANCE:
        print_log(
            f'BatchNorm of {type(encoder.backbone).__name__} is not folded: the features would change by '
            f'{difference:.1e}. Does it register convolutions and norms in the order in which it calls them?',
            'current',
            logging.WARNING,
        )
        return encoder
    return folded
