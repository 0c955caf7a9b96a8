"""Parameters and floating-point operations of each part of a network, for M = 1 to 9 RoIs.

    python tools/analysis_tools/get_flops.py CONFIG [--rois 1 5] [--json FILE]

For one person with the crops of CONFIG's test pipeline. torch's counter takes matrix products and
convolutions, forward, a multiplication and an addition as two operations: half of the figures are the
multiply-adds that papers often print as FLOPs. Normalization, activations and other pointwise work do not
count. Projector and heatmap head serve training alone and are not in the totals of ``inference``.
"""

from collections.abc import Callable
from typing import Any

import torch
from mmengine.config import ConfigDict
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmroi.benchmark.speed.command_line import load_config, make_parser, parse, print_table, write_json
from mmroi.benchmark.speed.networks import build_for_rois, crop_size_of, random_batch
from mmroi.engine.launch import run_tool
from mmroi.geometry.rotations import rot6d_to_matrix
from mmroi.models import MeshEstimator
from mmroi.models.estimators.batch import stack_views

INFERENCE = ('encoder', 'fusion', 'head', 'body_model')
TRAINING = MeshEstimator.ONLY_IN_TRAINING


def count(call: Callable[[], Any]) -> tuple[Any, int]:
    """Calls, and counts floating-point operations."""
    with FlopCounterMode(display=False) as counter:
        result = call()
    return result, counter.get_total_flops()


def parameters_of(module: nn.Module | None) -> int:
    """Number of weights; buffers, such as those of a body model, are none."""
    return sum(parameter.numel() for parameter in module.parameters()) if module is not None else 0


@torch.no_grad()
def flops_of_parts(model: nn.Module, num_rois: int, crop_size: tuple[int, int]) -> dict[str, int]:
    """Count each part for one person, running the parts one after the other as the model does.

    Args:
        model: A ``MeshEstimator`` in evaluation mode.
        num_rois: M.
        crop_size: Height and width.

    Returns:
        Operations by name of the part; 0 for those that the model lacks.
    """
    batch = model.data_preprocessor(random_batch(1, num_rois, crop_size))
    views = stack_views(batch['data_samples'], batch['inputs'])
    flops = {}

    def run(part: str, call: Callable[[], Any]) -> Any:
        result, flops[part] = count(call)
        return result

    maps = run('backbone', lambda: model.encoder.extract_maps(batch['inputs']))
    h = run('pool', lambda: model.encoder.pool_maps(maps, num_rois))
    flops = dict(encoder=flops['backbone'] + flops['pool'], fusion=0)
    u, u_bar = h, h.mean(1)
    if model.fusion is not None:
        u, u_bar = run('fusion', lambda: model.fusion(h, views.boxes, views.focal_length))[:2]
    output = run('head', lambda: model.head(u, u_bar, views.boxes, views.focal_length))
    pose6d = output['pose6d'].reshape(-1, 24, 6)[:1]  # one mesh, or that of the base RoI
    rotations, betas = rot6d_to_matrix(pose6d), output['betas'].reshape(-1, 10)[:1]
    run('body_model', lambda: model.body_model(rotations[:, :1], rotations[:, 1:], betas))
    for part, call in (
        ('projector', lambda: model.projector(h)),
        ('heatmap_head', lambda: model.heatmap_head(maps[-1])),
    ):
        flops[part] = 0
        if getattr(model, part) is not None:
            run(part, call)
    return flops


def measure(config: ConfigDict, num_rois: int, crop_size: tuple[int, int]) -> dict[str, Any] | None:
    """Parameters and operations of a model for a number of RoIs.

    Args:
        config: Of the model.
        num_rois: M.
        crop_size: Height and width.

    Returns:
        ``parameters`` and ``flops`` by part with ``inference`` for the sum of what prediction needs, and the number
        of RoIs; None if the model is not made for it.
    """
    model = build_for_rois(config, num_rois)
    if model is None:
        return None
    parameters = {part: parameters_of(getattr(model, part)) for part in (*INFERENCE, *TRAINING)}
    flops = flops_of_parts(model.eval(), num_rois, crop_size)
    for figures in (parameters, flops):
        figures['inference'] = sum(figures[part] for part in INFERENCE)
    return dict(rois=num_rois, parameters=parameters, flops=flops, all_parameters=parameters_of(model))


def main() -> None:
    """Counts."""
    parser = make_parser(__doc__)
    parser.add_argument(
        '--rois',
        type=int,
        nargs='+',
        default=[*range(1, 10)],
        metavar='M',
        help='default: 1 to 9, as far as the model takes them',
    )
    args = parse(parser)
    config = load_config(args)
    crop_size = crop_size_of(config.test_dataloader)
    counted = [measure(config.model, rois, crop_size) for rois in args.rois]
    found = [row for row in counted if row is not None]
    if not found:
        raise ValueError(f'{args.config} takes none of --rois {" ".join(map(str, args.rois))}')
    order = (*INFERENCE, 'inference', *TRAINING)
    print(f'{args.config}, one person, crops of {crop_size[0]}x{crop_size[1]}\n')
    for name, unit, scale in (('parameters', 'million parameters', 1e6), ('flops', 'GFLOPs', 1e9)):
        table = [{part: row[name][part] / scale for part in order} for row in found]
        print_table([{'M': row['rois'], **figures} for row, figures in zip(found, table, strict=True)])
        print(f'({unit})\n')
    write_json(args.json, config=args.config, crop_size=crop_size, rows=found)


if __name__ == '__main__':
    run_tool(main)
