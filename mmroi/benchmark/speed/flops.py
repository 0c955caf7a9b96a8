"""Parameters and floating-point operations of the parts of a network."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from mmengine.config import ConfigDict
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmroi.benchmark.speed.networks import build_for_rois, random_batch
from mmroi.engine.pipelines import CropSettings
from mmroi.models import MeshEstimator
from mmroi.models.estimators.architecture_guard import PREDICTING
from mmroi.models.estimators.views_and_labels import stack_views
from mmroi.models.heads.base_head import rotations_of

INFERENCE = (*PREDICTING, 'body_model')
TRAINING = MeshEstimator.ONLY_IN_TRAINING

T = TypeVar('T')


def count(call: Callable[[], T]) -> tuple[T, int]:
    """Call a function and count its floating-point operations.

    Args:
        call: The function.

    Returns:
        Its result and the number of operations.
    """
    with FlopCounterMode(display=False) as counter:
        result = call()
    return result, counter.get_total_flops()


def parameters_of(module: nn.Module | None) -> int:
    """Return the number of weights, without buffers such as those of a body model."""
    return sum(parameter.numel() for parameter in module.parameters()) if module is not None else 0


@torch.no_grad()
def flops_of_parts(model: Any, crops: CropSettings) -> dict[str, int]:
    """Count the operations of each part for one person, running them one after the other as the model does.

    Args:
        model: A ``MeshEstimator`` in evaluation mode.
        crops: Number of RoIs, and number and size of crops.

    Returns:
        Operations by name of the part; 0 for those that the model lacks.
    """
    batch = model.data_preprocessor(random_batch(1, crops))
    views = stack_views(batch['data_samples'], batch['inputs'])
    flops = {}

    def run(part: str, call: Callable[[], Any]) -> Any:
        result, flops[part] = count(call)
        return result

    maps = run('backbone', lambda: model.encoder.extract_maps(batch['inputs'], views.boxes))
    h = run('pool', lambda: model.encoder.pool_maps(maps, crops.num_rois))
    flops = dict(encoder=flops['backbone'] + flops['pool'], fusion=0)
    u, u_bar = h, h.mean(1)
    if model.fusion is not None:
        u, u_bar = run('fusion', lambda: model.fusion(h, views.boxes, views.focal_length))[:2]
    more = dict(maps=maps) if model.head.needs_maps else {}
    output = run('head', lambda: model.head(u, u_bar, views.boxes, views.focal_length, **more))
    rotations = rotations_of(output).reshape(-1, 24, 3, 3)[:1]  # one mesh, or that of the base RoI
    betas = output['betas'].reshape(-1, 10)[:1]
    run('body_model', lambda: model.body_model(rotations[:, :1], rotations[:, 1:], betas))
    for part, call in (
        ('projector', lambda: model.projector(h)),
        ('heatmap_head', lambda: model.heatmap_head(maps[-1])),
    ):
        flops[part] = 0
        if getattr(model, part) is not None:
            run(part, call)
    return flops


def measure_cost(config: ConfigDict, crops: CropSettings) -> dict[str, Any] | None:
    """Count parameters and operations of a model for a number of RoIs.

    Args:
        config: Config of the model.
        crops: Number of RoIs, and number and size of crops.

    Returns:
        ``rois``, ``all_parameters``, and ``parameters`` and ``flops`` by part, where ``inference`` is the sum
        of the parts that prediction needs; None if the model does not support this number of RoIs.
    """
    model: Any = build_for_rois(config, crops.num_rois)
    if model is None:
        return None
    parameters = {part: parameters_of(getattr(model, part)) for part in (*INFERENCE, *TRAINING)}
    flops = flops_of_parts(model.eval(), crops)
    for figures in (parameters, flops):
        figures['inference'] = sum(figures[part] for part in INFERENCE)
    return dict(rois=crops.num_rois, parameters=parameters, flops=flops, all_parameters=parameters_of(model))
