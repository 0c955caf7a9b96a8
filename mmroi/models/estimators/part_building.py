"""Parts of an estimator, with what their configs leave to it filled in."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mmroi.registry import MODELS

FROM_MAPS = ('heatmap_head',)
"""Parts that work on the encoder's last map, not on its pooled features."""


def build_part(
    name: str,
    config: Mapping[str, Any],
    out_channels: int,
    map_channels: int,
    num_rois: int | None = None,
) -> nn.Module:
    """Build a part behind the encoder.

    Args:
        name: Name of the part in the estimator.
        config: Its config. Where it leaves out ``in_channels`` or ``num_rois``, and its class takes them,
            they are filled in.
        out_channels: Width of the encoder's features.
        map_channels: Channels of the encoder's last map.
        num_rois: M, if the estimator says it.

    Returns:
        nn.Module: The part.

    Raises:
        ValueError: The config says another width than the encoder has, or another M than the estimator.
    """
    kind = config.get('type')
    cls = MODELS.get(kind) if isinstance(kind, str) else kind
    if cls is None:
        return MODELS.build(dict(config))  # raises MMEngine's error, which says what to check
    from_maps = name in FROM_MAPS or getattr(cls, 'needs_maps', False)
    width = map_channels if from_maps else out_channels
    taken = inspect.signature(cls).parameters
    filled = dict(in_channels=width, num_rois=num_rois)
    given = {key: value for key, value in config.items() if value is not None or key not in filled}
    missing = {key: value for key, value in filled.items() if key in taken and value is not None}
    part = MODELS.build({**missing, **given})
    if getattr(part, 'in_channels', width) != width:
        raise ValueError(
            f'MeshEstimator: the encoder gives features of {width} channels, but {name} was built for '
            f'in_channels={part.in_channels}; leave out in_channels, which is then filled in.'
        )
    made_for = given.get('num_rois') if 'num_rois' in taken else getattr(part, 'num_rois', None)
    if None not in (num_rois, made_for) and made_for != num_rois:
        raise ValueError(
            f'MeshEstimator: the model has num_rois={num_rois}, but {name} ({cls.__name__}) is for '
            f'num_rois={made_for}'
            + ('; say the number once, as num_rois of the model.' if 'num_rois' in taken else ' only.')
        )
    return part


def check_normalization(encoder: nn.Module, preprocessor: nn.Module) -> None:
    """Refuse crops that are normalized otherwise than the backbone expects.

    Args:
        encoder: Its backbone may declare ``input_mean`` and ``input_std``, three numbers each: RGB, 0 to 255.
        preprocessor: The data preprocessor; one without ``mean`` and ``std`` is not checked.

    Raises:
        ValueError: They differ; names the values to set.
    """
    backbone: Any = getattr(encoder, 'backbone', None)
    if not hasattr(backbone, 'input_mean') or not hasattr(preprocessor, 'mean'):
        return
    used: Any = preprocessor
    given = [used.mean.flatten().tolist(), used.std.flatten().tolist()]
    expected = [list(backbone.input_mean), list(backbone.input_std)]
    if not torch.allclose(torch.tensor(given), torch.tensor(expected)):
        raise ValueError(
            f'MeshEstimator: the backbone {type(backbone).__name__} needs crops normalized with mean '
            f'{expected[0]} and std {expected[1]}, but data_preprocessor has mean {given[0]} and std '
            f'{given[1]}: set data_preprocessor=dict(mean={expected[0]}, std={expected[1]}).'
        )
