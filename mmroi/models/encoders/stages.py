"""Backbones cut into their four stages, to run the first of them on other images than the last."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from mmroi.models.backbones.inverted_residuals import Stage
from mmroi.models.encoders.backbone import is_hrnet, is_resnet

NUM_STAGES = 4


def stages_of(backbone: nn.Module) -> list[Stage]:
    """Cut a backbone into its stages, numbered as :class:`mmroi.models.MultiRoIEncoder` freezes them.

    Args:
        backbone: ``mmdet.ResNet``, ``mmdet.HRNet``, or a module with a method ``stages`` that returns the
            same.

    Returns:
        list[Stage]: Four functions from maps to maps (B, C, h, w), finest first. The first one has the stem
        and takes the images, as the only map; the maps of the last one are those that the backbone returns.

    Raises:
        ValueError: The backbone cannot be cut, or returns maps of other stages than the last.
    """
    module: Any = backbone
    if hasattr(module, 'stages'):
        stages: list[Stage] = module.stages()
    elif is_hrnet(type(module)):
        stages = [partial(_run_hrnet, module, number) for number in range(1, NUM_STAGES + 1)]
    elif is_resnet(type(module)):
        stages = [partial(_run_resnet, module, number) for number in range(1, NUM_STAGES + 1)]
    else:
        raise ValueError(
            f'the backbone {type(module).__name__} cannot be cut into stages: take roi_stage={NUM_STAGES}, '
            "mmdet.ResNet, mmdet.HRNet or MoveNetBackbone, or give it a method 'stages'"
        )
    returned = tuple(getattr(module, 'out_indices', (NUM_STAGES - 1,)))
    if returned != (NUM_STAGES - 1,) or len(stages) != NUM_STAGES:
        raise ValueError(
            f'the backbone {type(module).__name__} returns the maps of out_indices={returned}, but a '
            f'roi_stage below {NUM_STAGES} needs out_indices=({NUM_STAGES - 1},)'
        )
    return stages


def _run_resnet(backbone: Any, number: int, maps: Sequence[Tensor]) -> list[Tensor]:
    (x,) = maps
    if number == 1:
        x = backbone.stem(x) if backbone.deep_stem else backbone.relu(backbone.norm1(backbone.conv1(x)))
        x = backbone.maxpool(x)
    return [getattr(backbone, f'layer{number}')(x)]


def _run_hrnet(backbone: Any, number: int, maps: Sequence[Tensor]) -> list[Tensor]:
    if number == 1:
        (x,) = maps
        for convolution, norm in ((backbone.conv1, backbone.norm1), (backbone.conv2, backbone.norm2)):
            x = backbone.relu(norm(convolution(x)))
        return [backbone.layer1(x)]
    # A branch continues as it is or through a transition; the last transition starts a new branch.
    transitions = getattr(backbone, f'transition{number - 1}')
    branches = [
        maps[i] if transition is None else transition(maps[-1]) for i, transition in enumerate(transitions)
    ]
    return list(getattr(backbone, f'stage{number}')(branches))
