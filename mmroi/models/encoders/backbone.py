"""Build backbones with the options that save memory or freeze pre-trained weights."""

import inspect
from collections.abc import Iterator
from typing import Any

from torch import nn

from mmroi.registry import MODELS


def build_backbone(
    config: dict[str, Any], frozen_stages: int = -1, norm_eval: bool = False, with_cp: bool = False
) -> nn.Module:
    """Build a backbone with those of the options that it takes; its own config has precedence.

    MMDetection's backbones freeze the running statistics of BatchNorm by default (``norm_eval=True``), with
    which nothing is learned from scratch. So ``norm_eval`` is always passed on, even if it is False.

    Args:
        config: Config of the backbone.
        frozen_stages: See :class:`mmroi.models.MultiRoIEncoder`. HRNet has no such argument and is frozen by
            the encoder (:func:`hrnet_stages`).
        norm_eval: See :class:`mmroi.models.MultiRoIEncoder`.
        with_cp: See :class:`mmroi.models.MultiRoIEncoder`.

    Returns:
        nn.Module: The backbone.

    Raises:
        ValueError: The backbone does not take an option that is set.
    """
    kind = config.get('type')
    cls = MODELS.get(kind) if isinstance(kind, str) else kind
    if cls is None:
        return MODELS.build(config)  # raises MMEngine's error, which says what to check
    options: dict[str, int] = {'norm_eval': norm_eval}
    if frozen_stages >= 0:
        options['frozen_stages'] = frozen_stages
    if with_cp:
        options['with_cp'] = with_cp
    parameters = inspect.signature(cls).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for name in options.keys() - parameters.keys():
            value = options.pop(name)
            if value is not False and not (name == 'frozen_stages' and is_hrnet(cls)):
                raise ValueError(
                    f'MultiRoIEncoder: the backbone {kind} does not know {name}, which is set '
                    f'to {value}; leave it out, or take mmdet.ResNet or mmdet.HRNet.'
                )
    return MODELS.build(options | dict(config))


def is_hrnet(cls: type) -> bool:
    """Whether a class is ``mmdet.HRNet``, or derived from it."""
    from mmdet.models.backbones import HRNet  # lazy: importing MMDetection takes about 1 s

    return issubclass(cls, HRNet)


def is_resnet(cls: type) -> bool:
    """Whether a class is ``mmdet.ResNet``, or derived from it."""
    from mmdet.models.backbones import ResNet  # lazy: importing MMDetection takes about 1 s

    return issubclass(cls, ResNet)


def hrnet_stages(backbone: nn.Module) -> Iterator[list[nn.Module]]:
    """Stages of HRNet, in the order and numbering in which MMPose freezes them.

    Args:
        backbone: ``mmdet.HRNet``.

    Yields:
        list[nn.Module]: Stage 0, the two convolutions of the stem with their norms; stage 1, ``layer1``;
        stage k from 2 to 4, ``transition{k-1}`` and ``stage{k}``.
    """
    stages = [('conv1', 'norm1', 'conv2', 'norm2'), ('layer1',)]
    stages += [(f'transition{k - 1}', f'stage{k}') for k in (2, 3, 4)]
    for names in stages:
        yield [getattr(backbone, name) for name in names]
