"""How far predictions of a device, a precision or a mode are from those of the CPU in float32.

    mmroi compare-numerics CONFIG --weights FILE [--precisions fp32 bf16]

The same network predicts the same random crops. Largest differences: of the local cameras (s, t_x, t_y) and
of the shape; of the full camera relative to the distance of the body; and of the vertices in mm. fp32 is
float32 throughout; tf32, PyTorch's default on a GPU, lets convolutions compute in TF32; bf16 is autocast.
Give --weights: the predictions of an untrained network hardly depend on the image.
"""

import argparse

from mmroi.cli.running import run_tool
from mmroi.cli.speed_arguments import add_device_arguments, make_parser, parse
from mmroi.utils.choices import EAGER, MODES, NUMERICS


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser(__doc__)
    parser.add_argument('--weights', help='checkpoint of CONFIG (default: untrained)')
    parser.add_argument('--rois', type=int, nargs='+', metavar='M', help="default: CONFIG's")
    parser.add_argument('--batch-size', type=int, default=4, metavar='N', help='persons (default: 4)')
    parser.add_argument(
        '--precisions', nargs='+', choices=NUMERICS, default=['fp32', 'bf16'], help='default: fp32 bf16'
    )
    parser.add_argument(
        '--modes',
        nargs='+',
        default=[EAGER],
        metavar='MODE',
        help=f'{EAGER}, or {", ".join(MODES)} joined by + (default: {EAGER})',
    )
    add_device_arguments(parser)
    return parse(parser)


def main() -> None:
    """Compare and print the table."""
    args = parse_args()
    import torch

    from mmroi.benchmark.speed.command_line import load_config, print_table, use_device, write_json
    from mmroi.benchmark.speed.inference import batches_in_memory, build_networks
    from mmroi.benchmark.speed.modes import parse_mode
    from mmroi.benchmark.speed.numerics import measure_numerics
    from mmroi.benchmark.speed.timing import describe_machine
    from mmroi.engine.pipelines import read_crops

    for mode in args.modes:
        parse_mode(mode)
    device = use_device(args)
    config = load_config(args)
    crops = read_crops(config)
    networks = build_networks(
        config, args.rois or [crops.num_rois], torch.device('cpu'), args.weights, with_baselines=False
    )
    batches = batches_in_memory(crops)
    rows = measure_numerics(networks, batches, device, args.batch_size, args.precisions, args.modes)
    print_table(rows)
    write_json(args.json, config=args.config, machine=describe_machine(device), rows=rows)


if __name__ == '__main__':
    run_tool(main)
